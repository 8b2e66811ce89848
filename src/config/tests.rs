#![allow(clippy::unwrap_used)]

use std::ffi::{OsStr, OsString};

use clap::CommandFactory as _;

use super::*;

fn complaint(flags: &[&str]) -> String {
    parsed(flags, &[]).err().unwrap_or_default()
}

#[test]
fn the_defaults_are_good() {
    assert_eq!(complaint(&[]), "");
}

#[test]
fn election_is_on_unless_switched_off() {
    for (flags, on) in [
        (&[][..], true),
        (&["--leader-elect"], true),
        (&["--leader-elect=true"], true),
        (&["--leader-elect=false"], false),
    ] {
        let run = parsed(flags, &[]).unwrap();
        assert_eq!(run.lease.leader_elect, on, "{flags:?}");
    }
}

#[test]
fn each_error_is_one_line_that_shows_what_to_write() {
    for (flags, expected) in [
        (&["--default-interval", "fast"][..], "such as 60s"),
        (&["--default-active-interval", "fast"], "such as 60s"),
        (&["--min-interval", "0s"], "such as 60s"),
        (&["--api-qps", "0"], "such as 5"),
        (&["--namespace", "Not_A_Name"], "lower-case letters"),
        (&["--lease-name", "a/b"], "an object's name"),
        (
            &["--cluster-watch-selector", "shard in b"],
            "such as shard=b",
        ),
        (&["--cluster-watch-selector", ""], "such as shard=b"),
        (
            &["--mirror-annotation", "a/b/c=d"],
            "such as example.com/team=gpu",
        ),
        (
            &["--mirror-label", "team"],
            "must be KEY=VALUE of a label, such as example.com/team=gpu",
        ),
        (
            &["--mirror-label", "compute.together.ai/cluster-id=a"],
            "compute.together.ai/cluster-id is reserved for the operator",
        ),
        (&["--lease-namespace", "Not_A_Name"], "lower-case letters"),
        (&["--leader-elect=maybe"], "true"),
        (&["--admin-addr", ":8080"], "such as [::]:8080"),
        (&["--admin-addr", "localhost:8080"], "such as [::]:8080"),
        (&["--admin-addr", "127.0.0.1:80800"], "such as [::]:8080"),
        (&["--log-format", "xml"], "json"),
        (&["--log-level", "=!"], "info,kube=debug"),
        (&["--frobnicate"], "--frobnicate"),
    ] {
        let complaint = complaint(flags);
        assert!(complaint.contains(expected), "{flags:?}: {complaint}");
        assert!(!complaint.contains('\n'));
    }
}

/// The options of `run` with these flags and this environment, or the error.
fn parsed(flags: &[&str], environment: &[(&str, &str)]) -> Result<Run, String> {
    let line = ["together-remediation-operator", "run"].iter().chain(flags);
    let value = |name: &OsStr| {
        let mut found = environment.iter().filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| OsString::from(value))
    };
    match parse(line, value).map(|cli| cli.command) {
        Ok(Command::Run(run)) => Ok(*run),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(one_line(&error)),
    }
}

/// The variables of all flags.
fn variables() -> Vec<String> {
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    let names = run.get_arguments().filter_map(|flag| flag.get_env());
    names
        .map(|name| name.to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let unset = parsed(&[], &[]).unwrap();
    let names = variables();
    assert!(names.len() >= 4, "{names:?}");
    for name in &names {
        for empty in ["", " ", "\n"] {
            let run = parsed(&[], &[(name, empty)]);
            let same = format!("{:?}", Ok::<_, String>(&unset));
            assert_eq!(format!("{run:?}"), same, "{name}={empty:?}");
        }
    }
    let empty: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let run = parsed(&["--log-level", "debug"], &empty).unwrap();
    assert_eq!(run.log.log_level, "debug");
    assert_eq!(run.together.api_url, unset.together.api_url);
}

#[test]
fn a_variable_sets_its_flag_and_the_flag_overrides_it() {
    let environment = [
        ("WATCH_NAMESPACES", "a,b"),
        ("POD_NAMESPACE", "together-system"),
        ("RUST_LOG", "debug"),
        ("TOGETHER_BASE_URL", "https://api.example"),
    ];
    let run = parsed(&[], &environment).unwrap();
    assert_eq!(run.scope.namespaces, ["a", "b"]);
    assert_eq!(run.lease.lease_namespace.unwrap(), "together-system");
    assert_eq!(run.log.log_level, "debug");
    assert_eq!(run.together.api_url, "https://api.example");
    let run = parsed(&["--namespace", "c"], &environment).unwrap();
    assert_eq!(run.scope.namespaces, ["c"]);
    assert!(parsed(&[], &[("POD_NAMESPACE", "Not_A_Name")]).is_err());
}

#[test]
fn the_items_of_a_list_are_trimmed_and_empty_ones_dropped() {
    for (list, expected) in [
        ("a, b", &["a", "b"][..]),
        (" a ,\tb\n", &["a", "b"]),
        ("a,,b,", &["a", "b"]),
        (",a", &["a"]),
        (",", &[]),
        (" , ", &[]),
    ] {
        let run = parsed(&[], &[("WATCH_NAMESPACES", list)]).unwrap();
        assert_eq!(run.scope.namespaces, expected, "{list:?}");
        let run = parsed(&["--namespace", list], &[]);
        if expected.is_empty() {
            // Otherwise an empty namespace would mean all namespaces.
            assert!(run.unwrap_err().contains("lower-case letters"), "{list:?}");
        } else {
            assert_eq!(run.unwrap().scope.namespaces, expected, "{list:?}");
        }
    }
    assert!(parsed(&["--namespace", ""], &[]).is_err());
    assert!(parsed(&[], &[("WATCH_NAMESPACES", "a b")]).is_err());
}

#[test]
fn no_namespace_means_all_of_them() {
    let watched = |flags: &[&str]| parsed(flags, &[]).unwrap().scope.watched_namespaces();
    assert_eq!(watched(&[]), [None]);
    let two = ["--namespace", "a", "--namespace", "b"];
    assert_eq!(watched(&two), [Some("a".to_owned()), Some("b".to_owned())]);
}

#[test]
fn the_lease_is_in_the_namespace_of_its_flag_or_else_in_the_default_one() {
    let lease = |flags: &[&str]| parsed(flags, &[]).unwrap().lease;
    assert_eq!(lease(&[]).namespace_or("default"), "default");
    let flags = ["--lease-namespace", "together-system"];
    assert_eq!(lease(&flags).namespace_or("default"), "together-system");
}

#[test]
fn the_rates_of_the_together_api_are_its_limits() {
    let flags = ["--api-qps", "2.5", "--api-burst", "7"];
    let limits = parsed(&flags, &[]).unwrap().rates.together_limits();
    assert_eq!((limits.qps, limits.burst), (2.5, 7));
}
