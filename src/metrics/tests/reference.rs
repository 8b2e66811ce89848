//! The reference in docs/reference/metrics.md. `UPDATE_DOCS=1` rewrites it.

use std::collections::BTreeMap;

use testbed::drift;

use super::*;
use crate::{
    api::{Reason, remediation::Remediation},
    k8s::partial::Shown,
    sync::metrics::meter::Writing,
};

const BEGIN: &str =
    "<!-- Metrics: made by `UPDATE_DOCS=1 cargo test --lib metrics::tests::reference` -->\n";
const END: &str = "<!-- End of metrics -->\n";

/// A scrape that holds every family.
fn everything() -> String {
    let index_of_two = Index::new(2);
    index_of_two.refuse(Some("gone"));
    index_of_two.show(None, unreadable());
    let (metrics, watches, together, clock) = metrics_of(Readiness::new(index_of_two));
    let meter = watches.meter("ns", "w");
    meter.polled(Reason::Synced);
    meter.read_secret(None);
    meter.listed(true, Duration::ZERO, (1, 0));
    meter.synced(clock.elapsed(), Duration::ZERO);
    meter.stale_after(clock.elapsed(), Duration::ZERO);
    meter.stands(&[flow::ready("False", "Unauthorized")]);
    meter.shows(&index(&[item(1, "RUNNING")]), &target());
    let update = flow::update("RUNNING", "SUCCEEDED");
    let MirrorChange::Update { mirror, .. } = &update else {
        unreachable!()
    };
    let mark = MirrorChange::Mark(mirror.clone(), Synced::NotFound);
    for change in [&update, &mark] {
        meter.wrote(&Writing::of(change, None), &Ok(Done::Updated));
    }
    meter.wrote(
        &Writing::of(&mark, None),
        &Err(KubeApiError::Refused(String::new())),
    );
    together.meter().answered(200);
    metrics.text(Format::OpenMetrics)
}

/// A mirror whose spec cannot be read, as the watch shows it.
fn unreadable() -> Remediation {
    let Shown(shown) = serde_json::from_value(serde_json::json!({
        "metadata": {"name": "odd", "namespace": "ns", "uid": "u", "resourceVersion": "1"},
        "spec": {"clusterId": 7},
    }))
    .unwrap();
    shown
}

/// The labels of each family, by the name in its samples.
fn labels(text: &str, name: &str) -> String {
    let sample = text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = ["_total", "_count", ""]
            .iter()
            .find_map(|end| rest.strip_prefix(end)?.strip_prefix('{'));
        rest?.split_once('}').map(|(labels, _)| labels)
    });
    let names = sample.into_iter().flat_map(|labels| labels.split(','));
    let names: Vec<_> = names
        .filter_map(|label| Some(format!("`{}`", label.split_once('=')?.0)))
        .collect();
    names.join(", ")
}

fn table() -> String {
    let text = everything();
    let mut families: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        if let (Some("#"), Some(what), Some(name), Some(value)) =
            (words.next(), words.next(), words.next(), words.next())
        {
            let family = families.entry(name).or_default();
            match what {
                "HELP" => family.0 = value,
                "TYPE" => family.1 = value,
                _ => {}
            }
        }
    }
    let rows = families.into_iter().map(|(name, (help, kind))| {
        assert!(help.ends_with('.') && !kind.is_empty(), "{name}: {help}");
        let end = if kind == "counter" { "_total" } else { "" };
        let labels = labels(&text, name);
        format!("| `{name}{end}` | {kind} | {labels} | {help} |\n")
    });
    "| name | type | labels | what |\n|---|---|---|---|\n".to_owned() + &rows.collect::<String>()
}

#[tokio::test]
async fn the_docs_list_every_metric() {
    drift::check_part(
        "docs/reference/metrics.md",
        (BEGIN, END),
        &table(),
        "--lib metrics::tests::reference",
    );
}
