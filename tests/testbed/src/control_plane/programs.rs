//! The programs of a control plane, where they are there already.

use std::{
    env,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::error::Error;

/// What a folder must hold to be taken.
pub(super) const NAMES: [&str; 4] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kubectl",
];

/// A folder that holds all programs that are needed.
#[derive(Debug)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// Takes `dir` when all programs of a control plane are there.
    pub(super) fn in_dir(dir: &Path) -> Result<Self, Error> {
        Self::named(dir, &NAMES)
    }

    /// Takes `dir` when all of `names` are there; the error names those that are not.
    pub(super) fn named(dir: &Path, names: &[&'static str]) -> Result<Self, Error> {
        let missing: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !is_program(&dir.join(name)))
            .collect();
        if missing.is_empty() {
            // Absolute, because the programs are started in a folder of their own.
            let dir = std::path::absolute(dir).map_err(Error::io("resolve", dir))?;
            Ok(Self(dir))
        } else {
            Err(Error::Absent(format!(
                "{} lacks {}",
                dir.display(),
                missing.join(", ")
            )))
        }
    }

    /// The path of one of them.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Where the first file of this name on the `PATH` is.
pub(crate) fn on_the_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn put(dir: &Path, name: &str, mode: u32) {
        fs::write(dir.join(name), "").unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_without_all_programs_is_refused_and_the_missing_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "etcd", 0o755);
        put(dir.path(), "kubectl", 0o755);
        put(dir.path(), "kube-apiserver", 0o644);
        let error = Programs::in_dir(dir.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("lacks kube-apiserver, kube-controller-manager"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_with_all_programs_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        for name in NAMES {
            put(dir.path(), name, 0o755);
        }
        let programs = Programs::in_dir(dir.path()).unwrap();
        assert_eq!(programs.path("etcd"), dir.path().join("etcd"));
    }
}
