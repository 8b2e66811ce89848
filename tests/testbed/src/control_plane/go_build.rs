//! The programs of a control plane, built by the Go toolchain from pinned modules into this user's cache.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};

use super::{error::Error, programs::Programs, progress::say, run::Run};

const GO_MOD: &str = include_str!("../../control-plane/go.mod");
const GO_SUM: &str = include_str!("../../control-plane/go.sum");
/// As go.mod asks for: Go 1.26.
const GO_MINOR: u32 = 26;
/// Between two lines about how far the build is.
const PROGRESS: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);
/// Lines of the toolchain's output that an error shows.
const TAIL_LINES: usize = 15;

/// The folder of the cache for exactly these versions of the programs.
pub(super) struct Cache(PathBuf);

impl Cache {
    /// In `$XDG_CACHE_HOME`, else in `~/.cache`.
    pub(super) fn of_user() -> Result<Self, Error> {
        let caches = env::var_os("XDG_CACHE_HOME")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .or_else(|| Some(env::home_dir()?.join(".cache")))
            .ok_or_else(|| {
                Error::Failed("there is no home folder to keep a cache in".to_owned())
            })?;
        Ok(Self(
            caches
                .join("together-remediation-operator/control-plane")
                .join(folder_name(GO_MOD, GO_SUM)),
        ))
    }

    /// What an earlier build left.
    pub(super) fn programs(&self) -> Result<Programs, Error> {
        Programs::in_dir(&self.0)
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = OsString::from(&self.0);
        path.push(ending);
        path.into()
    }
}

/// The programs from the cache, built first where they are not there.
pub(super) async fn programs() -> Result<Programs, Error> {
    tokio::task::spawn_blocking(|| {
        let cache = Cache::of_user()?;
        cache.programs().or_else(|_| build(&cache))
    })
    .await
    .map_err(|error| Error::Failed(format!("the build was cut off: {error}")))?
}

fn build(cache: &Cache) -> Result<Programs, Error> {
    check_go()?;
    if let Some(parent) = cache.0.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    let path = cache.beside(".lock");
    let lock = File::create(&path).map_err(Error::io("create", &path))?;
    if lock.try_lock().is_err() {
        say("another run is building the programs; waiting for it");
        lock.lock().map_err(Error::io("lock", &path))?;
    }
    if let Ok(programs) = cache.programs() {
        return Ok(programs);
    }

    let start = Instant::now();
    let run = Run::begin()?;
    for (name, text) in [("go.mod", GO_MOD), ("go.sum", GO_SUM)] {
        let path = run.dir().join(name);
        fs::write(&path, text).map_err(Error::io("write", &path))?;
    }
    let version = kubernetes_version(GO_MOD);
    say(&format!(
        "building etcd and Kubernetes {version} with Go, once (minutes; {})",
        cache.0.display()
    ));
    let packages = go(&run, "finding packages", &["list", "-deps", "tool"], None)?;
    // Beside its last place, because a rename is atomic only within a file system.
    let out = cache.beside(".building");
    if out.exists() {
        fs::remove_dir_all(&out).map_err(Error::io("remove", &out))?;
    }
    let to = format!("-o={}/", out.display());
    let flags = format!("-ldflags={}", link_flags(version));
    let arguments = ["build", "-v", "-trimpath", &to, &flags, "tool"];
    go(&run, "building", &arguments, Some(packages))?;
    // Go names a program after its package's folder.
    let (server, etcd) = (out.join("server"), out.join("etcd"));
    fs::rename(&server, &etcd).map_err(Error::io("rename", &server))?;
    Programs::in_dir(&out)?;
    fs::rename(&out, &cache.0).map_err(Error::io("rename", &out))?;
    let took = start.elapsed().as_secs();
    say(&format!("built Kubernetes {version} in {took} s"));
    run.stop();
    cache.programs()
}

