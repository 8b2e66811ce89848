//! Ids that are no UUIDs: whatever they hold, each has an object of its own.

use std::collections::HashSet;

use kube::ResourceExt;
use testbed::simulator::Remediation as Truth;

use crate::{
    conditions::{IN_SYNC, condition},
    fixture::{CLUSTER, Fixture, mirror_condition},
    truth::assert_mirrors,
};

fn odd_ids() -> Vec<String> {
    let written = [
        "a/b",
        "a.b",
        "a-b",
        "A-B",
        "a b",
        "a%2Fb",
        "a/../b",
        "../../../secrets",
        "..",
        ".",
        "-",
        "%2e%2e",
        "?state=RUNNING",
        "#",
        "übung",
        "日本",
        "🔥",
        "new\nline",
        "tab\t",
        "\"quoted\"",
        "\\",
        "{}",
        "null",
        "0",
        "--help",
        "a\u{301}",
        "á",
        "00000000-0000-4000-8000-00000000000A",
        "00000000-0000-4000-8000-00000000000a",
        " 00000000-0000-4000-8000-00000000000a",
        "00000000000040008000000000000000a",
    ];
    let long = [
        "x".repeat(1023) + "y",
        "x".repeat(1023) + "z",
        "ü".repeat(1024),
    ];
    written.into_iter().map(str::to_owned).chain(long).collect()
}

fn put(fixture: &Fixture, number: u32, id: &str) {
    fixture.simulator.put(Truth {
        id: id.to_owned(),
        state: "RUNNING".to_owned(),
        ..Truth::numbered(CLUSTER, number)
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_id_has_an_object_of_its_own_and_is_followed() {
    let fixture = Fixture::new("odd-ids").await;
    let ids = odd_ids();
    for (number, id) in (0..).zip(&ids) {
        put(&fixture, number, id);
    }
    let watch = fixture.synced_watch(|_| {}).await;
    assert_eq!(condition(&watch, "Ready").message, IN_SYNC);
    let mirrors = fixture.all().await;
    assert_mirrors(&mirrors, &fixture.truth());
    let names: HashSet<_> = mirrors.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names.len(), ids.len());
    assert!(
        names.contains("00000000-0000-4000-8000-00000000000a"),
        "a usual UUID is its own name"
    );

    let before = fixture.versions().await;
    fixture.sync("training").await;
    assert_eq!(fixture.versions().await, before);
    for id in &ids {
        fixture.enter(id, "SUCCEEDED");
    }
    fixture.sync("training").await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_too_long_is_left_out_and_reported() {
    let fixture = Fixture::new("long-id").await;
    put(&fixture, 0, &"x".repeat(1025));
    put(&fixture, 1, "short");
    let watch = fixture.synced_watch(|_| {}).await;
    let message = condition(&watch, "Ready").message;
    assert!(message.contains("longer than 1024 characters"), "{message}");
    let mut truth = fixture.truth();
    truth.retain(|truth| truth.id == "short");
    assert_mirrors(&fixture.all().await, &truth);
}

/// A path identifies only an id that needs no encoding. Other ids are proven gone by full listings.
#[tokio::test(flavor = "multi_thread")]
async fn ids_that_cannot_be_asked_for_end_by_two_full_listings_and_keep_no_other_waiting() {
    let fixture = Fixture::new("no-url").await;
    let ids = [
        "..",
        ".",
        "a/b",
        "übung",
        "00000000-0000-4000-8000-00000000000a",
        "zzz",
    ];
    for (number, id) in (0..).zip(ids) {
        put(&fixture, number, id);
    }
    put(&fixture, 100, "stays");
    fixture.synced_watch(|_| {}).await;
    for id in ids {
        fixture.forget(id);
    }
    // Ten calls a poll, two for each id: the third poll asks the last ones for the second time.
    for proven in [Some(false), None, Some(true)] {
        fixture.sync("training").await;
        let Some(proven) = proven else { continue };
        fixture.ready("training", "Synced").await;
        for mirror in fixture.all().await {
            let id = mirror.spec.id.as_str();
            let expected = match id {
                "00000000-0000-4000-8000-00000000000a" | "zzz" if proven => "NotFound",
                "." | ".." | "a/b" | "übung" if proven => "NotListed",
                _ => "Listed",
            };
            assert_eq!(mirror_condition(&mirror, "Synced")[1], expected, "{id}");
            let open = mirror.status.as_ref().unwrap().open;
            assert_eq!(open, Some(expected == "Listed"), "{id}");
        }
    }
}
