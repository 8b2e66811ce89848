//! Optional fields that hold something else than a text, and enums that hold numbers.

use super::*;

/// Every optional field that an item is not known by.
pub(super) const OPTIONAL: [&str; 16] = [
    "mode",
    "trigger",
    "reason",
    "active_health_check_run_id",
    "passive_health_check_event_id",
    "requested_by",
    "create_time",
    "reviewed_by",
    "review_time",
    "review_comment",
    "start_time",
    "end_time",
    "error_message",
    "update_time",
    "instance_name",
    "linked_alerts",
];

fn one_item(item: &Value) -> Result<Remediation, String> {
    decode_one(item.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn an_enum_value_that_is_a_number_is_read_as_text() {
    for (field, read) in [
        (
            "state",
            (|item| Some(item.state)) as fn(Remediation) -> Option<Text>,
        ),
        ("mode", |item| item.mode),
        ("trigger", |item| item.trigger),
    ] {
        let numbers = [json!(6), json!(0), json!(-1), json!(u64::MAX)];
        // Read at once, and field by field.
        for (number, reason) in
            numbers
                .into_iter()
                .zip([json!("r"), json!(true), json!(null), json!(5)])
        {
            let mut item = json!({"id": "a", "state": "PENDING_APPROVAL", "reason": reason});
            item[field] = number.clone();
            let page = page_of(&json!([item, {"id": "b", "state": "RUNNING"}]));
            let [Ok(first), Ok(_)] = &page.items[..] else {
                panic!("{field} {number}: {:?}", page.items);
            };
            let text = read(first.clone()).map(|text| text.to_string());
            assert_eq!(text, Some(number.to_string()), "{field}");
            assert_eq!(one_item(&item), Ok(first.clone()));
        }
    }
}

#[test]
fn a_state_that_is_a_number_is_unknown_and_not_final() {
    let page = page_of(&json!([{"id": "a", "state": 7}]));
    let state = &page.items[0].as_ref().unwrap().state;
    assert_eq!(state, "7");
    assert!(!state::is_final(state) && !state::is_known(state));
}

#[test]
fn an_optional_field_of_another_type_is_absent_and_its_item_stays() {
    for field in OPTIONAL {
        for wrong in [json!(7.5), json!(true), json!({MARKER: 1}), json!([MARKER])] {
            let mut item = json!({"id": "a", "state": "RUNNING", "instance_id": "i"});
            item[field] = wrong.clone();
            let listed = page_of(&json!([item])).items.remove(0);
            for read in [listed.map_err(|lost| lost.to_string()), one_item(&item)] {
                let read = read.unwrap_or_else(|lost| panic!("{field} {wrong}: {lost}"));
                let expected = Remediation {
                    id: "a".into(),
                    state: "RUNNING".into(),
                    instance_id: Some("i".into()),
                    unreadable: vec![field],
                    ..Remediation::default()
                };
                assert_eq!(read, expected, "{field} {wrong}");
            }
        }
    }
}

#[test]
fn what_cannot_be_read_of_the_linked_alerts_costs_nothing_else() {
    let read = page_of(&json!([{
        "id": "a", "state": "RUNNING", "mode": "M", "reason": 5,
        "linked_alerts": [7, {"alert_name": {}, "severity": 3}, {"alert_name": "XidError"}],
    }]));
    let item = read.items[0].clone().unwrap();
    assert_eq!(item.mode.as_deref(), Some("M"));
    let alerts = item.linked_alerts.iter();
    let alerts: Vec<_> = alerts
        .map(|alert| (alert.name.as_deref(), alert.severity.as_deref()))
        .collect();
    assert_eq!(alerts, [(None, Some("3")), (Some("XidError"), None)]);
    assert_eq!(item.unreadable, ["reason", "linked_alerts"]);
}

#[test]
fn an_optional_field_that_is_there_twice_or_holds_broken_text_costs_its_item() {
    for (field, problem) in [
        (
            r#""mode":"A","mode":6"#,
            "mode: has the wrong type or appears twice",
        ),
        (r#""reason":"\ud800""#, "reason: not valid JSON"),
    ] {
        let body =
            format!(r#"{{"remediations":[{{"id":"a","state":"S",{field}}}],"has_next":false}}"#);
        let lost = decode(body).unwrap().items[0].clone().unwrap_err();
        assert_eq!(
            lost.to_string(),
            format!("remediation \"a\": field {problem}")
        );
    }
}

#[test]
fn a_byte_that_is_no_utf_8_costs_its_place_in_its_text_alone() {
    let items = b"{\"id\":\"a\",\"state\":\"RUNNING\",\"reason\":\"GPU \xff lost\"},{\"id\":\"b\",\"state\":\"RUNNING\"}";
    let body = [&b"{\"remediations\":["[..], items, b"],\"has_next\":false}"].concat();
    let page = decode_page(&Bytes::from(body)).unwrap();
    let read = page.items.into_iter().map(Result::unwrap);
    let read: Vec<_> = read.map(|item| (item.id, item.reason)).collect();
    let reason = Some("GPU \u{fffd} lost".into());
    assert_eq!(read, [("a".into(), reason), ("b".into(), None)]);
    let one = decode_one(b"{\"id\":\"a\",\"state\":\"RUNNING\",\"reason\":\"\xff\"}").unwrap();
    assert_eq!(one.reason.as_deref(), Some("\u{fffd}"));
}
