//! The folders of all runs of this user: created, locked, and removed when no process holds the lock.

use std::{
    fs::{self, DirBuilder, File},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal, getuid, kill_process};

use super::error::Error;

/// The file in a run's folder that is locked for as long as the run lives.
const LOCK: &str = "lock";

/// A new folder for a run, with the lock that marks it as in use. Sweeps abandoned ones first.
pub(super) fn new_run_folder() -> Result<(PathBuf, File), Error> {
    let root = root()?;
    // Held while folders are made or swept, so that none is seen between its making and its locking.
    let _turn = locked(&root.join(LOCK))?;
    sweep(&root)?;
    let dir = tempfile::Builder::new()
        .prefix("")
        .rand_bytes(8)
        .tempdir_in(&root)
        .map_err(Error::io("create a folder in", &root))?
        .keep();
    let lock = locked(&dir.join(LOCK))?;
    Ok((dir, lock))
}

/// Whether the run of this folder is over: the folder is gone, or no process holds its lock.
pub(super) fn is_abandoned(dir: &Path) -> bool {
    // Shared, so that two who look at once do not take each other for the run.
    match File::open(dir.join(LOCK)) {
        Ok(lock) => lock.try_lock_shared().is_ok(),
        // Any other error, such as too many open files, proves nothing about the run.
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// The folder of all runs of this user. In the temporary folder, because a Unix socket's path may have 107 bytes.
pub(super) fn root() -> Result<PathBuf, Error> {
    let root = std::env::temp_dir().join(format!("together-testbed-{}", getuid().as_raw()));
    match DirBuilder::new().mode(0o700).create(&root) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(Error::io("create", &root)(error));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(&root).map_err(Error::io("look at", &root))?;
    if found.is_dir() && found.uid() == getuid().as_raw() && found.mode() & 0o777 == 0o700 {
        Ok(root)
    } else {
        Err(Error::Failed(format!(
            "{} is not a folder of this user alone: remove it",
            root.display()
        )))
    }
}

fn locked(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::io("create", path))?;
    file.lock().map_err(Error::io("lock", path))?;
    Ok(file)
}

fn sweep(root: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(root).map_err(Error::io("read", root))?;
    for dir in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if dir.is_dir() && is_abandoned(&dir) {
            kill_programs(&dir);
            remove(&dir)?;
        }
    }
    Ok(())
}

/// Removes the folder, which its guardian may be removing at the same time.
fn remove(dir: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", dir)(error)),
        _ => Ok(()),
    }
}

/// Kills what still runs with that folder in its arguments: left over only where the guardian was killed too.
fn kill_programs(dir: &Path) {
    let needle = format!("{}/", dir.display());
    for pid in programs_naming(&needle) {
        // One that ended in between is what we want.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// The processes whose arguments name `text` (from `/proc`; none where there is no such folder).
fn programs_naming(text: &str) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            let arguments = fs::read(entry.path().join("cmdline")).ok()?;
            String::from_utf8_lossy(&arguments)
                .contains(text)
                .then_some(pid)
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_its_guardian_has_removed_meanwhile_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        remove(&dir.path().join("gone")).unwrap();
    }

    #[test]
    fn a_run_is_over_for_two_who_look_at_once_and_not_while_it_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK);
        let held = locked(&path).unwrap();
        assert!(!is_abandoned(dir.path()));
        drop(held);
        let other = File::open(&path).unwrap();
        other.try_lock_shared().unwrap();
        assert!(is_abandoned(dir.path()));
    }
}
