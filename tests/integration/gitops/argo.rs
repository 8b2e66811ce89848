//! Asks the real Argo CD about an object, and makes its settings of the scripts.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use testbed::{drift::file, tools::Tool};
use tokio::process::Command;

use super::situation::Kind;
use crate::run::output_of;

/// The scripts, in the shape of Argo CD's own repository.
pub(super) const FOLDER: &str = "docs/argo-cd/resource_customizations/compute.together.ai";

pub(super) struct ArgoCd {
    program: PathBuf,
    folder: TempDir,
}

/// The health that Argo CD reports for an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) status: String,
    pub(super) message: String,
}

impl ArgoCd {
    /// `None`, and the test is noted as not run, where this machine has none.
    pub(super) fn new() -> Option<Self> {
        let program = Tool::ArgoCd.find_or_note()?;
        let folder = tempfile::tempdir().unwrap();
        Some(Self { program, folder })
    }

    /// What `argocd admin settings resource-overrides` prints, with `settings` of docs/argo-cd.
    pub(super) async fn ask(
        &self,
        what: &str,
        object: &Value,
        settings: &str,
        arguments: &[&str],
    ) -> Result<String, String> {
        let asked = self.file(object);
        let mut command = self.command();
        command
            .args(["admin", "settings", "resource-overrides", what])
            .arg(asked.path())
            .args(arguments)
            .arg("--argocd-cm-path")
            .arg(file(settings));
        output_of(&mut command).await
    }

    /// What `argocd admin notifications` prints of this application with the settings of docs/argo-cd.
    pub(super) async fn notify(
        &self,
        arguments: &[&str],
        application: &Value,
        kubeconfig: &Path,
    ) -> String {
        let asked = self.file(application);
        let mut command = self.command();
        command
            .args(["admin", "notifications"])
            .args(arguments)
            .arg(asked.path())
            .arg("--config-map")
            .arg(file("docs/argo-cd/notifications.yaml"))
            .args(["--secret", ":empty", "--argocd-repo-server-plaintext"])
            .arg("--kubeconfig")
            .arg(kubeconfig);
        let output = output_of(&mut command).await.unwrap();
        assert!(!output.is_empty());
        output
    }

    fn file(&self, object: &Value) -> NamedTempFile {
        let mut named = tempfile::Builder::new();
        let at = named.suffix(".yaml").tempfile_in(self.folder.path());
        let at = at.unwrap();
        fs::write(at.path(), object.to_string()).unwrap();
        at
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", self.folder.path())
            // It leaves folders there.
            .env("TMPDIR", self.folder.path())
            // Its differences are printed by `diff`.
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    pub(super) async fn health(&self, object: &Value, settings: &str) -> Health {
        let output = self.ask("health", object, settings, &[]).await.unwrap();
        let after = |word: &str| {
            let line = output.lines().find_map(|line| line.strip_prefix(word));
            line.unwrap_or_else(|| panic!("no {word:?} in {output}"))
                .to_owned()
        };
        Health {
            status: after("STATUS: "),
            message: after("MESSAGE: "),
        }
    }
}

/// A script of the folder.
pub(super) fn script(path: &str) -> String {
    fs::read_to_string(file(FOLDER).join(path)).unwrap()
}

/// The `argocd-cm` that holds the scripts of the folder; `strict`: with the stricter one for watches.
pub(super) fn settings(strict: bool) -> String {
    let mut page = HEAD.to_owned();
    for kind in [Kind::Watch, Kind::Mirror] {
        let kind = kind.name();
        let health = script(&format!("{kind}/health.lua"));
        let health = if strict {
            health.replace("local strict = false", "local strict = true")
        } else {
            health
        };
        page += &entry("health", kind, &health);
    }
    page += &entry("actions", "ClusterWatch", &actions());
    page += IGNORED;
    page
}

const HEAD: &str = "\
# Made of resource_customizations/ by `UPDATE_DOCS=1 cargo test --test integration gitops`; edits are lost.
# kubectl -n argocd patch configmap argocd-cm --patch-file THIS_FILE; with Argo CD's chart: these keys under configs.cm.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
  labels: {app.kubernetes.io/name: argocd-cm, app.kubernetes.io/part-of: argocd}
data:
";

/// What changes while nothing happens, and what a mirror's state does not depend on.
const IGNORED: &str = "  \
  resource.customizations.ignoreResourceUpdates.compute.together.ai_ClusterWatch: |
    jsonPointers:
    - /status/lastSyncTime
    - /status/lastFullSyncTime
    - /status/staleAfter
  resource.customizations.ignoreResourceUpdates.compute.together.ai_Remediation: |
    jsonPointers:
    - /status
";

fn entry(what: &str, kind: &str, text: &str) -> String {
    format!(
        "  resource.customizations.{what}.compute.together.ai_{kind}: |\n{}",
        indented(text, 4)
    )
}

fn actions() -> String {
    let mut text = format!(
        "discovery.lua: |\n{}definitions:\n",
        indented(&script("ClusterWatch/actions/discovery.lua"), 2)
    );
    for name in ["sync-now", "suspend", "resume"] {
        let action = script(&format!("ClusterWatch/actions/{name}/action.lua"));
        let action = indented(&action, 4);
        let _ = write!(text, "- name: {name}\n  action.lua: |\n{action}");
    }
    text
}

fn indented(text: &str, by: usize) -> String {
    text.lines().fold(String::new(), |mut indented, line| {
        let by = if line.is_empty() { 0 } else { by };
        let _ = writeln!(indented, "{:by$}{line}", "");
        indented
    })
}
