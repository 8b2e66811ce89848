//! What a process has taken of the machine so far, as the kernel counts it.

use std::time::Duration;

use procfs::process::Process;

use crate::Failure;

/// Processor time of all its threads, in user and kernel mode; the kernel shows it in steps of 10 ms.
pub(crate) fn cpu(id: u32) -> Result<Duration, Failure> {
    let stat = Process::new(id.cast_signed())?.stat()?;
    let ticks = stat.utime + stat.stime;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let seconds = ticks as f64 / procfs::ticks_per_second() as f64;
    Ok(Duration::from_secs_f64(seconds))
}

/// The most memory it ever held (`VmHWM`), in MiB.
pub(crate) fn peak_mib(id: u32) -> Result<f64, Failure> {
    let status = Process::new(id.cast_signed())?.status()?;
    let kib = status.vmhwm.ok_or("the kernel tells no VmHWM")?;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mib = kib as f64 / 1024.0;
    Ok(mib)
}

/// Processor time of all children that this process has waited for, with theirs.
pub(crate) fn cpu_of_children() -> Result<Duration, Failure> {
    let stat = Process::myself()?.stat()?;
    let ticks = stat.cutime + stat.cstime;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let seconds = ticks as f64 / procfs::ticks_per_second() as f64;
    Ok(Duration::from_secs_f64(seconds.max(0.0)))
}
