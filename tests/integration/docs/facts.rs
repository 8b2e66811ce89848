//! Facts on the pages, compared with their sources: measurements, defaults, labels of alerts, commands.

use std::fs;

use regex::Regex;
use serde_json::Value;
use testbed::drift::file;

use super::{pages, text};

const RULES: &str = "charts/together-remediation-operator/files/rules.yaml";

fn read(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap()
}

/// What the benchmarks' page shows behind `measure` in the section or table of `row`.
fn measured(row: &str, measure: &str) -> String {
    let page = read("docs/project/benchmarks.md");
    let (_, section) = page.split_once(&format!("\n## {row}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let line = format!("| {} | ([^ |]+)", regex::escape(measure));
    let line = Regex::new(&line.replace("| ", r"\| ").replace(" |", r" \|")).unwrap();
    line.captures(section).unwrap()[1].to_owned()
}

#[test]
fn the_readme_names_what_was_measured_and_of_what() {
    let readme = read("README.md");
    let peak: f64 = measured("memory", "1000: peak, MiB").parse().unwrap();
    assert!(readme.contains(&format!("{peak:.0} MiB of memory with 1,000 remediations")));
    let calls = measured("quiet", "API calls a day, each ClusterWatch");
    let (thousands, rest) = calls.split_at(calls.len() - 3);
    let calls = format!("{thousands},{rest} API calls a day for a ClusterWatch without open");
    assert!(readme.contains(&calls), "{calls}");
}

/// The Lease is not among the writes of a `ClusterWatch`, and is most of all writes.
#[test]
fn the_writes_of_a_day_are_those_of_a_cluster_watch_and_those_of_the_lease() {
    let page = read("docs/concepts/architecture.md");
    let writes = measured("quiet", "writes a day, each ClusterWatch");
    let causes = format!("a ClusterWatch without open remediations causes {writes}");
    assert!(page.contains("renews the Lease every 2 s") && page.contains("43,200 writes a day"));
    assert!(page.replace('\n', " ").contains(&causes), "{causes}");
    let leader = read("src/leader/elector.rs");
    assert!(leader.contains("RETRY_PERIOD: Duration = Duration::from_secs(2)"));
}

#[test]
fn pages_agree_on_what_was_measured() {
    let sharding = read("docs/guides/sharding.md");
    let (few, many) = (
        measured("apply", "ClusterWatch to all 1000, s"),
        measured("first-mirror", "operator, s"),
    );
    let peak = |size| measured("memory", &format!("{size}: peak, MiB"));
    for row in [
        format!("| 1,000 | {few} s | {} MiB |", peak(1000)),
        format!("| 10,000 | {many} s | {} MiB |", peak(10000)),
        format!("| 100,000 | not measured | {} MiB |", peak(100_000)),
    ] {
        assert!(sharding.contains(&row), "{row}");
    }
    let share = "1.1 % of a core";
    assert!(sharding.contains(share) && read("docs/project/benchmarks.md").contains(share));
    let latency = measured("latency", "change to visible, p99, s");
    let freshness = read("docs/concepts/freshness.md");
    let phrase = format!("{latency} s for 99 of 100, with `activeInterval: 15s`");
    assert!(freshness.contains(&phrase), "{phrase}");
}

#[test]
fn each_sample_of_a_cluster_watch_names_its_active_interval() {
    let mut all = 0;
    for (page, text) in pages() {
        for sample in text.split("kind: ClusterWatch\n").skip(1) {
            let sample = sample.split("```").next().unwrap();
            assert!(sample.contains("activeInterval: 15s"), "{page}: {sample}");
            all += 1;
        }
    }
    assert!(all > 2, "{all}");
}

#[test]
fn each_list_by_tg_names_its_cluster() {
    let list = Regex::new(r"clusters remediations (?:ls|list)\b ?(\S*)").unwrap();
    let mut texts = pages();
    texts.push((RULES.to_owned(), read(RULES)));
    let mut all = 0;
    for (page, text) in texts {
        for found in list.captures_iter(&text) {
            let id = &found[1];
            let is_id = id.starts_with("CLUSTER-ID") || id.contains('-');
            assert!(is_id, "{page}: {}", &found[0]);
            all += 1;
        }
    }
    assert!(all > 5, "{all}");
}

#[test]
fn the_page_on_tg_names_the_oldest_version_and_each_command() {
    let page = read("docs/on-call/approve-a-remediation.md");
    for phrase in [
        "2.40.0 have these commands under `tg beta clusters`",
        "tg login",
        "approve ID --mode",
        "reject ID --comment",
        "cancel ID",
        "create CLUSTER-ID INSTANCE-ID --mode",
    ] {
        assert!(page.contains(phrase), "{phrase}");
    }
}

/// A withdrawn recommendation keeps its state.
#[test]
fn what_awaits_approval_is_asked_for_with_open() {
    for (page, text) in pages() {
        let lines = text.split("\n\n").flat_map(|part| {
            let is_code = part.contains("kubectl");
            if is_code {
                part.lines().map(str::to_owned).collect()
            } else {
                vec![part.to_owned()]
            }
        });
        for line in lines.filter(|line| line.contains("status.state=PENDING_APPROVAL")) {
            assert!(line.contains("status.open=true"), "{page}: {line}");
        }
    }
}

#[test]
fn a_runbook_names_only_labels_that_its_alert_has() {
    let rules: Value = serde_saphyr::from_str(&read(RULES)).unwrap();
    let page = read("docs/on-call/alerts.md");
    let placeholder = Regex::new(r"\b(NAMESPACE|NAME)\b").unwrap();
    let mut without = 0;
    for group in rules["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let Some(name) = rule["alert"].as_str() else {
                continue;
            };
            let (_, runbook) = page.split_once(&format!("\n## {name}\n")).unwrap();
            let runbook = runbook.split("\n## ").next().unwrap();
            let has_labels = rule["expr"]
                .as_str()
                .unwrap()
                .contains("clusterwatch_namespace")
                || rule["expr"].as_str().unwrap().contains("count7d");
            without += usize::from(!has_labels);
            assert!(has_labels || !placeholder.is_match(runbook), "{name}");
        }
    }
    assert_eq!(without, 5);
    assert!(page.contains("Five alerts concern a whole operator"));
}

