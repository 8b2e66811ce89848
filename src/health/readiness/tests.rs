use super::*;

#[test]
fn ready_only_with_everything() {
    assert_eq!(missing(&FIT, true, true), None);
    let field = "Remediation status.node";
    let old = Installed::Older(vec![field.into()]);
    let none = Installed::Missing(vec!["Remediation".into()]);
    for (definitions, mirrors, watches, expected) in [
        (Definitions::Unseen, true, true, "does not respond"),
        (Definitions::Forbidden, true, true, "system:discovery"),
        (
            Definitions::Seen(none),
            true,
            true,
            "kubectl apply -f crds/",
        ),
        (Definitions::Seen(old), false, false, field),
        (FIT, false, true, "list of Remediations"),
        (FIT, true, false, "list of ClusterWatches"),
    ] {
        let line = missing(&definitions, mirrors, watches).unwrap();
        assert!(line.contains(expected), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
}

#[test]
fn every_watch_must_have_ended_its_first_listing() {
    let readiness = Readiness::new(Index::new(0));
    assert!(readiness.definitions(FIT));
    assert!(!readiness.definitions(FIT), "nothing changed");
    assert_eq!(readiness.missing(), None);
    let [one, other] = ["a", "b"].map(|namespace| readiness.watch_begins(Some(namespace)));
    one.set(Listing::Listed);
    assert!(readiness.missing().is_some());
    drop(other);
    assert_eq!(readiness.missing(), None);
}

#[test]
fn the_index_must_be_filled() {
    let index = Index::new(1);
    let readiness = Readiness::new(index.clone());
    let _ = readiness.definitions(FIT);
    assert!(readiness.missing().is_some());
    let epoch = index.begin(None);
    index.end(epoch, None);
    assert_eq!(readiness.missing(), None);
}

/// How the mirrors and the `ClusterWatches` of namespaces `a` and `b` were listed, whether the replica may lead, and what
/// its note names.
#[test]
fn a_namespace_that_is_refused_is_named_and_stops_no_other() {
    use Listing::{Listed, Pending, Refused};
    for (mirrors, watches, filled, named) in [
        ([Listed, Listed], [Listed, Listed], true, None),
        ([Listed, Pending], [Listed, Listed], false, None),
        ([Listed, Listed], [Listed, Pending], false, None),
        ([Listed, Refused], [Listed, Refused], true, Some("b")),
        ([Listed, Refused], [Listed, Listed], true, Some("b")),
        ([Listed, Listed], [Refused, Listed], true, Some("a")),
        ([Listed, Refused], [Refused, Listed], true, Some("a, b")),
        ([Refused, Refused], [Refused, Refused], false, Some("a, b")),
        ([Refused, Refused], [Listed, Listed], false, Some("a, b")),
        ([Refused, Pending], [Listed, Listed], false, Some("a")),
    ] {
        let index = Index::new(2);
        let readiness = Readiness::new(index.clone());
        let _ = readiness.definitions(FIT);
        let mut lists = Vec::new();
        for (at, namespace) in ["a", "b"].into_iter().enumerate() {
            let epoch = index.begin(Some(namespace));
            match mirrors[at] {
                Pending => {}
                Listed => index.end(epoch, Some(namespace)),
                Refused => index.refuse(Some(namespace)),
            }
            let list = readiness.watch_begins(Some(namespace));
            list.set(watches[at]);
            lists.push(list);
        }
        let case = format!("{mirrors:?} {watches:?}");
        assert_eq!(readiness.is_filled(), filled, "{case}");
        assert_eq!(readiness.missing().is_none(), filled, "{case}");
        let note = readiness.note();
        assert_eq!(note.is_some(), named.is_some(), "{case}");
        let note = note.unwrap_or_default();
        let named = named.map(|named| format!(" in {named}."));
        let named = named.unwrap_or_default();
        assert!(note.contains(&named), "{case}: {note}");
        assert!(note.lines().count() <= 1);
    }
}

#[test]
fn a_namespace_that_works_again_is_taken_in() {
    let index = Index::new(2);
    let readiness = Readiness::new(index.clone());
    index.refuse(Some("a"));
    let epoch = index.begin(Some("b"));
    index.end(epoch, Some("b"));
    assert!(readiness.note().is_some() && !index.is_listed("a"));
    let epoch = index.begin(Some("a"));
    index.end(epoch, Some("a"));
    assert!(readiness.note().is_none() && index.is_listed("a"));
}
