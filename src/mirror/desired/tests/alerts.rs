//! The alerts that led to a remediation.

use super::*;

fn alert(name: &str, started_at: Option<&str>, title: &str) -> together::LinkedAlert {
    together::LinkedAlert {
        name: some(name),
        title: some(title),
        started_at: started_at.map(str::to_owned),
        ..together::LinkedAlert::default()
    }
}

/// More than the ten that are mirrored: by their start, then by name, then by the rest; those without a usable start last.
fn in_order() -> Vec<together::LinkedAlert> {
    let mut alerts = vec![
        alert(
            "Second",
            Some("2026-11-23T10:00:00+02:00"),
            "first to begin",
        ),
        alert("First", Some("2026-11-23T08:30:00Z"), "next"),
        alert("A", Some("2026-11-23T09:00:00Z"), "one"),
        alert("A", Some("2026-11-23T09:00:00Z"), "other"),
        alert("B", Some("2026-11-23T09:00:00Z"), "one"),
    ];
    let more = (0..4).map(|n| alert("C", Some(&format!("2026-11-23T09:10:0{n}Z")), "x"));
    alerts.extend(more);
    alerts.extend([
        alert("D", None, "none"),
        alert("E", Some(ZERO_TIMES[0]), "not set"),
        alert("F", Some("soon"), "odd"),
    ]);
    alerts
}

#[test]
fn the_order_in_which_alerts_come_does_not_matter() {
    let of = |linked_alerts| {
        let item = together::Remediation {
            reason: None,
            linked_alerts,
            ..full_item("PENDING_APPROVAL")
        };
        from_api(&item, &[], 1)
    };
    let mut alerts = in_order();
    let expected = of(alerts.clone());
    let names: Vec<_> = expected
        .linked_alerts
        .iter()
        .filter_map(|alert| alert.name.as_deref())
        .collect();
    assert_eq!(
        names,
        ["Second", "First", "A", "A", "B", "C", "C", "C", "C", "D"]
    );
    let message = &condition(&expected.conditions, "Succeeded").message;
    assert!(message.contains("first to begin"), "{message}");
    for turn in 0..alerts.len() {
        alerts.rotate_left(1);
        assert_eq!(of(alerts.clone()), expected, "turned by {turn}");
        let mut reversed = alerts.clone();
        reversed.reverse();
        assert_eq!(of(reversed), expected, "turned by {turn} and reversed");
    }
}
