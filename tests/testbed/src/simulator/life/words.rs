//! The texts of alerts and people.

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
    /// Code, name and number of GPU errors.
    pub(super) xid: Option<(i64, &'static str, i64)>,
    /// Why Slurm does not use the node.
    pub(super) slurm: Option<&'static str>,
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
            title: "GPU has fallen off the bus",
            description: "GPU 3 no longer answers on PCIe. Jobs on this node will fail.",
            xid: Some((79, "ROBUST_CHANNEL_GPU_HAS_FALLEN_OFF_THE_BUS", 1)),
            slurm: Some("gpu count reported lower than configured (7 < 8)"),
        }),
        reason: "GPU 3 has fallen off the bus",
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
            title: "Uncontained ECC error",
            description: "GPU 6 reported an uncontained memory error and needs a reset.",
            xid: Some((95, "ROBUST_CHANNEL_UNCONTAINED_ERROR", 3)),
            slurm: None,
        }),
        reason: "Uncontained ECC error on GPU 6",
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
            xid: None,
            slurm: None,
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
            title: "NVLink error",
            description: "NVLink 2 of GPU 0 reports CRC errors above the limit.",
            xid: Some((74, "NVLINK_ERROR", 12)),
            slurm: None,
        }),
        reason: "NVLink errors on GPU 0",
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
            xid: None,
            slurm: None,
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
            xid: None,
            slurm: None,
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
