//! What Argo CD, Flux, Helm and kubectl see. Each situation is made by a real operator on a real API server, and shown to the
//! real kubectl, the real Argo CD, the API server's own CEL and the rules of kstatus. `UPDATE_DOCS=1` regenerates
//! docs/reference/kstatus.md, and the settings and fixtures of docs/argo-cd.

mod actions;
mod argo;
mod churn;
mod examples;
mod expected;
mod files;
mod flux;
mod flux_live;
mod helm_wait;
mod live;
mod loopback;
mod mirrors;
mod notifications;
mod render;
mod situation;
mod sync_options;
mod watches;

use std::collections::BTreeMap;

use futures::future::{BoxFuture, FutureExt, join_all};
use testbed::{control_plane::ControlPlane, drift, simulator::Fault};

use self::{argo::ArgoCd, expected::Row, situation::Situation};
use crate::{kstatus::kstatus, setup};

const SETTINGS: &str = "docs/argo-cd/argocd-cm.yaml";
const STRICT: &str = "docs/argo-cd/argocd-cm-strict.yaml";

/// Makes all of them, side by side.
async fn situations(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let limited = Fault::status(429);
    let all: Vec<BoxFuture<'static, Vec<Situation>>> = vec![
        mirrors::followed(control_plane).boxed(),
        mirrors::not_listed(control_plane).boxed(),
        mirrors::created(control_plane).boxed(),
        watches::calm(control_plane).boxed(),
        watches::busy(control_plane).boxed(),
        watches::unborn(control_plane).boxed(),
        watches::silent(control_plane).boxed(),
        watches::keys(control_plane).boxed(),
        watches::questions(control_plane).boxed(),
        watches::bad_request(control_plane).boxed(),
        watches::first_sync(control_plane).boxed(),
        watches::write_failed(control_plane).boxed(),
        watches::failing(control_plane, "rate-limited", "RateLimited", limited).boxed(),
        watches::failing(
            control_plane,
            "invalid-response",
            "InvalidResponse",
            Fault::NotJson,
        )
        .boxed(),
        watches::failing(
            control_plane,
            "incomplete-listing",
            "IncompleteListing",
            Fault::RepeatedToken,
        )
        .boxed(),
    ];
    let running = all.into_iter().map(tokio::spawn);
    let ended = join_all(running).await;
    ended.into_iter().flat_map(Result::unwrap).collect()
}

/// What of `row` is not as seen.
fn differences(row: &Row, seen: &Situation) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, seen: String, expected: String| {
        if seen != expected {
            let (kind, name) = (row.kind, row.name);
            found.push(format!("{kind:?} {name}: {what}: {seen}, not {expected}"));
        }
    };
    differ(
        "kstatus",
        format!("{:?}", kstatus(&seen.object)),
        format!("{:?}", row.kstatus),
    );
    if let Some(flux) = seen.flux {
        differ("Flux", format!("{flux:?}"), format!("{:?}", row.flux));
    }
    if let Some(waited) = seen.waited {
        differ("kubectl wait", waited.to_string(), row.waited.to_string());
    }
    found
}

/// Where Argo CD's health differs from `row`.
async fn unhealthy(argo: &ArgoCd, row: &Row, seen: &Situation) -> Vec<String> {
    let mut found = Vec::new();
    for (settings, expected) in [(SETTINGS, row.argo), (STRICT, row.strict())] {
        let health = argo.health(&seen.object, settings).await;
        if health.status != expected || !health.message.contains(row.message) {
            let (kind, name, message) = (row.kind, row.name, row.message);
            found.push(format!(
                "{kind:?} {name}: {settings}: {health:?}, not {expected} with {message:?}"
            ));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_is_seen_as_the_contract_requires() {
    let control_plane = setup::control_plane().await;
    flux::install(control_plane).await;
    let argo = ArgoCd::new();
    let mut seen: BTreeMap<_, _> = situations(control_plane)
        .await
        .into_iter()
        .map(|one| ((one.kind, one.name), one))
        .collect();
    let mut found = Vec::new();
    let mut fixtures = Vec::new();
    for row in expected::all() {
        let Some(one) = seen.remove(&(row.kind, row.name)) else {
            found.push(format!("{:?} {}: not made", row.kind, row.name));
            continue;
        };
        found.extend(differences(&row, &one));
        if let Some(argo) = &argo {
            found.extend(unhealthy(argo, &row, &one).await);
        }
        fixtures.push(one);
    }
    found.extend(seen.keys().map(|key| format!("{key:?} is in no row")));
    assert!(found.is_empty(), "{}", found.join("\n"));
    files::check_fixtures(&fixtures);
    files::check_actions();
    if let Some(argo) = &argo {
        files::check_health_tests(argo).await;
    }
}

#[test]
fn the_page_matches() {
    let page = render::render(&expected::all());
    drift::check(
        "docs/reference/kstatus.md",
        &page,
        "--test integration gitops",
    );
}

#[test]
fn settings_hold_the_scripts() {
    let test = "--test integration gitops";
    drift::check(SETTINGS, &argo::settings(false), test);
    drift::check(STRICT, &argo::settings(true), test);
    assert_ne!(argo::settings(false), argo::settings(true));
}
