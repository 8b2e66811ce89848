//! What a process has taken of the machine so far, as the kernel counts it.

use std::time::Duration;

use nix::{
    sys::resource::{UsageWho, getrusage},
    time::ClockId,
    unistd::Pid,
};
use procfs::process::Process;

use crate::Failure;

/// Processor time of all its threads, those that have ended too, in user and kernel mode; to the nanosecond.
pub(crate) fn cpu(id: u32) -> Result<Duration, Failure> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(id.cast_signed()))?;
    Ok(Duration::from(clock.now()?))
}

/// For how long its main thread has run.
pub(crate) fn main_thread_ran(id: u32) -> Result<Duration, Failure> {
    let schedule = Process::new(id.cast_signed())?.schedstat()?;
    Ok(Duration::from_nanos(schedule.sum_exec_runtime))
}

/// Its peak memory (`VmHWM`), in MiB.
pub(crate) fn peak_mib(id: u32) -> Result<f64, Failure> {
    let status = Process::new(id.cast_signed())?.status()?;
    let kib = status.vmhwm.ok_or("the kernel reports no VmHWM")?;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mib = kib as f64 / 1024.0;
    Ok(mib)
}

/// Processor time of all children that this process has waited for, with theirs; to the microsecond.
pub(crate) fn cpu_of_children() -> Result<Duration, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(
        micros.iter().sum::<i64>().unsigned_abs(),
    ))
}
