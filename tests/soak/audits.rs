//! The auditor's looks, one member at a time.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde_json::Value;
use testbed::{
    auditor::{Look, Seen, see},
    simulator::{History, Simulator},
};

use super::{Failure, cast::Member};

/// What two loaded cores add to a poll.
const SLACK: SignedDuration = SignedDuration::from_secs(20);

/// What was looked at so far.
#[derive(Default)]
pub(crate) struct Audits {
    pub(crate) looks: u64,
    /// Differences that were recent, or that a condition reports.
    pub(crate) explained: usize,
    /// Looks while something was wrong.
    pub(crate) in_trouble: u64,
    pub(crate) mirrors: BTreeMap<String, usize>,
    pub(crate) ready: BTreeMap<String, bool>,
    sums_off_since: BTreeMap<String, Timestamp>,
}

impl Audits {
    /// Looks at one member; fails if anything is unexplained.
    pub(crate) async fn look(
        &mut self,
        client: &Client,
        simulator: &Simulator,
        member: &Member,
        calm_since: Option<Timestamp>,
        restarted: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let asked = simulator.now();
        let Seen { watches, mirrors } = see(client, &member.namespace).await?;
        let answered = simulator.now();
        let histories = simulator.histories(&member.cluster);
        let watch = watches.first().ok_or("a watch is gone")?;
        let name = &member.namespace;
        let found = Look {
            watch,
            mirrors: &mirrors,
            histories: &histories,
            asked,
            answered,
            calm_since,
            restarted,
            sums_off_since: self.sums_off_since.get(name).copied(),
            slack: SLACK,
        }
        .verdict();
        self.looks += 1;
        self.in_trouble += u64::from(calm_since.is_none());
        self.explained += found.explained;
        self.mirrors.insert(name.clone(), mirrors.len());
        self.ready.insert(name.clone(), is_ready(watch));
        if found.sums_off {
            self.sums_off_since.entry(name.clone()).or_insert(asked);
        } else {
            self.sums_off_since.remove(name);
        }
        if found.unexplained.is_empty() {
            return Ok(());
        }
        let calm = calm_since.map_or("trouble".to_owned(), |since| format!("calm since {since}"));
        let mut lines = vec![format!(
            "{name} at {asked}, {calm}: {} unexplained",
            found.unexplained.len()
        )];
        for line in found.unexplained.iter().take(10) {
            lines.push(format!("  {line}"));
            let id = line.split(':').next().unwrap_or_default();
            lines.extend(evidence(id, &mirrors, &histories));
        }
        lines.push(format!("  the watch: {}", watch["status"]));
        Err(lines.join("\n").into())
    }
}

fn is_ready(watch: &Value) -> bool {
    let conditions = watch["status"]["conditions"].as_array();
    conditions.is_some_and(|all| {
        all.iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    })
}

/// The mirror and the history of one remediation, in lines.
fn evidence(id: &str, mirrors: &[Value], histories: &BTreeMap<String, History>) -> Vec<String> {
    let mirror = mirrors.iter().filter(|mirror| mirror["spec"]["id"] == id);
    let mut lines: Vec<_> = mirror
        .map(|mirror| format!("    mirror: {}", mirror["status"]))
        .collect();
    if let Some(history) = histories.get(id) {
        for (kind, versions) in [("version", &history.versions), ("lie", &history.lies)] {
            lines.extend(versions.iter().map(|version| {
                let (state, since, until) = (&version.shown.state, version.since, version.until);
                format!("    {kind}: {state} from {since} to {until:?}")
            }));
        }
    }
    lines
}
