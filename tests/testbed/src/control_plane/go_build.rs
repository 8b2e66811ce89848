//! Programs built by the Go toolchain from pinned modules into this user's cache.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};

use super::{
    error::Error,
    programs::{self, Programs},
    progress::{Count, Progress, Unit, report},
    run::Run,
};

/// As go.mod asks for: Go 1.26.
const GO_MINOR: u32 = 26;
const POLL: Duration = Duration::from_millis(100);
/// Lines of the toolchain's output that an error shows.
const TAIL_LINES: usize = 15;

/// Programs of one `go.mod`, each one of its `tool` lines.
pub(crate) struct Module {
    /// What they are, for people.
    pub(crate) what: &'static str,
    /// Their folder in the cache.
    pub(crate) folder: &'static str,
    pub(crate) go_mod: &'static str,
    pub(crate) go_sum: &'static str,
    /// A program of our own that uses the modules, where they hold none that will do.
    pub(crate) go_main: Option<&'static str>,
    /// The module whose version is theirs.
    pub(crate) main: &'static str,
    /// For the linker, from that version without its `v`.
    pub(crate) link_flags: fn(&str) -> String,
    /// Their names.
    pub(crate) names: &'static [&'static str],
    /// Go names a program after its package's folder: what it calls one, and its name.
    pub(crate) renamed: Option<(&'static str, &'static str)>,
}

/// etcd and Kubernetes.
pub(crate) const CONTROL_PLANE: Module = Module {
    what: "etcd and Kubernetes",
    folder: "control-plane",
    go_mod: include_str!("../../control-plane/go.mod"),
    go_sum: include_str!("../../control-plane/go.sum"),
    go_main: None,
    main: "k8s.io/kubernetes",
    link_flags: kubernetes_flags,
    names: &programs::NAMES,
    renamed: Some(("server", "etcd")),
};

/// The same of the oldest Kubernetes that is supported.
pub(crate) const OLDEST: Module = Module {
    folder: "control-plane-oldest",
    go_mod: include_str!("../../control-plane-oldest/go.mod"),
    go_sum: include_str!("../../control-plane-oldest/go.sum"),
    ..CONTROL_PLANE
};

impl Module {
    pub(super) fn version(&self) -> &'static str {
        let after_name = |line: &'static str| line.trim().split_once(&format!("{} v", self.main));
        let (_, version) = self.go_mod.lines().find_map(after_name).unwrap_or_default();
        version.split_whitespace().next().unwrap_or_default()
    }

    /// The folder of the cache for exactly these versions of the programs.
    fn cache(&self) -> String {
        let digest = Sha256::new()
            .chain_update(self.go_mod)
            .chain_update(self.go_sum)
            .chain_update(self.go_main.unwrap_or_default());
        let digest = digest.finalize();
        let short: Vec<_> = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
        format!("{}/v{}-{}", self.folder, self.version(), short.concat())
    }
}

/// The folder of the cache for one module's programs.
pub(super) struct Cache {
    dir: PathBuf,
    module: &'static Module,
}

impl Cache {
    /// In `$XDG_CACHE_HOME`, else in `~/.cache`.
    pub(super) fn of_user(module: &'static Module) -> Result<Self, Error> {
        let caches = env::var_os("XDG_CACHE_HOME")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .or_else(|| Some(env::home_dir()?.join(".cache")))
            .ok_or_else(|| {
                Error::Failed("there is no home folder to keep a cache in".to_owned())
            })?;
        let dir = caches.join("together-remediation-operator");
        Ok(Self {
            dir: dir.join(module.cache()),
            module,
        })
    }

    /// What an earlier build left.
    pub(super) fn programs(&self) -> Result<Programs, Error> {
        Programs::named(&self.dir, self.module.names)
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = OsString::from(&self.dir);
        path.push(ending);
        path.into()
    }
}

/// The programs that an earlier build left in the cache.
pub(crate) fn built(module: &'static Module) -> Option<Programs> {
    Cache::of_user(module).ok()?.programs().ok()
}

/// The programs from the cache, built first where they are not there.
pub(crate) async fn programs(module: &'static Module) -> Result<Programs, Error> {
    tokio::task::spawn_blocking(|| {
        let cache = Cache::of_user(module)?;
        cache.programs().or_else(|_| build(&cache))
    })
    .await
    .map_err(|error| Error::Failed(format!("the build was cut off: {error}")))?
}

