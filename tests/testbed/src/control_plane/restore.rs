//! A backup of etcd that is saved, and the cluster that is put back to it: as an administrator does it, with etcd's own tools.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    ControlPlane,
    error::Error,
    processes::{API_SERVER, CONTROLLERS, ETCD, MEMBER, NOWHERE},
    ready,
    run::Run,
};
use crate::tools::Tool;

/// A backup of all that the cluster holds.
#[derive(Debug)]
pub struct Snapshot(PathBuf);

/// What a restore does with etcd's revisions, which are the resourceVersions of all objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revisions {
    /// They go on far behind all that were given out before, and no watch can be resumed: what etcd's documentation asks for
    /// where there are clients with caches.
    Bumped,
    /// They go back to those of the snapshot, and are given out once more.
    Reused,
}

/// Beyond all that were given out since any snapshot, as the documentation has it.
const BUMP: &str = "1000000000";

/// Where etcd is a process of the testbed's own; a kind node or a named cluster answers [`Error::Absent`].
impl ControlPlane {
    /// Saves a snapshot of the running etcd. The last one is replaced.
    ///
    /// # Errors
    /// [`Error::Absent`], or the output of the tools.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let etcdctl = Tool::Etcdctl.require()?;
        let mut run = self.0.run.lock().await;
        run.is_there(ETCD)?;
        let path = self.dir().join("snapshot.db");
        let _ = fs::remove_file(&path);
        let mut save = Command::new(etcdctl);
        save.arg(format!(
            "--endpoints=unix://{}/etcd.sock",
            self.dir().display()
        ))
        .args(["snapshot", "save"])
        .arg(&path);
        done(&run, save).await?;
        Ok(Snapshot(path))
    }

    /// Ends everything, puts etcd's data back to `snapshot`, and starts everything again, on the same ports. Waits until the
    /// API server serves.
    ///
    /// # Errors
    /// [`Error::Absent`], the output of the tools, or why something does not serve.
    pub async fn restore(&self, snapshot: &Snapshot, revisions: Revisions) -> Result<(), Error> {
        let etcdutl = Tool::Etcdutl.require()?;
        let client = self.admin()?;
        let mut run = self.0.run.lock().await;
        for name in [CONTROLLERS, API_SERVER, ETCD] {
            run.kill(name)?;
        }
        let data = self.dir().join("etcd");
        fs::remove_dir_all(&data).map_err(Error::io("remove", &data))?;
        done(&run, restoring(&etcdutl, &snapshot.0, &data, revisions)).await?;
        run.start_again(ETCD)?;
        run.start_again(API_SERVER)?;
        ready::api_server(&mut run, &client).await?;
        run.start_again(CONTROLLERS)
    }
}

fn restoring(etcdutl: &Path, snapshot: &Path, data: &Path, revisions: Revisions) -> Command {
    let mut command = Command::new(etcdutl);
    command
        .args(["snapshot", "restore"])
        .arg(snapshot)
        .arg(format!("--data-dir={}", data.display()))
        .arg(format!("--name={MEMBER}"))
        .arg(format!("--initial-cluster={MEMBER}={NOWHERE}"))
        .arg(format!("--initial-advertise-peer-urls={NOWHERE}"));
    if revisions == Revisions::Bumped {
        command.args(["--bump-revision", BUMP, "--mark-compacted"]);
    }
    command
}

/// Runs a tool to its end.
async fn done(run: &Run, mut command: Command) -> Result<(), Error> {
    let name = command.get_program().to_owned();
    run.adopt(&mut command);
    let ran = tokio::process::Command::from(command).output().await;
    let ran = ran.map_err(Error::io("run", Path::new(&name)))?;
    if ran.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&ran.stderr).into_owned();
    let (name, status) = (name.display(), ran.status);
    Err(Error::Failed(format!(
        "{name} failed ({status}):\n{stderr}"
    )))
}
