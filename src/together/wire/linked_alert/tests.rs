use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(json: &str) -> Vec<LinkedAlert> {
    super::read(&RawValue::from_string(json.to_owned()).unwrap()).0
}

fn xid(code: i64, mnemonic: Option<&str>, count: Option<i64>) -> Xid {
    Xid {
        code: Some(code),
        mnemonic: mnemonic.map(Into::into),
        count,
    }
}

#[test]
fn reads_what_is_kept_and_ignores_the_rest() {
    let alerts = read(
        r#"[{"alert_name":"XidError","severity":"PHC_SEVERITY_CRITICAL",
            "annotation":{"title":"GPU fell off the bus","description":"GPU 3 no longer answers",
                "summary_line":"GPU 3 lost","newer":[1],
                "xid":{"newer":1,"events":[{"xid_code":79,"mnemonic":"GPU_LOST","count":2,"newer":{}},{"xid_code":"94","count":"3"}]},
                "slurm_node_unavailable":{"reason":"not responding","newer":2}},
            "annotations":{"title":"legacy"},
            "started_at":"2026-01-02T03:04:05Z","resolved_at":""}]"#,
    );
    let expected = LinkedAlert {
        name: Some("XidError".into()),
        severity: Some("PHC_SEVERITY_CRITICAL".into()),
        title: Some("GPU fell off the bus".into()),
        summary: Some("GPU 3 lost".into()),
        description: Some("GPU 3 no longer answers".into()),
        started_at: Some("2026-01-02T03:04:05Z".into()),
        resolved_at: None,
        xids: vec![xid(79, Some("GPU_LOST"), Some(2)), xid(94, None, Some(3))],
        slurm_reason: Some("not responding".into()),
    };
    assert_eq!(alerts, [expected]);
}

#[test]
fn a_severity_that_is_a_number_is_read_as_text() {
    let alerts = read(r#"[{"alert_name":"XidError","severity":3}]"#);
    assert_eq!(alerts[0].severity.as_deref(), Some("3"));
}

#[test]
fn junk_is_left_out() {
    for json in ["null", "7", "{}", "\"x\"", "[]", "[null, 3, [], {}]"] {
        assert!(read(json).is_empty(), "{json}");
    }
    let mixed = read(r#"[1, {"alert_name":"A","severity":5,"annotation":"text"}]"#);
    assert_eq!(mixed.len(), 1);
    let read = (mixed[0].name.as_deref(), mixed[0].severity.as_deref());
    assert_eq!(read, (Some("A"), Some("5")));
}

#[test]
fn it_reports_whether_all_of_it_was_read() {
    let all = |json: &str| super::read(&RawValue::from_string(json.to_owned()).unwrap()).1;
    for json in [
        "null",
        "[]",
        "[{}]",
        r#"[{"newer": [1], "severity": 3, "annotation": null, "alert_name": ""}]"#,
    ] {
        assert!(all(json), "{json}");
    }
    for json in [
        "7",
        "{}",
        "[null]",
        "[[]]",
        r#"[{"severity": 1.5}]"#,
        r#"[{"alert_name": 1}]"#,
        r#"[{"started_at": true}]"#,
        r#"[{"annotation": "text"}]"#,
        r#"[{"annotation": {"title": 1}}]"#,
        r#"[{"annotation": {"summary_line": {}}}]"#,
        r#"[{"annotation": {"description": []}}]"#,
        r#"[{"annotation": {"xid": [79]}}]"#,
        r#"[{"annotation": {"xid": {"events": {"xid_code": 79}}}}]"#,
        r#"[{"annotation": {"xid": {"events": [79]}}}]"#,
        r#"[{"annotation": {"xid": {"events": [{"xid_code": 79.5}]}}}]"#,
        r#"[{"annotation": {"xid": {"events": [{"count": "many"}]}}}]"#,
        r#"[{"annotation": {"slurm_node_unavailable": "drained"}}]"#,
        r#"[{"annotation": {"slurm_node_unavailable": {"reason": 1}}}]"#,
    ] {
        assert!(!all(json), "{json}");
    }
}

/// An alert with this annotation.
fn annotated(annotation: &Value) -> LinkedAlert {
    let alerts = read(&json!([{"alert_name": "A", "annotation": annotation}]).to_string());
    let [alert] = &alerts[..] else {
        unreachable!("the alert stays: {annotation}")
    };
    assert_eq!(alert.name.as_deref(), Some("A"), "{annotation}");
    alert.clone()
}

#[test]
fn evidence_of_another_shape_is_absent_and_costs_no_other() {
    let others = [
        json!(null),
        json!(7),
        json!(1.5),
        json!(true),
        json!(""),
        json!([]),
        json!({}),
        json!([[]]),
        json!({"events": 3, "reason": {}}),
        json!({"events": [1, null, {}, {"xid_code": {}, "mnemonic": 4, "count": []}], "reason": null}),
    ];
    let good = json!({
        "title": "t", "summary_line": "s", "description": "d",
        "xid": {"events": [{"xid_code": 79}]}, "slurm_node_unavailable": {"reason": "r"},
    });
    let all = annotated(&good);
    for field in good.as_object().unwrap().keys() {
        for other in &others {
            let mut spoilt = good.clone();
            spoilt[field] = other.clone();
            let mut expected = all.clone();
            match &**field {
                "title" => expected.title = None,
                "summary_line" => expected.summary = None,
                "description" => expected.description = None,
                "xid" => expected.xids = Vec::new(),
                _ => expected.slurm_reason = None,
            }
            assert_eq!(annotated(&spoilt), expected, "{field}: {other}");
        }
    }
}

#[test]
fn an_xid_keeps_what_can_be_read_of_it() {
    let xids = |events: &Value| annotated(&json!({"xid": {"events": events}})).xids;
    let events = json!([{"xid_code": 79, "mnemonic": 4, "count": null}, 5, {"xid_code": "", "count": ""}, {"xid_code": 13}]);
    assert_eq!(xids(&events), [79, 13].map(|code| xid(code, None, None)));
}

/// Any JSON.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    let field = prop_oneof![
        Just("events".to_owned()),
        Just("xid_code".to_owned()),
        Just("mnemonic".to_owned()),
        Just("count".to_owned()),
        Just("reason".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(field.clone(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_an_annotation_holds_the_alert_stays(
        annotation in any_json(),
        xid in any_json(),
        slurm in any_json(),
    ) {
        annotated(&annotation);
        let alert = annotated(&json!({"title": "t", "xid": xid, "slurm_node_unavailable": slurm}));
        prop_assert_eq!(alert.title.as_deref(), Some("t"));
        prop_assert!(alert.xids.iter().all(|xid| *xid != Xid::default()));
    }
}