fn build(cache: &Cache) -> Result<Programs, Error> {
    check_go()?;
    if let Some(parent) = cache.dir.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    let path = cache.beside(".lock");
    let lock = File::create(&path).map_err(Error::io("create", &path))?;
    if lock.try_lock().is_err() {
        report("another run is building the programs; waiting for it");
        lock.lock().map_err(Error::io("lock", &path))?;
    }
    if let Ok(programs) = cache.programs() {
        return Ok(programs);
    }

    let start = Instant::now();
    let run = Run::begin()?;
    let module = cache.module;
    let files = [("go.mod", module.go_mod), ("go.sum", module.go_sum)];
    let own = module.go_main.map(|text| ("main.go", text));
    for (name, text) in files.into_iter().chain(own) {
        let path = run.dir().join(name);
        fs::write(&path, text).map_err(Error::io("write", &path))?;
    }
    let (what, version) = (module.what, module.version());
    report(&format!(
        "building {what} {version} with Go, once (minutes; {})",
        cache.dir.display()
    ));
    let packages = go(&run, "finding packages", &["list", "-deps", "tool"], None)?;
    // Beside its last place, because a rename is atomic only within a file system.
    let out = cache.beside(".building");
    if out.exists() {
        fs::remove_dir_all(&out).map_err(Error::io("remove", &out))?;
    }
    let to = format!("-o={}/", out.display());
    let flags = format!("-ldflags={}", (module.link_flags)(version));
    let arguments = ["build", "-v", "-trimpath", &to, &flags, "tool"];
    go(&run, "building", &arguments, Some(packages))?;
    if let Some((built, name)) = module.renamed {
        let built = out.join(built);
        fs::rename(&built, out.join(name)).map_err(Error::io("rename", &built))?;
    }
    Programs::named(&out, module.names)?;
    fs::rename(&out, &cache.dir).map_err(Error::io("rename", &out))?;
    let took = start.elapsed().as_secs();
    report(&format!("built {what} {version} in {took} s"));
    run.stop();
    cache.programs()
}

/// Runs the toolchain in the run's folder, reports its progress, and returns how many packages it named.
fn go(run: &Run, doing: &str, arguments: &[&str], total: Option<u64>) -> Result<u64, Error> {
    let mut command = Command::new("go");
    // Only what go.mod and go.sum pin, whatever the user's own settings are.
    command
        .args(arguments)
        .current_dir(run.dir())
        .env("GOTMPDIR", run.dir())
        .envs([("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local")])
        .envs([("GOFLAGS", "-mod=readonly"), ("GOWORK", "off")])
        // The compiler would take far more memory with the setting for tests.
        .env_remove("GOGC");
    let started = run
        .adopt(&mut command)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.map_err(Error::io("start", Path::new("go")))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let packages = AtomicU64::new(0);
    let last = Mutex::new(Vec::new());
    let mut progress = Progress::begin(doing, Unit::Packages);
    let status = thread::scope(|scope| {
        scope.spawn(|| out.map(|out| lines_of(out, |line| count(&packages, &line))));
        scope.spawn(|| {
            err.map(|err| {
                lines_of(err, |line| {
                    count(&packages, &line);
                    keep(&last, line);
                });
            })
        });
        loop {
            if let Some(status) = child
                .try_wait()
                .map_err(Error::io("await", Path::new("go")))?
            {
                return Ok(status);
            }
            let done = packages.load(Ordering::Relaxed);
            progress.is_at(Count { done, total });
            thread::sleep(POLL);
        }
    })?;
    if status.success() {
        return Ok(packages.into_inner());
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

fn count(packages: &AtomicU64, line: &str) {
    if is_package(line) {
        packages.fetch_add(1, Ordering::Relaxed);
    }
}

/// The toolchain's words about itself, such as what it downloads, stand between the packages.
fn is_package(line: &str) -> bool {
    !line.starts_with("go: ")
}

fn keep(last: &Mutex<Vec<String>>, line: String) {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if last.len() == TAIL_LINES {
        last.remove(0);
    }
    last.push(line);
}

pub(super) fn check_go() -> Result<(), Error> {
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

fn kubernetes_flags(version: &str) -> String {
    let package = "k8s.io/component-base/version";
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    format!(
        "-s -w -X {package}.gitVersion=v{version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_one_folder_for_each_set_of_versions() {
        let name = CONTROL_PLANE.cache();
        assert!(name.starts_with("control-plane/v1.37.2-"), "{name}");
        let other = Module {
            go_sum: "",
            ..CONTROL_PLANE
        };
        assert_ne!(name, other.cache());
    }

    #[test]
    fn the_programs_know_their_version() {
        let flags = (CONTROL_PLANE.link_flags)(CONTROL_PLANE.version());
        assert!(flags.contains("version.gitVersion=v1.37.2 "), "{flags}");
        assert!(flags.ends_with("version.gitMinor=37"), "{flags}");
    }

    #[test]
    fn the_oldest_is_of_the_version_that_the_chart_asks_for() {
        let chart = include_str!("../../../../charts/together-remediation-operator/Chart.yaml");
        let minor = OLDEST.version().rsplit_once('.').unwrap_or_default().0;
        let asked = format!("kubeVersion: \">={minor}.0-0\"");
        assert!(chart.lines().any(|line| line == asked), "not {asked}");
    }

    #[test]
    fn a_download_is_no_package() {
        assert!(is_package("k8s.io/api/core/v1"));
        assert!(!is_package("go: downloading k8s.io/api v0.37.2"));
    }

    #[test]
    fn go_versions_are_read() {
        assert_eq!(go_minor("go1.26.8"), Some(26));
        assert_eq!(go_minor("go1.27rc1"), Some(27));
        assert_eq!(go_minor("go2"), None);
        assert_eq!(go_minor(""), None);
    }
}
