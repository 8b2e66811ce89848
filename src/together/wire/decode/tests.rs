#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::together::wire::state;

mod optional;

use optional::OPTIONAL;

const MARKER: &str = "planted-marker";

fn decode(body: impl AsRef<[u8]>) -> Result<Page, Error> {
    decode_page(&Bytes::copy_from_slice(body.as_ref()))
}

fn page(body: &Value) -> Page {
    decode(body.to_string()).unwrap()
}

fn page_of(items: &Value) -> Page {
    page(&json!({"remediations": items, "has_next": false}))
}

fn flaw_of(body: &str) -> DecodeError {
    match decode(body) {
        Err(Error::InvalidResponse(flaw)) => flaw,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_every_field_of_the_reference_page() {
    let mut item = json!({});
    for field in OPTIONAL
        .into_iter()
        .chain(["id", "cluster_id", "instance_id"])
    {
        item[field] = json!(format!("the {field}"));
    }
    item["mode"] = json!("REMEDIATION_MODE_VM_ONLY");
    item["trigger"] = json!("REMEDIATION_TRIGGER_MANUAL");
    item["state"] = json!("PENDING_APPROVAL");
    item["linked_alerts"] = json!([{"alert_name": "XidError"}]);
    let body = json!({"remediations": [item], "has_next": true, "next_page_token": "t"});

    let page = page(&body);

    let text = |field: &str| Some(item[field].as_str().unwrap().to_owned());
    let read = page.items[0].clone().unwrap();
    let expected = Remediation {
        id: "the id".into(),
        cluster_id: text("cluster_id"),
        instance_id: text("instance_id"),
        mode: text("mode"),
        trigger: text("trigger"),
        state: "PENDING_APPROVAL".into(),
        reason: text("reason"),
        active_health_check_run_id: text("active_health_check_run_id"),
        passive_health_check_event_id: text("passive_health_check_event_id"),
        requested_by: text("requested_by"),
        create_time: text("create_time"),
        reviewed_by: text("reviewed_by"),
        review_time: text("review_time"),
        review_comment: text("review_comment"),
        start_time: text("start_time"),
        end_time: text("end_time"),
        error_message: text("error_message"),
        update_time: text("update_time"),
        instance_name: text("instance_name"),
        linked_alerts: read.linked_alerts.clone(),
        unreadable: Vec::new(),
    };
    assert_eq!(read, expected.map(Text::from));
    assert_eq!(read.linked_alerts.len(), 1);
    assert_eq!(
        (page.has_next, page.next_page_token.as_deref()),
        (true, Some("t"))
    );
}

#[test]
fn absent_null_and_empty_are_none_and_what_is_new_is_no_matter() {
    let page = page_of(&json!([
        {"id": "a", "state": "DRAINING", "reason": null, "cluster_id": "", "newer": [{"x": 1}],
         "linked_alerts": null},
    ]));
    let expected = Remediation {
        id: "a".into(),
        state: "DRAINING".into(),
        ..Remediation::default()
    };
    assert_eq!(page.items, [Ok(expected)]);
}

#[test]
fn a_bad_item_is_named_and_loses_no_other() {
    let page = page_of(&json!([
        {"id": "a", "state": "RUNNING"},
        {"id": "b"},
        {"state": "RUNNING"},
        {"id": "c", "state": "RUNNING", "cluster_id": 7},
        {"id": "g", "state": "RUNNING", "instance_id": {}},
        {"id": "h", "state": true},
        {"id": 5, "state": "RUNNING"},
        null,
        ["d", "x", "x", "x", "x", "RUNNING"],
        {"id": "e", "state": ""},
        {"id": "f", "state": "RUNNING"},
    ]));
    let lines: Vec<String> = page
        .items
        .iter()
        .map(|item| match item {
            Ok(remediation) => remediation.id.to_string(),
            Err(malformed) => malformed.to_string(),
        })
        .collect();
    insta::assert_yaml_snapshot!(lines, @r#"
    - a
    - "remediation \"b\": field state: absent or empty"
    - "the listing's item 2: field id: absent or empty"
    - "remediation \"c\": field cluster_id: has the wrong type or appears twice"
    - "remediation \"g\": field instance_id: has the wrong type or appears twice"
    - "remediation \"h\": field state: has the wrong type or appears twice"
    - "the listing's item 6: field id: has the wrong type or appears twice"
    - "the listing's item 7: no JSON object"
    - "the listing's item 8: no JSON object"
    - "remediation \"e\": field state: absent or empty"
    - f
    "#);
    let positions: Vec<usize> = page
        .items
        .iter()
        .filter_map(|item| Some(item.as_ref().err()?.position))
        .collect();
    assert_eq!(positions, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn invalid_text_in_one_item_loses_no_other() {
    let body = r#"{"remediations":[{"id":"a","state":"RUNNING","reason":"\ud800"},
        {"id":"b","state":"RUNNING"}],"has_next":false}"#;
    let page = decode(body).unwrap();
    assert_eq!(page.items[0].as_ref().unwrap_err().id.as_deref(), Some("a"));
    assert!(page.items[1].is_ok());
}

#[test]
fn a_field_whose_name_cannot_be_read_is_not_named() {
    let body = r#"{"remediations":[{"id":"a","st\ud800ate":"RUNNING"}],"has_next":false}"#;
    let item = decode(body).unwrap().items[0].clone();
    let error = item.unwrap_err().to_string();
    assert_eq!(error, "the listing's item 0: not valid JSON");
}

#[test]
fn a_very_long_id_of_a_bad_item_is_left_out() {
    let most = item::MAX_MALFORMED_ID;
    let id = |length| page_of(&json!([{"id": "i".repeat(length)}])).items[0].clone();
    assert_eq!(id(most).unwrap_err().id.unwrap().len(), most);
    assert_eq!(id(most + 1).unwrap_err().id, None);
}

#[test]
fn null_and_empty_tokens_are_none() {
    for token in [json!(null), json!("")] {
        let body = json!({"remediations": null, "has_next": true, "next_page_token": token});
        let expected = Page {
            items: Vec::new(),
            has_next: true,
            next_page_token: None,
        };
        assert_eq!(page(&body), expected);
    }
}

#[test]
fn an_answer_without_its_required_fields_proves_nothing() {
    let path = |body: &str| match flaw_of(body) {
        DecodeError::Shape { path, .. } | DecodeError::Field { field: path, .. } => path,
        other => panic!("{other:?}"),
    };
    for (body, expected) in [
        ("{}", "remediations"),
        (r#"{"has_next":false}"#, "remediations"),
        (r#"{"remediations":[]}"#, "has_next"),
        (r#"{"remediations":[],"has_next":null}"#, "has_next"),
        (r#"{"remediations":{},"has_next":false}"#, "remediations"),
        (
            r#"{"remediations":[],"has_next":false,"next_page_token":1}"#,
            "next_page_token",
        ),
        ("7", "the body"),
        ("[[],false,null]", "the body"),
    ] {
        assert_eq!(path(body), expected, "{body}");
    }
}

#[test]
fn an_error_shows_where_a_body_breaks() {
    let page = "{\"remediations\":[],\n\"has_next\":false}";
    assert!(decode(page).is_ok());
    let no_json = |line, column| DecodeError::NotJson { line, column };
    assert_eq!(flaw_of("<html>oh no</html>"), no_json(1, 1));
    assert_eq!(flaw_of(&format!("{page} x")), no_json(2, 19));
    let (line, column) = (2, 5);
    assert_eq!(flaw_of(&page[..25]), DecodeError::CutOff { line, column });
    assert!(matches!(flaw_of(""), DecodeError::CutOff { .. }));
}

#[test]
fn one_remediation_by_id() {
    let body = json!({"id": "a", "state": "RUNNING"}).to_string();
    assert_eq!(decode_one(body.as_bytes()).unwrap().id, "a");
    for (body, flaw) in [
        (r#"{"id":"a"}"#, "state: absent or empty"),
        ("[]", "the body: no JSON object"),
    ] {
        let error = decode_one(body.as_bytes()).unwrap_err().to_string();
        let expected = format!(
            "cannot read the response of the Together API: {flaw}. Check --api-url, then contact Together support"
        );
        assert_eq!(error, expected);
    }
    assert!(decode_one(b"<html>").is_err());
}

#[test]
fn no_error_shows_the_contents_of_the_body() {
    let leaks = [
        json!({"remediations": MARKER, "has_next": false}),
        json!({"remediations": [], "has_next": MARKER}),
        json!({"remediations": [], "has_next": {MARKER: 1}}),
        json!({"remediations": [{"id": "a", "state": "RUNNING", "mode": {MARKER: MARKER}}],
               "has_next": false}),
        json!({"remediations": [{"id": {MARKER: 1}, "state": MARKER, "reason": [MARKER]}],
               "has_next": false}),
        json!({"remediations": [MARKER, [MARKER]], "has_next": false}),
        json!(MARKER),
    ];
    let broken = [
        r#"{"remediations":[],"MARKER":{"MARKER":x"#,
        r#"{"remediations":[],"MARKER":{"MARKER":"x"#,
        r#"{"remediations":[{"MARKER\ud800":1,"id":"a"}],"has_next":false}"#,
        r#"{"remediations":[{"id":"a","mode":"MARKER\ud800"}],"has_next":false}"#,
        r#"{"remediations":[{"id":"a","id":"MARKER"}],"has_next":false}"#,
        r#"{"remediations":[{"MARKER":{"MARKER":"\ud800"},"id":"a","state":"RUNNING"}],"has_next":false}"#,
        r#"{"MARKER\ud800":1}"#,
    ]
    .map(|body| body.replace("MARKER", MARKER));
    let bodies = leaks.iter().map(Value::to_string).chain(broken);
    for body in bodies {
        let shown = match decode(&body) {
            Ok(page) => {
                let bad: Vec<Malformed> = page.items.into_iter().filter_map(Result::err).collect();
                let lines: Vec<String> = bad.iter().map(ToString::to_string).collect();
                format!("{lines:?} {bad:?}")
            }
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains(MARKER), "{body}: {shown}");
    }
}

/// An item, its id where it has one, and whether it is readable.
fn any_item() -> impl Strategy<Value = (Value, Option<String>, bool)> {
    let id = "[ -~]{1,12}|\\PC{1,4}";
    let state = "[A-Z_]{1,12}";
    prop_oneof![
        (id, state).prop_map(|(id, state)| (json!({"id": id, "state": state}), Some(id), true)),
        id.prop_map(|id| (json!({"id": id}), Some(id), false)),
        (id, any::<i64>()).prop_map(|(id, n)| (
            json!({"id": id, "state": n, "mode": n, "linked_alerts": [{"severity": n}]}),
            Some(id),
            true
        )),
        (id, any::<i64>()).prop_map(|(id, n)| (
            json!({"id": id, "state": "S", "reason": n, "update_time": [n]}),
            Some(id),
            true
        )),
        (id, any::<i64>()).prop_map(|(id, n)| (
            json!({"id": id, "state": "S", "instance_id": n}),
            Some(id),
            false
        )),
        any::<bool>().prop_map(|junk| (json!({"state": junk}), None, false)),
        any::<f64>().prop_map(|junk| (json!([junk]), None, false)),
    ]
}

proptest! {
    #[test]
    fn no_item_and_no_id_is_lost(items in prop::collection::vec(any_item(), 0..20)) {
        let values: Vec<Value> = items.iter().map(|(value, ..)| value.clone()).collect();
        let page = page_of(&json!(values));
        prop_assert_eq!(page.items.len(), items.len());
        for (position, (read, (_, id, readable))) in page.items.iter().zip(&items).enumerate() {
            match read {
                Ok(remediation) => {
                    prop_assert!(*readable);
                    prop_assert_eq!(Some(&*remediation.id), id.as_deref());
                }
                Err(malformed) => {
                    prop_assert!(!readable);
                    prop_assert_eq!((malformed.position, &malformed.id), (position, id));
                }
            }
        }
    }

    #[test]
    fn the_quick_reading_is_the_one_of_item_by_item(
        items in prop::collection::vec(any_item(), 0..8),
        envelope in prop::sample::select(vec!["{\"has_next\":false,\"remediations\":@}", " {\"remediations\":@}", "[@,false,null]", "{\"remediations\":@,\"remediations\":@,\"has_next\":true,\"next_page_token\":\"t\"}"]),
    ) {
        let items: Vec<_> = items.into_iter().map(|(item, ..)| item).collect();
        let body = envelope.replace('@', &Value::from(items).to_string());
        prop_assert_eq!(decode(&body), one_by_one(body.as_bytes()));
    }

    #[test]
    fn a_cut_page_is_never_a_page(items in prop::collection::vec(any_item(), 0..6), at in any::<prop::sample::Index>()) {
        let values: Vec<Value> = items.iter().map(|(value, ..)| value.clone()).collect();
        let body = json!({"remediations": values, "has_next": false}).to_string();
        let cut = at.index(body.len());
        prop_assert!(decode(&body.as_bytes()[..cut]).is_err());
    }

    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(&body).is_err());
        prop_assert!(decode_one(&body).is_err());
    }
}
