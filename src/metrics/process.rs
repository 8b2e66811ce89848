//! The process, read from `/proc` at each scrape: on Linux alone, as the container is.

use prometheus_client::{
    collector::Collector, encoding::DescriptorEncoder, metrics::counter::ConstCounter,
    registry::Unit,
};

use super::{gauge, plain};

/// What is shown of the process: its start, and what `/proc` says now.
#[derive(Debug)]
pub(super) struct Process {
    /// Seconds since 1970.
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
            "When the process started, since 1970.",
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
            "Memory that is in RAM.",
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
            "File descriptors that may be open.",
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
