//! What alerts and people say.

use super::{Outcome, Wait};

/// A role that a machine plays: what is found, what is done about it, how it goes.
pub(super) struct Role {
    pub(super) alert: Option<Alert>,
    pub(super) reason: &'static str,
    pub(super) mode: &'static str,
    pub(super) new_mode: Option<&'static str>,
    pub(super) quarantine: bool,
    pub(super) wait: fn() -> Wait,
    pub(super) outcome: fn() -> Outcome,
}

/// What a health check saw.
pub(super) struct Alert {
    pub(super) name: &'static str,
    pub(super) severity: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
}

const VM_ONLY: &str = "REMEDIATION_MODE_VM_ONLY";
const HOST_AWARE: &str = "REMEDIATION_MODE_HOST_AWARE";
const EVICT: &str = "REMEDIATION_MODE_EVICT_WITHOUT_REPLACEMENT";
const REBOOT: &str = "REMEDIATION_MODE_REBOOT_VM";
const POWER_CYCLE: &str = "REMEDIATION_MODE_HOST_POWER_CYCLE";
const CRITICAL: &str = "PHC_SEVERITY_CRITICAL";
const WARNING: &str = "PHC_SEVERITY_WARNING";

fn approved() -> Wait {
    Wait::Approved {
        by: "Mina Okafor".into(),
        comment: Some("Drained, go ahead".into()),
    }
}

fn auto_approved() -> Wait {
    Wait::Approved {
        by: "Auto-Approved".into(),
        comment: None,
    }
}

fn rejected() -> Wait {
    Wait::Rejected {
        by: "Jonas Weil".into(),
        comment: Some("Benchmark running until tonight".into()),
    }
}

/// The parts, in the order in which machines get them: the first five show the most.
pub(super) const ROLES: [Role; 8] = [
    Role {
        alert: Some(Alert {
            name: "GpuXidError",
            severity: CRITICAL,
            title: "XID 79: GPU has fallen off the bus",
            description: "GPU 3 no longer answers on PCIe. Jobs on this node will fail.",
        }),
        reason: "GPU 3 has fallen off the bus (XID 79)",
        mode: VM_ONLY,
        new_mode: None,
        quarantine: true,
        wait: auto_approved,
        outcome: || Outcome::Succeeds,
    },
    Role {
        alert: Some(Alert {
            name: "GpuXidError",
            severity: CRITICAL,
            title: "XID 95: uncontained ECC error",
            description: "GPU 6 reported an uncontained memory error and needs a reset.",
        }),
        reason: "Uncontained ECC error on GPU 6 (XID 95)",
        mode: HOST_AWARE,
        new_mode: None,
        quarantine: false,
        wait: approved,
        outcome: || Outcome::Fails("No spare host of this type is free; try again later".into()),
    },
    Role {
        alert: Some(Alert {
            name: "InfinibandLinkFlapping",
            severity: WARNING,
            title: "InfiniBand port mlx5_4 flaps",
            description: "The link went down 14 times within 10 minutes.",
        }),
        reason: "InfiniBand port mlx5_4 went down 14 times",
        mode: REBOOT,
        new_mode: None,
        quarantine: false,
        wait: || Wait::AutoResolved,
        outcome: || Outcome::Succeeds,
    },
    Role {
        alert: Some(Alert {
            name: "NvlinkErrors",
            severity: CRITICAL,
            title: "XID 74: NVLink error",
            description: "NVLink 2 of GPU 0 reports CRC errors above the limit.",
        }),
        reason: "NVLink errors on GPU 0 (XID 74)",
        mode: REBOOT,
        new_mode: Some(POWER_CYCLE),
        quarantine: false,
        wait: approved,
        outcome: || Outcome::Succeeds,
    },
    Role {
        alert: None,
        reason: "Spare node, return it to the provider",
        mode: EVICT,
        new_mode: None,
        quarantine: false,
        wait: approved,
        outcome: || Outcome::Cancelled,
    },
    Role {
        alert: Some(Alert {
            name: "GpuThermalThrottle",
            severity: WARNING,
            title: "GPU 1 throttles at 91 C",
            description: "GPU 1 has been slowed down by heat for 20 minutes.",
        }),
        reason: "GPU 1 is throttled by heat",
        mode: HOST_AWARE,
        new_mode: None,
        quarantine: false,
        wait: || Wait::Leaves,
        outcome: || Outcome::Succeeds,
    },
    Role {
        alert: Some(Alert {
            name: "NodeDiskPressure",
            severity: WARNING,
            title: "Local NVMe is read-only",
            description: "The scratch file system was remounted read-only after I/O errors.",
        }),
        reason: "Scratch file system is read-only",
        mode: REBOOT,
        new_mode: None,
        quarantine: false,
        wait: rejected,
        outcome: || Outcome::Succeeds,
    },
    Role {
        alert: None,
        reason: "Driver hangs after the last job, please reprovision",
        mode: VM_ONLY,
        new_mode: None,
        quarantine: false,
        wait: approved,
        outcome: || Outcome::Succeeds,
    },
];
