//! Runs Helm, with files of its own and never the user's.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde_json::Value;
use testbed::tools::Helm as Version;
use tokio::process::Command;

use crate::run::output_of;

/// The oldest Kubernetes that the chart takes.
const OLDEST: &str = "1.32.0";

pub(crate) struct Helm {
    program: PathBuf,
    home: PathBuf,
    kubeconfig: Option<PathBuf>,
}

/// Where the chart is.
pub(crate) fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/together-remediation-operator")
}

impl Helm {
    /// One that can only render. `None`, and the test is noted as not run, where this machine has none.
    pub(crate) fn new(version: Version) -> Option<Self> {
        let program = version.tool().find_or_note()?;
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("helm-{version:?}"));
        Some(Self {
            program,
            home,
            kubeconfig: None,
        })
    }

    /// Each version that this machine has; the test is noted as not run with one that it has not.
    pub(crate) fn both() -> Vec<(Version, Self)> {
        let all = Version::BOTH.into_iter();
        all.filter_map(|version| Some((version, Self::new(version)?)))
            .collect()
    }

    /// The same for the cluster of this kubeconfig.
    pub(crate) fn with(self, kubeconfig: &Path) -> Self {
        Self {
            kubeconfig: Some(kubeconfig.to_owned()),
            ..self
        }
    }

    /// What it prints, or what it complains of.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let nothing = Path::new("/dev/null");
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", &self.home)
            .envs(env::var_os("GOGC").map(|often| ("GOGC", often)))
            .env("KUBECONFIG", self.kubeconfig.as_deref().unwrap_or(nothing));
        output_of(&mut command).await
    }

    /// The chart rendered as release `demo` of `together-system`.
    pub(crate) async fn template(&self, arguments: &[&str]) -> Result<String, String> {
        self.render(&chart(), ["demo", "together-system"], arguments)
            .await
    }

    /// A chart rendered as this release of this namespace.
    pub(crate) async fn render(
        &self,
        chart: &Path,
        [release, namespace]: [&str; 2],
        arguments: &[&str],
    ) -> Result<String, String> {
        let chart = chart.to_str().unwrap();
        let line = ["template", release, chart, "--namespace", namespace];
        let line = [&line[..], &["--kube-version", OLDEST], arguments].concat();
        self.run(&line).await
    }

    /// The objects of the chart rendered so.
    pub(crate) async fn objects(&self, arguments: &[&str]) -> Vec<Value> {
        documents(&self.template(arguments).await.unwrap())
    }
}

/// The objects of a manifest.
pub(crate) fn documents(manifest: &str) -> Vec<Value> {
    let documents: Vec<Option<Value>> = serde_saphyr::from_multiple(manifest).unwrap();
    documents.into_iter().flatten().collect()
}

/// These values as a file, for `--values`.
pub(crate) fn values_file(values: &Value) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), values.to_string()).unwrap();
    file
}

/// Those of this kind.
pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let is = |object: &&Value| object["kind"] == kind;
    objects.iter().filter(is).collect()
}
