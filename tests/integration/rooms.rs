//! The rooms of the operator: the modules at the top of `src`. Each knows only those below it, so that a room can be read
//! without what is built on it. What tests alone compile may know all.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use testbed::drift::file;

use self::paths::{Arrow, arrows_of};

mod paths;

/// The rooms, each above all that it knows. The command line (`config`) is high up, because it reads what rooms below it
/// define, such as a base URL, and only those that start the operator read it.
const ROOMS: [&str; 21] = [
    "main",
    "cli",
    "operator",
    "probe",
    "telemetry",
    "config",
    "controller",
    "sync",
    "leader",
    "health",
    "store",
    "events",
    "mirror",
    "k8s",
    "together",
    "metrics",
    "api",
    "network",
    "clock",
    "tls",
    "agent",
];

/// All arrows, and all modules: those that the compiler finds from both roots.
fn house() -> (Vec<Arrow>, BTreeSet<Vec<String>>) {
    let main = vec!["main".to_owned()];
    let (mut arrows, mut modules) = (Vec::new(), BTreeSet::from([main.clone()]));
    let mut left = vec![
        (Vec::new(), "src/lib.rs".to_owned()),
        (main, "src/main.rs".to_owned()),
    ];
    while let Some((module, path)) = left.pop() {
        let text = fs::read_to_string(file(&path)).unwrap();
        let (found, files) = arrows_of(&path, &module, &text);
        arrows.extend(found);
        for module in files {
            let path = format!("src/{}", module.join("/"));
            let of_its_own = format!("{path}.rs");
            let beside = file(&of_its_own).is_file();
            let path = if beside { of_its_own } else { path + "/mod.rs" };
            modules.insert(module.clone());
            left.push((module, path));
        }
    }
    (arrows, modules)
}

/// Describes an arrow that is not allowed.
fn describe(Arrow { file, from, to }: &Arrow) -> String {
    let (path, from, to) = (to.join("::"), &from[0], &to[0]);
    format!("{file}: crate::{path} leads from {from} to {to}")
}

/// Those of `arrows` that lead up.
fn upwards(arrows: &[Arrow]) -> Vec<String> {
    let place = |module: &[String]| {
        ROOMS
            .iter()
            .position(|room| module.first().is_some_and(|of| of == room))
    };
    let up = arrows
        .iter()
        .filter(|arrow| match (place(&arrow.from), place(&arrow.to)) {
            (Some(from), Some(to)) => to < from,
            _ => false,
        });
    up.map(describe).collect()
}

#[test]
fn each_room_knows_only_those_below_it() {
    let (arrows, modules) = house();
    let rooms: BTreeSet<_> = modules.iter().map(|module| &*module[0]).collect();
    assert_eq!(rooms, BTreeSet::from(ROOMS), "each room has its place");
    let up = upwards(&arrows);
    assert!(up.is_empty(), "these lead up:\n{}", up.join("\n"));
}

/// What each module in `parent` knows of those next to it.
fn neighbours<'a>(
    parent: &[String],
    arrows: &'a [Arrow],
    modules: &BTreeSet<Vec<String>>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let child = |module: &'a [String]| {
        let name = module.strip_prefix(parent)?.first()?;
        modules
            .contains(&[parent, std::slice::from_ref(name)].concat())
            .then_some(&**name)
    };
    let mut known = BTreeMap::<_, BTreeSet<_>>::new();
    for arrow in arrows {
        if let (Some(from), Some(to)) = (child(&arrow.from), child(&arrow.to))
            && from != to
        {
            known.entry(from).or_default().insert(to);
        }
    }
    known
}

/// Those of `known` that some of what they know leads back to.
fn in_cycles<'a>(known: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<&'a str> {
    let leads_back = |module: &&str| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![*module]);
        while let Some(next) = left.pop() {
            left.extend(
                known
                    .get(next)
                    .into_iter()
                    .flatten()
                    .filter(|next| seen.insert(**next)),
            );
        }
        seen.contains(module)
    };
    known.keys().copied().filter(leads_back).collect()
}

#[test]
fn modules_next_to_each_other_know_each_other_one_way() {
    let (arrows, modules) = house();
    let parents: BTreeSet<_> = modules
        .iter()
        .flat_map(|module| (1..module.len()).map(|depth| &module[..depth]))
        .collect();
    let cycles = parents.into_iter().map(|parent| {
        let cycle: Vec<_> = in_cycles(&neighbours(parent, &arrows, &modules))
            .into_iter()
            .map(str::to_owned)
            .collect();
        (parent.join("::"), cycle)
    });
    let tangled: Vec<_> = cycles.filter(|(_, cycle)| !cycle.is_empty()).collect();
    assert!(
        tangled.is_empty(),
        "these know each other both ways: {tangled:?}"
    );
}

#[test]
fn a_path_that_leads_up_is_found_wherever_it_is_written() {
    let text = "use super::super::{clock, sync::{self as other, key}}; \
        fn f(_: Vec<crate::operator::A>) { format!(\"{}\", crate::cli::B) } \
        #[derive(crate::sync::C)] struct D; \
        mod inner { use super::super::super::health; } \
        #[cfg(test)] mod tests { use crate::sync; }";
    let module = ["store", "entry"].map(str::to_owned);
    let (arrows, _) = arrows_of("f", &module, text);
    let to = [
        "sync",
        "sync::key",
        "operator::A",
        "cli::B",
        "sync::C",
        "health",
    ];
    let room = |to: &'static str| to.split("::").next().unwrap();
    let expected = to.map(|to| format!("f: crate::{to} leads from store to {}", room(to)));
    assert_eq!(upwards(&arrows), expected);
}
