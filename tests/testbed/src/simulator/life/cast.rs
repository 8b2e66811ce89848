//! A cluster's cast: machines and the lives of their remediations, all from one seed. Pure.

use fastrand::Rng;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::super::remediation::{
    AlertAnnotation, LinkedAlert, Remediation, SlurmAnnotation, XidAnnotation, XidEvent,
};
use super::words::{Alert, ROLES, Role};
use super::{Fate, Life, Outcome, Pace, Wait};

/// Machines and what is to happen to them.
pub(in super::super) struct Cast {
    /// Instance id and name of each machine.
    pub(in super::super) machines: Vec<(String, String)>,
    /// What had ended before.
    pub(in super::super) history: Vec<Remediation>,
    pub(in super::super) lives: Vec<Life>,
}

/// The same seed gives the same cast. Each machine has one remediation, and a second one where the
/// first fails. All is over within 40 minutes of the simulator's clock.
pub(in super::super) fn cast(cluster: &str, seed: u64, machines: usize, start: Timestamp) -> Cast {
    let mut rng = Rng::with_seed(seed);
    let mut number = 0;
    let machines: Vec<(String, String)> = (0..machines)
        .map(|_| {
            number += rng.u32(1..=6);
            (uuid(&mut rng), format!("gpu-dp-{number}"))
        })
        .collect();
    let mut roles: Vec<usize> = (0..machines.len()).map(|at| at % ROLES.len()).collect();
    rng.shuffle(&mut roles);
    let mut lives = Vec::new();
    let mut history = Vec::new();
    for (at, ((instance, name), role)) in machines.iter().zip(roles).enumerate() {
        let mut stage = Stage {
            cluster,
            instance,
            name,
            rng: &mut rng,
        };
        // The first one comes at once, so that there is something to see.
        let wait = if at == 0 { 2 } else { stage.rng.i64(10..300) };
        lives.push(stage.life(&ROLES[role], start + SignedDuration::from_secs(wait)));
        if at == 0 {
            history.push(stage.yesterday(start));
        }
    }
    Cast {
        machines,
        history,
        lives,
    }
}

/// One machine, and the dice.
struct Stage<'a> {
    cluster: &'a str,
    instance: &'a str,
    name: &'a str,
    rng: &'a mut Rng,
}

impl Stage<'_> {
    fn life(&mut self, role: &Role, born_at: Timestamp) -> Life {
        let outcome = (role.outcome)();
        let retry = matches!(outcome, Outcome::Fails(_)).then(|| {
            let after = self.seconds(60..150);
            let again = Life {
                born_at,
                born: false,
                remediation: self.remediation(role),
                fate: self.fate((role.wait)(), None, false, Outcome::Succeeds),
                retry: None,
            };
            (after, Box::new(again))
        });
        Life {
            born_at,
            born: false,
            remediation: self.remediation(role),
            fate: self.fate((role.wait)(), role.new_mode, role.quarantine, outcome),
            retry,
        }
    }

    fn fate(
        &mut self,
        wait: Wait,
        new_mode: Option<&str>,
        quarantine: bool,
        outcome: Outcome,
    ) -> Fate {
        Fate {
            wait,
            new_mode: new_mode.map(str::to_owned),
            quarantine,
            outcome,
            pace: Pace {
                review: self.seconds(60..240),
                queue: self.seconds(30..90),
                quarantine: self.seconds(60..120),
                run: self.seconds(180..480),
            },
        }
    }

    fn seconds(&mut self, range: std::ops::Range<i64>) -> SignedDuration {
        SignedDuration::from_secs(self.rng.i64(range))
    }

    /// As at birth; the times come with the birth.
    fn remediation(&mut self, role: &Role) -> Remediation {
        let id = uuid(self.rng);
        let alert = role.alert.as_ref().map(|alert| LinkedAlert {
            passive_health_check_alert_id: uuid(self.rng),
            alert_name: alert.name.into(),
            cluster_id: self.cluster.into(),
            severity: alert.severity.into(),
            started_at: String::new(),
            resolved_at: None,
            target_vm: self.name.into(),
            annotation: annotation(alert),
        });
        let (trigger, requested_by) = match alert {
            Some(_) => ("REMEDIATION_TRIGGER_AUTOMATED", "Together Health Checker"),
            None => ("REMEDIATION_TRIGGER_MANUAL", "Mina Okafor"),
        };
        Remediation {
            mode: role.mode.into(),
            trigger: trigger.into(),
            instance_name: Some(self.name.into()),
            reason: Some(role.reason.into()),
            passive_health_check_event_id: alert.is_some().then(|| uuid(self.rng)),
            requested_by: Some(requested_by.into()),
            linked_alerts: alert.into_iter().collect(),
            ..Remediation::new(self.cluster, self.instance, &id)
        }
    }

    /// One that succeeded the day before.
    fn yesterday(&mut self, start: Timestamp) -> Remediation {
        let created = start - SignedDuration::from_hours(26);
        let mut old = self.remediation(&ROLES[ROLES.len() - 1]);
        old.create_time = Some(created.to_string());
        old.reviewed_by = Some("Jonas Weil".into());
        for (state, minutes) in [("PENDING", 9), ("RUNNING", 11), ("SUCCEEDED", 23)] {
            old.enter(state, created + SignedDuration::from_mins(minutes));
        }
        old
    }
}

fn annotation(alert: &Alert) -> AlertAnnotation {
    let event = |(xid_code, mnemonic, count): (i64, &str, i64)| XidEvent {
        xid_code,
        mnemonic: mnemonic.to_owned(),
        count,
    };
    AlertAnnotation {
        title: alert.title.into(),
        description: alert.description.into(),
        summary_line: alert.title.into(),
        xid: alert.xid.map(|xid| XidAnnotation {
            events: vec![event(xid)],
        }),
        slurm_node_unavailable: alert.slurm.map(|reason| SlurmAnnotation {
            reason: reason.to_owned(),
        }),
    }
}

fn uuid(rng: &mut Rng) -> String {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes())
        .into_uuid()
        .to_string()
}