#[test]
fn the_defaults_of_a_cluster_watch_are_the_programs() {
    let page = read("docs/reference/clusterwatch.md");
    let cli = read("docs/reference/cli.md");
    for (flag, default) in [
        ("--default-interval", "60s"),
        ("--default-active-interval", "15s"),
        ("--min-interval", "10s"),
    ] {
        assert!(cli.contains(&format!("| `{flag}` |  | `{default}` |")));
    }
    assert!(page.contains("Left out: 60 s, 15 s and 10 minutes."));
    let schedule = read("src/sync/schedule.rs");
    assert!(schedule.contains("FULL_RESYNC: Duration = Duration::from_secs(600)"));
    assert!(page.contains("Left out: 100, with no flag."));
    assert!(read("src/sync/query.rs").contains("PAGE_SIZE: u16 = 100;"));
}

#[test]
fn the_reference_has_each_choice_and_the_flags_of_each_call() {
    let cli = read("docs/reference/cli.md");
    for phrase in [
        "One of `json`, `text`",
        "## Flags of `check`",
        "`--timeout`",
    ] {
        assert!(cli.contains(phrase), "{phrase}");
    }
    let namespaces = cli.lines().find(|line| line.contains("WATCH_NAMESPACES"));
    assert!(namespaces.unwrap().contains("`,` stands between"));
}

/// The default image has no registry, so pods that no node holds an image for do not start.
#[test]
fn each_install_of_the_chart_names_its_image() {
    let mut all = 0;
    for (page, text) in pages() {
        let text = text.replace("\\\n", " ");
        for line in text
            .lines()
            .filter(|line| line.starts_with("helm ") && line.contains(" charts/"))
        {
            let names_one = ["image.repository=", "--values", "replicaCount=0"];
            assert!(
                names_one.iter().any(|part| line.contains(part)),
                "{page}: {line}"
            );
            all += 1;
        }
    }
    assert!(all > 4, "{all}");
}

#[test]
fn the_readme_begins_as_the_quickstart() {
    let pages = pages();
    let readme = text(&pages, "README.md");
    let quickstart = text(&pages, "docs/quickstart.md");
    for command in ["kind create cluster\n", "docs/try/up\n"] {
        assert!(readme.contains(command) && quickstart.contains(command));
    }
}

/// Words that a reader stumbles over. The changelog and the lists of names are not prose.
#[test]
fn pages_keep_to_plain_words() {
    let odd = Regex::new(r"(?i)\b(nobody|somebody|whoever|heeds?|heeded|anew|is told|mends?)\b");
    let odd = odd.unwrap();
    let generated = Regex::new(r"(?s)<!-- (?:Made|Values|Metrics).*?<!-- End").unwrap();
    for (page, text) in pages() {
        if page.ends_with("changelog.md") || page.starts_with("charts") {
            continue;
        }
        for line in generated.replace_all(&text, "").lines() {
            // Transcripts quote the program.
            if !page.ends_with("kubectl.md") && !line.starts_with("| WARN") {
                assert!(!odd.is_match(line), "{page}: {line}");
            }
        }
    }
}
