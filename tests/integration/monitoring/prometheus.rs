//! The dashboard and the rules, by a real Prometheus that scrapes an operator at work.

mod kube_state_metrics;

use std::{collections::BTreeSet, fs, path::Path};

use reqwest::Url;
use serde_json::{Value, json};
use testbed::{drift::file, loopback, tools::Tool};
use tokio::process::{Child, Command};

use super::RULES;
use crate::fixture::{Fixture, until};

const DASHBOARD: &str = "charts/together-remediation-operator/files/dashboard.json";

/// Labels that the Prometheus operator and common scrape configurations give a target, and that a central Prometheus adds.
const TARGET: [&str; 8] = [
    "namespace",
    "pod",
    "container",
    "service",
    "endpoint",
    "node",
    "host",
    "cluster",
];

struct Prometheus {
    url: Url,
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Scrapes `target` and evaluates the chart's rules once a second. The target's labels win, as is the default: no label of a
    /// series may have a name that a target may have.
    fn start(program: &Path, target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let label = |name: &str| (name.to_owned(), json!(format!("the-target-s-{name}")));
        let labels: Value = TARGET.map(label).into_iter().collect();
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [file(RULES).canonicalize().unwrap()],
            "scrape_configs": [
                {
                    "job_name": "operator",
                    "honor_labels": false,
                    "static_configs": [{"targets": [target], "labels": labels}],
                },
            ],
        });
        let at = folder.path().join("prometheus.yml");
        fs::write(&at, config.to_string()).unwrap();
        let address = loopback::free_address().unwrap();
        let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let process = Command::new(program)
            .arg(flag("config.file", &at))
            .arg(flag("storage.tsdb.path", folder.path()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .kill_on_drop(true)
            .spawn();
        Self {
            url: Url::parse(&format!("http://{address}/api/v1/")).unwrap(),
            _process: process.unwrap(),
            _folder: folder,
        }
    }

    /// What it answers; an error in words while it does not.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let url = Url::parse_with_params(self.url.join(path).unwrap().as_str(), query).unwrap();
        let answer = reqwest::get(url).await.map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_str(&text).map_err(|_| text.clone())?;
        if answer["status"] == "success" {
            Ok(answer["data"].take())
        } else {
            Err(text)
        }
    }

    /// The values of a query that are numbers.
    async fn values(&self, query: &str) -> Result<Vec<f64>, String> {
        let data = self.get("query", &[("query", query)]).await?;
        let series = data["result"].as_array().ok_or("no vector")?;
        let values = series
            .iter()
            .filter_map(|series| series["value"][1].as_str()?.parse().ok());
        Ok(values.filter(|value: &f64| !value.is_nan()).collect())
    }

    async fn until(&self, query: &str, predicate: impl Fn(&[f64]) -> bool) {
        until(query, || async {
            let values = self.values(query).await?;
            if predicate(&values) {
                Ok(())
            } else {
                Err(format!("{values:?}"))
            }
        })
        .await;
    }
}

/// Prometheus renames a label of a series that its target has too.
async fn assert_no_label_is_taken(prometheus: &Prometheus) {
    for label in TARGET.into_iter().chain(["job", "instance"]) {
        let taken = format!("count({{exported_{label}!=\"\"}}) or vector(0)");
        assert_eq!(prometheus.values(&taken).await, Ok(vec![0.0]), "{label}");
    }
}

/// Title and query of each target of each panel, over all watches and the last hour.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let query = query
                .replace("$namespace", ".*")
                .replace("$clusterwatch", ".*")
                .replace("$cluster", ".*");
            let query = query
                .replace("$__rate_interval", "5m")
                .replace("$__range", "1h");
            assert!(!query.contains('$'), "{query}");
            queries.push((title.to_owned(), query));
        }
    }
    queries
}

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(file(DASHBOARD)).unwrap()).unwrap()
}

#[test]
fn the_dashboard_is_in_order() {
    let dashboard = dashboard();
    let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        assert!(titles.insert(title), "{title}");
        let place = &panel["gridPos"];
        let side = |name: &str| place[name].as_u64().unwrap();
        assert!(side("x") + side("w") <= 24, "{title}: {place}");
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            panel["description"].as_str().unwrap().ends_with('.'),
            "{title}"
        );
        assert!(
            panel["fieldConfig"]["defaults"]["unit"].is_string(),
            "{title}"
        );
        let targets = panel["targets"].as_array().unwrap();
        for query in targets
            .iter()
            .map(|target| target["expr"].as_str().unwrap())
        {
            // As Grafana's linter wants it.
            let is_fine = !query.contains("rate(") || !query.contains("[$__range]");
            assert!(is_fine, "{title}: {query}");
        }
        for part in targets.iter().chain([panel]) {
            assert_eq!(part["datasource"]["uid"], "$datasource", "{title}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_dashboard_returns_data_and_every_rule_is_evaluated() {
    let Some(program) = Tool::Prometheus.find_or_note() else {
        return;
    };
    let fixture = Fixture::new("prometheus").await;
    for number in 1..=6 {
        let truth = fixture.put_new(number);
        if number < 6 {
            fixture.enter(&truth.id, "RUNNING");
        }
    }
    fixture.synced_watch(|_| {}).await;
    let admin = fixture.admin_url("");
    let prometheus = Prometheus::start(&program, admin.trim_start_matches("http://"));
    // Each thing twice: a rate is known from the second time on.
    let truth = fixture.truth();
    for (ends, leaves) in [(0, 1), (2, 3)] {
        fixture.enter(&truth[ends].id, "SUCCEEDED");
        fixture.forget(&truth[leaves].id);
        fixture.sync("training").await;
        fixture.sync("training").await;
        let times = f64::from(u32::try_from(ends / 2 + 1).unwrap());
        for series in [
            r#"together_remediation_transitions_total{to="SUCCEEDED"}"#,
            r#"together_remediation_disappeared_total{reason="NotFound"}"#,
        ] {
            prometheus.until(series, |values| *values == [times]).await;
        }
    }
    for (title, query) in queries(&dashboard()) {
        prometheus
            .until(&format!("{query} # {title}"), |values| !values.is_empty())
            .await;
    }
    until("each rule was evaluated", || async {
        let data = prometheus.get("rules", &[]).await?;
        let groups = data["groups"].as_array().ok_or("no groups")?;
        let mut rules = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap());
        match rules.find(|rule| rule["health"] != "ok") {
            None if !groups.is_empty() => Ok(()),
            rule => Err(format!("{rule:?}")),
        }
    })
    .await;
    assert_no_label_is_taken(&prometheus).await;
    let targets = prometheus.get("targets", &[]).await.unwrap();
    assert_eq!(targets["activeTargets"][0]["lastError"], "");
}
