//! A Git repository laid out like docs/gitops, with the chart beside it.

use std::{fs, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::drift::file;

use crate::{
    chart::{helm::chart, lifecycle::copy},
    fixture::Fixture,
    gitops::examples::{secret_for, text_for},
};

const EXAMPLE: &str = "docs/gitops";
const URL: &str = "REPOSITORY-URL";

pub(super) struct Repository(TempDir);

impl Repository {
    /// The example for the fixture's namespace and cluster, with the Secret itself.
    pub(super) fn new(fixture: &Fixture) -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        for path in [
            "argo-cd/watches.yaml",
            "secrets/namespace.yaml",
            "watches/training.yaml",
        ] {
            let text = text_for(fixture, path);
            repository.write(path, &text.replace(URL, &repository.url()));
        }
        repository.write(
            "secrets/api-key.yaml",
            &secret_for(fixture, fixture.simulator.key()),
        );
        copy(&chart(), &repository.0.path().join("chart"));
        repository.operator(&json!({}));
        repository.commit();
        repository
    }

    /// The application that is applied by hand.
    pub(super) fn root(&self) -> String {
        self.of_example("argo-cd/root.yaml")
    }

    /// Writes the example's application of the chart, from this repository and with more values.
    pub(super) fn operator(&self, values: &Value) {
        let application = self.application(values);
        self.write("argo-cd/operator.yaml", &application.to_string());
    }

    pub(super) fn application(&self, values: &Value) -> Value {
        let text = self.of_example("argo-cd/operator.yaml");
        let mut application: Value = serde_saphyr::from_str(&text).unwrap();
        let source = application["spec"]["source"].as_object_mut().unwrap();
        assert!(source.remove("chart").is_some());
        source.insert("repoURL".to_owned(), self.url().into());
        source.insert("path".to_owned(), "chart".into());
        source.insert("targetRevision".to_owned(), "main".into());
        let all = source["helm"]["valuesObject"].as_object_mut().unwrap();
        all.extend(values.as_object().unwrap().clone());
        application
    }

    fn of_example(&self, path: &str) -> String {
        let text = fs::read_to_string(file(EXAMPLE).join(path)).unwrap();
        text.replace(URL, &self.url())
    }

    fn url(&self) -> String {
        format!("file://{}", self.0.path().display())
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let at = self.0.path().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_file(self.0.path().join(path)).unwrap();
    }

    pub(super) fn commit(&self) {
        self.git(&["add", "--all"]);
        let author = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        self.git(&[&author[..], &["commit", "--quiet", "--message=change"]].concat());
    }

    fn git(&self, arguments: &[&str]) {
        let ended = Command::new("git")
            .args(arguments)
            .current_dir(self.0.path())
            .env("HOME", self.0.path())
            .output()
            .expect("git is needed, on the PATH");
        assert!(ended.status.success(), "git {arguments:?}: {ended:?}");
    }
}
