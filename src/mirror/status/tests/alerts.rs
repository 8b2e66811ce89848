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

fn xid(code: i64, mnemonic: &str) -> together::Xid {
    together::Xid {
        code: Some(code),
        mnemonic: some(mnemonic),
        count: None,
    }
}

#[test]
fn the_order_in_which_xids_come_does_not_matter_and_ten_are_kept() {
    let nameless = together::Xid {
        count: Some(1),
        ..together::Xid::default()
    };
    let mut xids: Vec<_> = (0..11).map(|code| xid(code / 2, "m")).collect();
    xids.push(xid(0, "a"));
    xids.push(nameless);
    let of = |xids| {
        let alert = together::LinkedAlert {
            xids,
            ..alert("A", None, "t")
        };
        let item = together::Remediation {
            linked_alerts: vec![alert],
            ..item(1, "RUNNING")
        };
        from_api(&item, &[], 1)
    };
    let expected = of(xids.clone());
    let kept = &expected.linked_alerts[0].xids;
    let codes: Vec<_> = kept.iter().map(|xid| xid.code.unwrap()).collect();
    assert_eq!(codes, [0, 0, 0, 1, 1, 2, 2, 3, 3, 4]);
    assert_eq!(kept[0].mnemonic, some("a"));
    for _ in 0..xids.len() {
        xids.rotate_left(1);
        assert_eq!(of(xids.clone()), expected);
    }
}

#[test]
fn long_evidence_is_cut() {
    let long = Some("x".repeat(5000));
    let item = together::Remediation {
        linked_alerts: vec![together::LinkedAlert {
            summary: long.clone(),
            description: long.clone(),
            slurm_reason: long.clone(),
            xids: vec![together::Xid {
                mnemonic: long,
                ..together::Xid::default()
            }],
            ..together::LinkedAlert::default()
        }],
        ..item(1, "RUNNING")
    };
    let alert = &from_api(&item, &[], 1).linked_alerts[0];
    let lengths = [
        (&alert.summary, limits::TITLE),
        (&alert.description, limits::DESCRIPTION),
        (&alert.slurm_reason, limits::TITLE),
        (&alert.xids[0].mnemonic, limits::ENUM),
    ];
    for (text, limit) in lengths {
        let text = text.as_ref().unwrap();
        assert_eq!(text.chars().count(), limit as usize, "{text}");
        assert!(text.ends_with('…'));
    }
}
