//! When a finished one ended, by the API's times.

use super::*;

#[test]
fn an_end_that_is_not_set_is_none() {
    let zeros = ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"].map(|zero| Some(zero.to_owned()));
    let time = |seconds: i64| Some(at(seconds).to_string());
    for zero in zeros {
        let table = [
            (time(2), time(3), Some(at(2))),
            (zero.clone(), time(3), Some(at(3))),
            (None, time(3), Some(at(3))),
            (zero.clone(), zero.clone(), None),
            (None, None, None),
        ];
        for (end_time, update_time, ended) in table {
            let version = Version {
                since: at(0),
                until: None,
                served: None,
                shown: Arc::new(Remediation {
                    end_time,
                    update_time,
                    ..remediation("FAILED", 0)
                }),
            };
            assert_eq!(ended_at(&version), ended, "{:?}", version.shown);
        }
    }
}
