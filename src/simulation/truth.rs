//! What the API has and had: the truth that mirrors are compared with.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::{
    api::{remediation::RemediationStatus, timestamp},
    clock::MonoTime,
    testing::clock::wall_time,
    together::{Remediation, wire::state},
};

/// One remediation through time.
#[derive(Debug)]
pub(super) struct Entry {
    /// Every version, in the order of creation.
    pub(super) versions: Vec<Remediation>,
    /// Which version was current since when; `None` means that the API did not have it.
    timeline: Vec<(MonoTime, Option<usize>)>,
    /// Whether lists contain it. The request by id always returns it while the API has it.
    pub(super) listed: bool,
    /// When it was last reset to an older version.
    pub(super) restored: Option<MonoTime>,
}

impl Entry {
    pub(super) fn new(version: Remediation, now: MonoTime) -> Self {
        Self {
            versions: vec![version],
            timeline: vec![(now, Some(0))],
            listed: true,
            restored: None,
        }
    }

    /// The current version, if the API has it.
    pub(super) fn current(&self) -> Option<&Remediation> {
        let (_, version) = self.timeline.last()?;
        version.map(|at| &self.versions[at])
    }

    /// The instance that it is for.
    pub(super) fn instance(&self) -> Option<&str> {
        self.versions.last()?.instance_id.as_deref()
    }

    /// Whether a list of `instance` (`None`: all) may contain it.
    pub(super) fn is_of(&self, instance: Option<&str>) -> bool {
        instance.is_none() || self.instance() == instance
    }

    /// Whether it belongs to another cluster.
    pub(super) fn is_anothers(&self) -> bool {
        let current = self.current().and_then(|item| item.cluster_id.as_deref());
        current == Some(super::judge::ANOTHER)
    }

    /// The version before the last change, if any.
    pub(super) fn lagging(&self) -> Option<&Remediation> {
        let (_, version) = self.timeline.iter().rev().nth(1)?;
        version.map(|at| &self.versions[at])
    }

    pub(super) fn become_(&mut self, version: Remediation, now: MonoTime) {
        self.versions.push(version);
        self.timeline.push((now, Some(self.versions.len() - 1)));
        self.restored = None;
    }

    /// The version with this number is current again.
    pub(super) fn restore(&mut self, version: usize, now: MonoTime) {
        self.timeline.push((now, Some(version)));
        self.restored = Some(now);
    }

    pub(super) fn vanish(&mut self, now: MonoTime) {
        self.timeline.push((now, None));
    }

    pub(super) fn come_back(&mut self, now: MonoTime) {
        let last = self.timeline.iter().rev().find_map(|(_, version)| *version);
        self.timeline.push((now, last));
        self.listed = true;
    }

    /// Whether `status` shows a version that was current at some time, and until when (still current: `now`).
    pub(super) fn last_true(&self, status: &RemediationStatus, now: MonoTime) -> Option<MonoTime> {
        let ends = self.timeline.iter().skip(1).map(|(from, _)| *from);
        let ends = ends.chain([now]);
        let shown = self.timeline.iter().zip(ends).filter(|((_, version), _)| {
            version.is_some_and(|version| shows(status, &self.versions[version]))
        });
        shown.last().map(|(_, end)| end)
    }

    /// Since when the current version is current.
    pub(super) fn since(&self) -> MonoTime {
        self.timeline
            .last()
            .map_or(MonoTime::ZERO, |(from, _)| *from)
    }
}

/// Whether the mirror shows this version.
pub(super) fn shows(status: &RemediationStatus, version: &Remediation) -> bool {
    let mode = version
        .mode
        .as_deref()
        .map(|mode| mode.trim_start_matches("REMEDIATION_MODE_"));
    status.state.as_deref() == Some(&version.state)
        && status.update_time.as_deref() == version.update_time.as_deref()
        && status.mode.as_deref() == mode
        && status.instance_id.as_deref() == version.instance_id.as_deref()
}

/// When a version was created.
pub(super) fn updated(version: &Remediation) -> Option<Timestamp> {
    timestamp::read(version.update_time.as_deref())
}

/// Everything that the API has and had, by id.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) entries: BTreeMap<String, Entry>,
    /// The cluster that the remediations belong to.
    cluster: &'static str,
    made: u64,
    /// How far the API's clock is ahead.
    pub(super) ahead: SignedDuration,
    /// When, by the API's clock, the newest version was created.
    newest: Timestamp,
}

impl Truth {
    pub(super) fn of(cluster: &'static str) -> Self {
        Self {
            cluster,
            ..Self::default()
        }
    }

    /// The wall-clock time of the API.
    pub(super) fn clock(&self, now: MonoTime) -> Timestamp {
        wall_time(now) + self.ahead
    }

    /// A new version, later than all others: a clock that is set back does not order versions differently.
    pub(super) fn dated(&mut self, mut version: Remediation, now: MonoTime) -> Remediation {
        self.made += 1;
        let now = self.clock(now) + Duration::from_micros(self.made);
        let now = now.max(self.newest + Duration::from_micros(1));
        self.newest = now;
        version.update_time = Some(now.to_string().into());
        version.end_time = state::is_final(&version.state).then(|| now.to_string().into());
        version
    }

    /// The id of a new remediation.
    pub(super) fn add(&mut self, state: &str, instance: usize, now: MonoTime) -> String {
        let number = self.entries.len() as u64 + 1;
        let mut item = crate::testing::item(number, state);
        item.cluster_id = Some(self.cluster.into());
        item.instance_id = Some(format!("instance-{instance}").into());
        let item = self.dated(item, now);
        let id = item.id.to_string();
        self.entries.insert(id.clone(), Entry::new(item, now));
        id
    }
}