/// Runs the toolchain in the run's folder, tells how far it is, and returns how many lines it printed.
fn go(run: &Run, doing: &str, arguments: &[&str], total: Option<usize>) -> Result<usize, Error> {
    let mut command = Command::new("go");
    // Only what go.mod and go.sum pin, whatever the user's own settings are.
    command
        .args(arguments)
        .current_dir(run.dir())
        .envs([("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local")])
        .envs([("GOFLAGS", "-mod=readonly"), ("GOWORK", "off")]);
    let started = run
        .adopt(&mut command)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.map_err(Error::io("start", Path::new("go")))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let lines = AtomicUsize::new(0);
    let last = Mutex::new(Vec::new());
    let start = Instant::now();
    let status = thread::scope(|scope| {
        scope.spawn(|| out.map(|out| lines_of(out, |_| count(&lines))));
        scope.spawn(|| {
            err.map(|err| {
                lines_of(err, |line| {
                    count(&lines);
                    keep(&last, line);
                });
            })
        });
        let mut told = start;
        loop {
            if let Some(status) = child
                .try_wait()
                .map_err(Error::io("await", Path::new("go")))?
            {
                return Ok(status);
            }
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                let done = lines.load(Ordering::Relaxed);
                let of = total.map_or_else(String::new, |total| format!(" of at most {total}"));
                let took = start.elapsed().as_secs();
                say(&format!("{doing}: {done}{of} packages, {took} s"));
            }
            thread::sleep(POLL);
        }
    })?;
    if status.success() {
        return Ok(lines.into_inner());
    }
    let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    Err(Error::Failed(format!(
        "`go {}` failed ({status}):\n{}",
        arguments[0],
        last.join("\n")
    )))
}

fn lines_of(stream: impl std::io::Read, mut each: impl FnMut(String)) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        each(line);
    }
}

fn count(lines: &AtomicUsize) {
    lines.fetch_add(1, Ordering::Relaxed);
}

fn keep(last: &Mutex<Vec<String>>, line: String) {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if last.len() == TAIL_LINES {
        last.remove(0);
    }
    last.push(line);
}

fn check_go() -> Result<(), Error> {
    let printed = Command::new("go")
        .args(["env", "GOVERSION"])
        .env("GOTOOLCHAIN", "local")
        .stderr(Stdio::null())
        .output()
        .map_err(|error| Error::Absent(format!("there is no Go toolchain: {error}")))?;
    let version = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
    if go_minor(&version).is_some_and(|minor| minor >= GO_MINOR) {
        Ok(())
    } else {
        Err(Error::Absent(format!(
            "Go 1.{GO_MINOR} or later is needed, and {version:?} is here"
        )))
    }
}

/// The 26 of `go1.26.8`.
fn go_minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix("go1.")?;
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

fn kubernetes_version(go_mod: &str) -> &str {
    go_mod
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"))
        .map_or("", |version| {
            version.split_whitespace().next().unwrap_or("")
        })
}

fn link_flags(version: &str) -> String {
    let package = "k8s.io/component-base/version";
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    format!(
        "-s -w -X {package}.gitVersion=v{version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
    )
}

fn folder_name(go_mod: &str, go_sum: &str) -> String {
    let digest = Sha256::new().chain_update(go_mod).chain_update(go_sum);
    let short: Vec<String> = digest
        .finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("v{}-{}", kubernetes_version(go_mod), short.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_one_folder_for_each_set_of_versions() {
        let name = folder_name(GO_MOD, GO_SUM);
        assert!(name.starts_with("v1.37.2-"), "{name}");
        assert_ne!(name, folder_name(GO_MOD, ""));
        assert_ne!(
            name,
            folder_name(&GO_MOD.replace("v3.7.0", "v3.7.1"), GO_SUM)
        );
    }

    #[test]
    fn the_programs_know_their_version() {
        let flags = link_flags("1.37.2");
        assert!(flags.contains("version.gitVersion=v1.37.2 "), "{flags}");
        assert!(flags.ends_with("version.gitMinor=37"), "{flags}");
    }

    #[test]
    fn go_versions_are_read() {
        assert_eq!(go_minor("go1.26.8"), Some(26));
        assert_eq!(go_minor("go1.27rc1"), Some(27));
        assert_eq!(go_minor("go2"), None);
        assert_eq!(go_minor(""), None);
    }
}
