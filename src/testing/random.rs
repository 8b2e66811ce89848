//! Random remediations: any state, any field absent, odd or far too long.

use proptest::{option, prelude::*};

use super::{CLUSTER, STATES, ZERO_TIMES, id};
use crate::together::{LinkedAlert, Remediation, Text, Xid};

pub(crate) fn state() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(&STATES[..]).prop_map(str::to_owned),
        1 => "[A-Z_]{1,80}",
        1 => "\\PC{1,80}",
    ]
}

fn long() -> impl Strategy<Value = String> {
    "[a-zäß€😀]{1,10}".prop_map(|part| part.repeat(600))
}

fn text() -> impl Strategy<Value = Option<String>> {
    option::of(prop_oneof![
        6 => "\\PC{1,20}",
        1 => long(),
    ])
}

fn time() -> impl Strategy<Value = Option<String>> {
    option::of(prop_oneof![
        6 => (0_u32..31, 0_u32..24).prop_map(|(day, hour)| format!("2026-10-{:02}T{hour:02}:00:00.5Z", day + 1)),
        1 => proptest::sample::select(&ZERO_TIMES[..]).prop_map(str::to_owned),
        1 => "\\PC{1,80}",
    ])
}

fn xid() -> impl Strategy<Value = Xid> {
    let number = || option::of(prop_oneof![6 => 0_i64..100, 1 => any::<i64>()]);
    (number(), text(), number()).prop_map(|(code, mnemonic, count)| Xid {
        code,
        mnemonic,
        count,
    })
}

prop_compose! {
    fn alert()(
        (name, severity, title) in (text(), text(), text()),
        (summary, description, slurm_reason) in (text(), text(), text()),
        (started_at, resolved_at) in (time(), time()),
        xids in prop_oneof![
            9 => proptest::collection::vec(xid(), 0..3),
            1 => proptest::collection::vec(xid(), 11),
        ],
    ) -> LinkedAlert {
        LinkedAlert {
            name,
            severity,
            title,
            summary,
            description,
            started_at,
            resolved_at,
            xids,
            slurm_reason,
        }
    }
}

prop_compose! {
    /// One of `numbers` ids.
    pub(crate) fn remediation(numbers: u64)(
        number in 0..numbers,
        state in state(),
        (instance_id, instance_name, mode, trigger) in (
            option::of(prop_oneof![6 => "instance-[1-4]", 1 => long()]),
            text(),
            option::of(prop_oneof!["REMEDIATION_MODE_[A-Z_]{1,90}", "\\PC{1,90}"]),
            option::of(prop_oneof!["REMEDIATION_TRIGGER_[A-Z_]{1,90}", "\\PC{1,90}"]),
        ),
        (reason, requested_by, reviewed_by, review_comment) in (text(), text(), text(), text()),
        (active, passive, error_message) in (text(), text(), text()),
        (create_time, review_time, start_time, end_time, update_time) in (time(), time(), time(), time(), time()),
        linked_alerts in prop_oneof![
            9 => proptest::collection::vec(alert(), 0..3),
            1 => proptest::collection::vec(alert(), 11),
        ],
    ) -> Remediation {
        Remediation::<String> {
            id: id(number),
            cluster_id: Some(CLUSTER.to_owned()),
            instance_id,
            mode,
            trigger,
            state,
            reason,
            active_health_check_run_id: active,
            passive_health_check_event_id: passive,
            requested_by,
            create_time,
            reviewed_by,
            review_time,
            review_comment,
            start_time,
            end_time,
            error_message,
            update_time,
            instance_name,
            linked_alerts,
            unreadable: Vec::new(),
        }
        .map(Text::from)
    }
}
