//! How seeded remediations live.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use reqwest::Url;
use testbed::simulator::{Endless, FINAL_STATES, Remediation, Simulator};

use crate::CLUSTER;

/// Every version of every remediation, in the order in which they came, to the end of all lives.
async fn lived(seed: u64, machines: usize) -> (Simulator, BTreeMap<String, Vec<Remediation>>) {
    let simulator = Simulator::start().await;
    simulator.set_clock("2026-11-23T10:00:00Z".parse().unwrap());
    simulator.seed_life(CLUSTER, seed, machines);
    let mut versions: BTreeMap<String, Vec<Remediation>> = BTreeMap::new();
    for _ in 0..2400 {
        simulator.advance(Duration::from_secs(1));
        for now in simulator.truth(CLUSTER) {
            let known = versions.entry(now.id.clone()).or_default();
            if known.last() != Some(&now) {
                known.push(now);
            }
        }
    }
    assert_eq!(simulator.lives_left(), 0, "all is over within 40 minutes");
    (simulator, versions)
}

#[tokio::test]
async fn eight_machines_show_every_state_and_a_change_of_mode() {
    for seed in 0..5 {
        let (simulator, versions) = lived(seed, 8).await;
        let states: BTreeSet<&str> = versions
            .values()
            .flatten()
            .map(|version| version.state.as_str())
            .collect();
        assert_eq!(states.len(), 9, "seed {seed}: {states:?}");
        let mode_changes = versions.values().filter(|lives| {
            lives.windows(2).any(|two| {
                two[0].mode != two[1].mode
                    && two[1].state == "PENDING_APPROVAL"
                    && two[0].update_time < two[1].update_time
            })
        });
        assert_eq!(mode_changes.count(), 1);
        let truth = simulator.truth(CLUSTER);
        assert!(truth.iter().all(Remediation::is_final));
        let left: Vec<_> = versions
            .values()
            .filter(|lives| !truth.contains(&lives[lives.len() - 1]))
            .collect();
        assert_eq!(left.len(), 1, "one leaves the list");
        assert_eq!(left[0].last().unwrap().state, "PENDING_APPROVAL");
        let failed: Vec<_> = truth.iter().filter(|one| one.state == "FAILED").collect();
        assert_eq!(failed.len(), 1);
        assert!(failed[0].error_message.is_some());
        let retry = truth.iter().any(|one| {
            one.instance_id == failed[0].instance_id
                && one.state == "SUCCEEDED"
                && one.create_time > failed[0].end_time
        });
        assert!(retry, "a failure is tried again");
    }
}

#[tokio::test]
async fn states_follow_one_another_and_times_show_when() {
    let next: BTreeMap<&str, &[&str]> = BTreeMap::from([
        (
            "PENDING_APPROVAL",
            &["PENDING", "CANCELLED", "AUTO_RESOLVED"][..],
        ),
        ("PENDING", &["RUNNING", "QUARANTINING", "CANCELLED"]),
        ("QUARANTINING", &["QUARANTINED"]),
        ("QUARANTINED", &["RUNNING"]),
        ("RUNNING", &["SUCCEEDED", "FAILED"]),
    ]);
    let (_, versions) = lived(3, 8).await;
    for two in versions.values().flat_map(|lives| lives.windows(2)) {
        let (old, new) = (&two[0], &two[1]);
        assert!(old.update_time < new.update_time);
        if old.state != new.state {
            assert!(
                next[old.state.as_str()].contains(&new.state.as_str()),
                "{old:?} {new:?}"
            );
        }
        let reviewed = new.reviewed_by.is_some();
        assert_eq!(reviewed, new.review_time.is_some(), "{new:?}");
        assert_eq!(new.is_final(), new.end_time.is_some());
        assert_eq!(new.state == "FAILED", new.error_message.is_some());
        assert!(new.state != "RUNNING" || new.start_time.is_some());
        assert_eq!(FINAL_STATES.contains(&new.state.as_str()), new.is_final());
        assert!(!old.is_final(), "nothing changes after its end");
    }
}

