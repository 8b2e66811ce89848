//! When a remediation ended, and by which clock: pure.

use k8s_openapi::jiff::Timestamp;

/// When a remediation ended, and by which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The API says so, by its clock.
    ByApi(Timestamp),
    /// The API lost the record before the end: when the operator marked that, by the operator's clock.
    Seen(Timestamp),
}

/// The current time of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// By the operator's clock.
    pub ours: Timestamp,
    /// By the API's clock; `None` if the clocks differ so much that the time is unknown.
    pub apis: Option<Timestamp>,
}

impl End {
    /// The same end by the API's clock, for comparisons.
    #[must_use]
    pub fn by_api(self, clocks: Clocks) -> Timestamp {
        match (self, clocks.apis) {
            (Self::ByApi(end), _) | (Self::Seen(end), None) => end,
            (Self::Seen(end), Some(apis)) => {
                let ahead = apis.duration_since(clocks.ours);
                end.checked_add(ahead).unwrap_or(end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn ends_by_two_clocks_are_compared_by_the_apis() {
        let end = at("2026-11-23T10:00:00Z");
        let clocks = |apis: Option<&str>| Clocks {
            ours: at("2026-11-23T10:10:00Z"),
            apis: apis.map(at),
        };
        let ahead = Some("2026-11-23T11:10:00Z");
        for (end, apis, by_api) in [
            (End::ByApi(end), ahead, "2026-11-23T10:00:00Z"),
            (End::Seen(end), ahead, "2026-11-23T11:00:00Z"),
            (End::Seen(end), None, "2026-11-23T10:00:00Z"),
        ] {
            assert_eq!(end.by_api(clocks(apis)), at(by_api), "{end:?} {apis:?}");
        }
    }
}
