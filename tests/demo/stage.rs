//! Sets the stage, plays, judges and clears up.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde_json::Value;
use testbed::auditor::{Seen, Verdict, judge, see};
use testbed::control_plane::{ControlPlane, Way, end_progress};
use testbed::program::{Program, build_operator};
use testbed::simulator::{Counters, Simulator};

use super::operator;
use super::{Failure, show, words};

/// Where the sample watch is.
pub(crate) const NAMESPACE: &str = "gpu-ops";
const CLUSTER: &str = "5f0c2f0e-6a3b-4d0a-9a57-0c1de7a91f10";
const SEED: u64 = 1;
const MACHINES: usize = 8;
/// How many times faster than ours the simulator's clock runs: 20 of its minutes take 40 s.
const SPEED: u32 = 30;
/// How far behind ours that clock starts, so that no time of it is ever to come.
const BEHIND: SignedDuration = SignedDuration::from_mins(30);
/// What the operator may take after the last change, until the mirror must be right.
const SETTLE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(500);
const MANIFESTS: [&str; 3] = [
    include_str!("../../crds/clusterwatches.yaml"),
    include_str!("../../crds/remediations.yaml"),
    include_str!("watch.yaml"),
];

/// Plays until a signal, or until all remediations have ended and are judged. `false`: the mirror
/// was not right.
pub(crate) async fn play(once: bool) -> Result<bool, Failure> {
    let mut ended = std::pin::pin!(testbed::signal::ended());
    let stage = tokio::select! {
        stage = Stage::set() => stage?,
        signal = &mut ended => {
            end_progress();
            return signal.map(|()| !once).map_err(Failure::from);
        }
    };
    let mut stage = stage;
    let outcome = tokio::select! {
        verdict = stage.run(once) => verdict.map(|verdict| Some((verdict, stage.simulator.counters()))),
        signal = &mut ended => signal.map(|()| None).map_err(Failure::from),
    };
    let cleared = stage.clear().await;
    let good = match outcome? {
        Some((verdict, counters)) => print(&verdict, &counters),
        None => !once,
    };
    cleared?;
    if good {
        println!("{}", words::next(once));
    }
    Ok(good)
}

struct Stage {
    begun: Instant,
    control_plane: ControlPlane,
    client: Client,
    simulator: Simulator,
    operator: Program,
}

impl Stage {
    async fn set() -> Result<Self, Failure> {
        let begun = Instant::now();
        println!("{}", words::plan(&ControlPlane::plan().await?));
        print_step(begun, "building the operator (cargo says how far it is)");
        let program = build_operator(Some("demo")).await?;
        print_step(
            begun,
            "starting a control plane: etcd, kube-apiserver, kube-controller-manager",
        );
        let control_plane = ControlPlane::start().await?;
        let simulator = Simulator::start().await;
        simulator.set_clock(Timestamp::now() - BEHIND);
        simulator.seed_life(CLUSTER, SEED, MACHINES);
        print_step(
            begun,
            "installing CRDs, a Secret and the ClusterWatch gpu-ops/training",
        );
        for manifest in MANIFESTS {
            let manifest = manifest
                .replace("$CLUSTER", CLUSTER)
                .replace("$API_KEY", simulator.key());
            control_plane.apply(&manifest).await?;
        }
        let account = control_plane.operator_account(NAMESPACE).await?;
        let operator = operator::start(&program, account.kubeconfig(), &simulator.url())?;
        let log = from_here(operator.log()).display();
        print_step(begun, &format!("operator started, its log: {log}"));
        Ok(Self {
            begun,
            client: control_plane.admin()?,
            control_plane,
            simulator,
            operator,
        })
    }

    /// Shows the remediations; ends with a verdict if `once`.
    async fn run(&mut self, once: bool) -> Result<Verdict, Failure> {
        self.hints();
        self.simulator.run_clock(SPEED);
        tokio::select! {
            exit = self.operator.ended() => Err(format!("the operator ended {exit}").into()),
            failure = show::show(self.client.clone(), NAMESPACE) => match failure? {},
            verdict = end(&self.simulator, &self.client, self.begun, once) => verdict,
        }
    }

    /// What to type to look with one's own kubectl.
    fn hints(&self) {
        println!("\nTo look for yourself, in another terminal:");
        println!(
            "  export KUBECONFIG={}",
            self.control_plane.kubeconfig().display()
        );
        if let Some(kubectl) = self.control_plane.kubectl() {
            println!("  alias kubectl={}", kubectl.display());
        }
        println!("  kubectl -n {NAMESPACE} get clusterwatches -o wide");
        println!("  kubectl -n {NAMESPACE} get remediations --field-selector status.open=true");
        println!("  kubectl explain remediation.status\n");
        println!(
            "Now `kubectl -n {NAMESPACE} get remediations -w`, {SPEED} times faster than real time:"
        );
    }

    async fn clear(self) -> Result<(), Failure> {
        print_step(self.begun, "stopping");
        let operator = self.operator.stop(operator::STOP_TIMEOUT).await;
        if let Way::Cluster(_) = self.control_plane.way() {
            println!("Left in your cluster: the CRDs, namespaces {NAMESPACE} and together-system.");
        }
        drop(self.client);
        self.control_plane.stop().await;
        let status = operator?;
        if status.success() {
            print_step(self.begun, "all is stopped");
            Ok(())
        } else {
            Err(format!("the operator ended with {status} after SIGTERM, not with 0").into())
        }
    }
}

/// Waits for the end of all lives; then, if `once`, until the mirror is right or time is up.
async fn end(
    simulator: &Simulator,
    client: &Client,
    begun: Instant,
    once: bool,
) -> Result<Verdict, Failure> {
    while simulator.lives_left() > 0 {
        tokio::time::sleep(LOOK).await;
    }
    if !once {
        println!("All have come to their end. All stays for you to look at until Ctrl-C.");
        return std::future::pending().await;
    }
    print_step(
        begun,
        "all lives have ended; comparing every mirror with the API",
    );
    let deadline = Instant::now() + SETTLE;
    loop {
        let Seen { watches, mirrors } = see(client, NAMESPACE).await?;
        let watch = watches.first().unwrap_or(&Value::Null);
        let verdict = judge(&simulator.truth(CLUSTER), &mirrors, watch);
        if verdict.differences.is_empty() || Instant::now() > deadline {
            return Ok(verdict);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn print(verdict: &Verdict, asked: &Counters) -> bool {
    let Verdict {
        agree,
        left,
        differences,
    } = verdict;
    let (listings, by_id) = (asked.listings, asked.by_id);
    println!("The API was asked for {listings} lists and {by_id} times by id.");
    println!("{agree} remediations are mirrored field by field; {left} left the API and say so.");
    for difference in differences {
        println!("  {difference}");
    }
    let good = differences.is_empty() && *agree > 0;
    println!(
        "{}",
        if good {
            "All agree."
        } else {
            "THE MIRROR IS NOT RIGHT."
        }
    );
    good
}

/// The path as one would type it in this folder.
fn from_here(path: &Path) -> &Path {
    let here = std::env::current_dir();
    here.ok()
        .and_then(|here| path.strip_prefix(here).ok())
        .unwrap_or(path)
}

fn print_step(begun: Instant, what: &str) {
    println!("{:>6.1} s  {what}", begun.elapsed().as_secs_f64());
}
