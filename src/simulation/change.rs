//! The effect of each kind of step on what the API has.

use k8s_openapi::jiff::SignedDuration;

use super::{sequence::Sequence, step::Kind};

/// The possible states, in the order in which a remediation passes through them.
const STATES: [&str; 10] = [
    "PENDING_APPROVAL",
    "PENDING",
    "RUNNING",
    "QUARANTINING",
    "QUARANTINED",
    "SUCCEEDED",
    "FAILED",
    "CANCELLED",
    "AUTO_RESOLVED",
    "RUNNING",
];
const MODES: [&str; 3] = ["REBOOT_VM", "VM_ONLY", "HOST_AWARE"];
/// Maximum number of remediations per sequence. More would cost time without showing anything new.
const MOST: usize = 30;

impl Sequence {
    pub(super) fn new_one(&mut self) {
        let (state, instance) = (STATES[self.draw(0..STATES.len())], self.draw(0..3));
        self.world.with(|world, now| {
            if world.truth.entries.len() < MOST {
                let id = world.truth.add(state, instance, now);
                world.log(now, || format!("  {id} is new, {state}"));
            }
        });
    }

    /// The API's clock is corrected forwards. A clock that is set back would be a restore, which is its own kind of
    /// step.
    pub(super) fn put_api_clock_ahead(&mut self) {
        let seconds = [30, 300, 4000][self.draw(0..3)];
        self.set_api_clock(SignedDuration::from_secs(seconds));
    }

    /// Both clusters are behind the same API.
    pub(super) fn set_api_clock(&self, by: SignedDuration) {
        for world in &self.worlds {
            world.with(|world, now| {
                world.judge.last.minds = now;
                world.truth.ahead += by;
            });
        }
    }

    pub(super) fn change_truth(&mut self, kind: Kind) {
        match kind {
            Kind::New => return self.new_one(),
            Kind::NewMany => {
                for _ in 0..3 {
                    self.new_one();
                }
                return;
            }
            _ => {}
        }
        let count = self.world.with(|world, _| world.truth.entries.len());
        if count == 0 {
            return self.new_one();
        }
        let at = self.draw(0..count);
        let (state, mode) = (
            STATES[self.draw(0..STATES.len())],
            MODES[self.draw(0..MODES.len())],
        );
        let version = self.draw(0..8);
        self.world.with(|world, now| {
            world.judge.last.minds = now;
            let all: Vec<_> = world.truth.entries.keys().cloned().collect();
            if kind == Kind::AllVanish {
                for entry in world
                    .truth
                    .entries
                    .values_mut()
                    .filter(|entry| entry.current().is_some())
                {
                    entry.vanish(now);
                }
                return;
            }
            let id = all[at].clone();
            world.log(now, || format!("  {id} {kind:?}"));
            let entry = &world.truth.entries[&id];
            let Some(mut item) = entry.current().cloned() else {
                if kind == Kind::ComesBack {
                    world.truth.entries.get_mut(&id).unwrap().come_back(now);
                }
                return;
            };
            match kind {
                Kind::StateChanges if crate::together::wire::state::is_final(&item.state) => return,
                Kind::StateChanges => item.state = state.into(),
                Kind::UnknownState => item.state = "DRAINING".into(),
                Kind::ModeChanges => item.mode = Some(format!("REMEDIATION_MODE_{mode}").into()),
                _ => {
                    let entry = world.truth.entries.get_mut(&id).unwrap();
                    match kind {
                        Kind::LeavesTheList => entry.listed = false,
                        Kind::ComesBack => entry.listed = true,
                        Kind::Vanishes => entry.vanish(now),
                        _ => {
                            let version = version % entry.versions.len();
                            entry.restore(version, now);
                        }
                    }
                    return;
                }
            }
            let item = world.truth.dated(item, now);
            world.truth.entries.get_mut(&id).unwrap().become_(item, now);
        });
    }
}
