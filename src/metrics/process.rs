//! Metrics of the process, read from `/proc` at each scrape (Linux only).

use prometheus_client::{
    collector::Collector, encoding::DescriptorEncoder, metrics::counter::ConstCounter,
    registry::Unit,
};

use super::{gauge, plain};

/// The start time, and a collector for `/proc`.
#[derive(Debug)]
pub(super) struct Process {
    /// Unix time in seconds.
    started: f64,
}

impl Default for Process {
    fn default() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            started: now.unwrap_or_default().as_secs_f64(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let start = (
            "process_start_time",
            "Start time of the process (Unix time).",
        );
        gauge(
            &mut encoder,
            (start.0, start.1, Some(Unit::Seconds)),
            self.started,
        )?;
        linux(&mut encoder)
    }
}

#[cfg(target_os = "linux")]
#[allow(clippy::cast_precision_loss, reason = "exact up to 2^53 bytes")]
fn linux(encoder: &mut DescriptorEncoder) -> Result<(), std::fmt::Error> {
    use procfs::process::{LimitValue, Process};

    let Ok(process) = Process::myself() else {
        return Ok(());
    };
    if let Ok(stat) = process.stat() {
        let memory = (
            "process_resident_memory",
            "Resident memory.",
            Some(Unit::Bytes),
        );
        let bytes = stat.rss.saturating_mul(procfs::page_size());
        gauge(encoder, memory, bytes as f64)?;
        let ticks = (stat.utime + stat.stime) as f64;
        let cpu = ConstCounter::new(ticks / procfs::ticks_per_second() as f64);
        let used = ("process_cpu", "CPU time used.", Some(Unit::Seconds));
        plain(encoder, used, &cpu)?;
    }
    if let Ok(open) = process.fd_count() {
        let fds = ("process_open_fds", "Open file descriptors.", None);
        gauge(encoder, fds, open as f64)?;
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        let fds = (
            "process_max_fds",
            "Maximum number of open file descriptors.",
            None,
        );
        gauge(encoder, fds, most as f64)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn linux(_: &mut DescriptorEncoder) -> Result<(), std::fmt::Error> {
    Ok(())
}