#[tokio::test]
async fn the_same_seed_lives_the_same_life() {
    let (_, one) = lived(7, 6).await;
    let (_, same) = lived(7, 6).await;
    let (_, other) = lived(8, 6).await;
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[tokio::test]
async fn a_review_by_hand_carries_a_life_on() {
    let simulator = Simulator::start().await;
    simulator.seed_life(CLUSTER, 1, 8);
    simulator.advance(Duration::from_secs(5));
    let truth = simulator.truth(CLUSTER);
    let waiting = truth
        .iter()
        .find(|one| one.state == "PENDING_APPROVAL")
        .unwrap();
    simulator.enter(CLUSTER, &waiting.id, "CANCELLED");
    simulator.advance(Duration::from_secs(2400));
    let truth = simulator.truth(CLUSTER);
    let ended = truth.iter().find(|one| one.id == waiting.id).unwrap();
    assert_eq!(ended.state, "CANCELLED");
    assert_eq!(simulator.lives_left(), 0);
}

#[tokio::test]
async fn a_running_clock_moves_lives_and_the_date_of_answers() {
    let simulator = Simulator::start().await;
    simulator.set_clock("2026-11-23T10:00:00Z".parse().unwrap());
    let answer = crate::get(&simulator, "").await;
    assert_eq!(answer.headers()["date"], "Mon, 23 Nov 2026 10:00:00 GMT");
    simulator.seed_life(CLUSTER, 1, 5);
    simulator.run_clock(10_000);
    while simulator.lives_left() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(simulator.now() > "2026-11-23T10:05:00Z".parse().unwrap());
}

/// A person who tries the operator looks for minutes, and may come back hours later.
#[tokio::test]
async fn an_endless_cluster_always_has_something_to_look_at_and_is_never_ahead() {
    const STEP: Duration = Duration::from_secs(1);
    let simulator = Simulator::start().await;
    let begin: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    simulator.set_clock(begin - Duration::from_secs(45 * 60));
    let mut endless = Endless::new(vec![CLUSTER.to_owned()], 8, 6, 1);
    endless.fill(&simulator);
    let mut still = Duration::ZERO;
    for second in 1..5 * 3600 {
        let now = begin + STEP * second;
        endless.tick(&simulator, STEP, now);
        assert!(simulator.now() <= now);
        let truth = simulator.truth(CLUSTER);
        let is_over = truth.iter().all(Remediation::is_final);
        still = if is_over {
            still + STEP
        } else {
            Duration::ZERO
        };
        assert!(still < Duration::from_secs(300), "nothing at {now}");
    }
    let caught_up = begin + STEP * (5 * 3600 - 1);
    assert_eq!(simulator.now(), caught_up);
}

/// An operator that calls earlier would get 404 for the cluster.
#[tokio::test]
async fn a_call_before_the_lives_are_made_is_answered_after() {
    let mut early = None;
    let prepare = |simulator: &Simulator| {
        let address = Url::parse(&simulator.url()).unwrap();
        let address = address.socket_addrs(|| None).unwrap()[0];
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "GET /v1/compute/clusters/{CLUSTER}/instances/-/remediations HTTP/1.0\r\n\
             authorization: Bearer {}\r\n\r\n",
            simulator.key()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let wait = Some(Duration::from_millis(100));
        stream.set_read_timeout(wait).unwrap();
        let answered = stream.peek(&mut [0]).map_err(|error| error.kind());
        assert_eq!(answered, Err(ErrorKind::WouldBlock));
        simulator.seed_life(CLUSTER, 1, 8);
        early = Some(stream);
    };
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let simulator = Simulator::start_at(here, prepare).await.unwrap();
    let mut stream = early.unwrap();
    stream.set_read_timeout(None).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    drop(simulator);
}
