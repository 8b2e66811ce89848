//! One run: its folder, its programs and the guardian that takes both away, however this process ends.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::{error::Error, sweep};

/// Lines of a program's log that an error shows.
const TAIL_LINES: usize = 15;

/// A program of the run, with the file its output goes to.
struct Program {
    name: String,
    command: Command,
    child: Child,
    /// It was ended on purpose.
    killed: bool,
    log: PathBuf,
}

/// The folder, the process group and the guardian of one control plane (or one build).
///
/// Dropping it kills the programs at once; the guardian removes the rest within seconds.
pub(super) struct Run {
    dir: PathBuf,
    container: Option<String>,
    /// Holds the process group open. It ends by itself when its stdin closes, that is with this process.
    leader: Child,
    guardian: Child,
    programs: Vec<Program>,
}

impl Run {
    /// A new run; first removes what earlier runs left behind.
    pub(super) fn begin() -> Result<Self, Error> {
        Self::with_container(false)
    }

    /// A new run that may start one container, under the name [`Run::container`] gives.
    pub(super) fn begin_with_container() -> Result<Self, Error> {
        Self::with_container(true)
    }

    fn with_container(container: bool) -> Result<Self, Error> {
        let (dir, lock) = sweep::new_run_folder()?;
        let id = dir.file_name().unwrap_or_default().to_string_lossy();
        let container = container.then(|| format!("together-testbed-{id}"));
        let leader = Command::new("cat")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io("start", Path::new("cat")))?;
        // The lock goes along as the guardian's stdout: it is held until both this process and the guardian are gone.
        let guardian = Command::new("sh")
            .arg("-c")
            .arg(include_str!("guardian.sh"))
            .arg("guardian")
            .arg(&dir)
            .arg(leader.id().to_string())
            .arg(container.as_deref().unwrap_or_default())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io("start", Path::new("sh")))?;
        Ok(Self {
            dir,
            container,
            leader,
            guardian,
            programs: Vec::new(),
        })
    }

    /// The run's folder; it goes away with the run.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The name the run's container must have, where it may have one.
    pub(super) fn container(&self) -> Option<&str> {
        self.container.as_deref()
    }

    /// Puts a command into the run's process group, so that it never outlives the run.
    pub(super) fn adopt<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .process_group(self.leader.id().cast_signed())
            .stdin(Stdio::null())
    }

    /// Starts a program of the run; its output goes to `<name>.log` in the run's folder.
    pub(super) fn spawn(&mut self, name: &str, mut command: Command) -> Result<(), Error> {
        let log = self.dir.join(format!("{name}.log"));
        let out = File::create(&log).map_err(Error::io("create", &log))?;
        let err = out.try_clone().map_err(Error::io("open", &log))?;
        self.adopt(&mut command)
            .current_dir(&self.dir)
            .env_remove("KUBECONFIG")
            .stdout(out)
            .stderr(err);
        let child = started(&mut command)?;
        self.programs.push(Program {
            name: name.to_owned(),
            command,
            child,
            killed: false,
            log,
        });
        Ok(())
    }

    /// Sends a signal to a program of the run.
    pub(super) fn signal(&mut self, name: &str, signal: Signal) -> Result<(), Error> {
        let program = self.program(name)?;
        let pid = Pid::from_raw(program.child.id().cast_signed());
        let sent = pid.map(|pid| kill_process(pid, signal));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(Error::Failed(format!("{name} takes no signal"))),
        }
    }

    /// Ends a program of the run at once.
    pub(super) fn kill(&mut self, name: &str) -> Result<(), Error> {
        let program = self.program(name)?;
        program.killed = true;
        let child = &mut program.child;
        child
            .kill()
            .and_then(|()| child.wait())
            .map(drop)
            .map_err(Error::io("end", Path::new(name)))
    }

    /// Starts a program again that was ended, with the same arguments and into the same log.
    pub(super) fn start_again(&mut self, name: &str) -> Result<(), Error> {
        let program = self.program(name)?;
        program.child = started(&mut program.command)?;
        program.killed = false;
        Ok(())
    }

    /// Fails where no program of this name belongs to the run.
    pub(super) fn is_there(&mut self, name: &str) -> Result<(), Error> {
        self.program(name).map(drop)
    }

    fn program(&mut self, name: &str) -> Result<&mut Program, Error> {
        let found = self
            .programs
            .iter_mut()
            .find(|program| program.name == name);
        found.ok_or_else(|| Error::Absent(format!("{name} is no process of this control plane")))
    }

    /// Fails when one of the programs has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        for program in self.programs.iter_mut().filter(|program| !program.killed) {
            if let Ok(Some(status)) = program.child.try_wait() {
                return Err(Error::Ended {
                    name: program.name.clone(),
                    status,
                    tail: tail(&program.log),
                });
            }
        }
        Ok(())
    }

    /// Forgets a program that has ended, so that it can be started again.
    pub(super) fn forget(&mut self, name: &str) {
        self.programs.retain(|program| program.name != name);
    }

    /// Ends the run and waits until nothing of it is left. Blocks for up to some seconds.
    pub(super) fn stop(mut self) {
        self.end();
        // An error could only mean that the guardian was waited for already.
        let _ = self.guardian.wait();
    }

    fn end(&mut self) {
        if let Some(group) = Pid::from_raw(self.leader.id().cast_signed()) {
            // The leader is our unwaited child, so the number cannot belong to anyone else.
            let _ = kill_process_group(group, Signal::KILL);
        }
        for program in &mut self.programs {
            let _ = program.child.wait();
        }
        self.programs.clear();
        let _ = self.leader.wait();
        drop(self.guardian.stdin.take());
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.guardian.stdin.is_some() {
            self.end();
        }
    }
}

fn started(command: &mut Command) -> Result<Child, Error> {
    let program = command.get_program().to_owned();
    command
        .spawn()
        .map_err(Error::io("start", Path::new(&program)))
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
