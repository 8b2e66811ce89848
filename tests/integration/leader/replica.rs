//! A replica of the operator in this process.

use std::sync::Arc;

use testbed::{control_plane::OperatorAccount, simulator::Simulator};
use together_remediation_operator::{
    health::server,
    network::Proxies,
    operator::{self, RunError},
};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::api;
use crate::{
    clock::ManualClock,
    fixture::{self, Fixture},
    steps::holds,
};

pub(crate) struct Replica {
    pub(crate) simulator: Simulator,
    /// Stands still, so that nothing expires before a test advances the clock.
    pub(crate) clock: Arc<ManualClock>,
    shutdown: DropGuard,
    task: JoinHandle<Result<(), RunError>>,
}

impl Replica {
    /// Starts one with `flags` that takes part in the election of the fixture's namespace.
    pub(crate) async fn start(fixture: &Fixture, flags: &[&str]) -> Self {
        Self::start_as(fixture, flags, &fixture.account().await).await
    }

    /// The same by way of this account.
    pub(crate) async fn start_as(
        fixture: &Fixture,
        flags: &[&str],
        account: &OperatorAccount,
    ) -> Self {
        let simulator = api(fixture).await;
        let url = simulator.url();
        let namespace = &fixture.namespace;
        let line = format!(
            "together-remediation-operator run --api-url {url} --allow-http --namespace {namespace} \
             --lease-namespace {namespace}"
        );
        let line: Vec<_> = line.split(' ').collect();
        let flags = fixture::flags(line.iter().chain(flags));
        let (clock, shutdown) = (Arc::new(ManualClock::new()), CancellationToken::new());
        let (time, stop, config) = (clock.clone(), shutdown.clone(), account.config());
        Self {
            simulator,
            clock,
            shutdown: shutdown.drop_guard(),
            task: tokio::spawn(async move {
                let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
                operator::run(&flags, &Proxies::default(), listener, config, time, stop).await
            }),
        }
    }

    /// Stops it as SIGTERM would.
    pub(crate) async fn stop(self) -> Result<(), RunError> {
        drop(self.shutdown);
        self.task.await.unwrap()
    }

    /// Waits until something of it rests: where another leads, that it stands by.
    pub(crate) async fn rests(&self) {
        let sleepers = async || self.clock.sleepers();
        holds("it rests", sleepers, |sleepers| *sleepers > 0).await;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(self) -> Result<(), RunError> {
        let timeout = std::time::Duration::from_secs(60);
        tokio::time::timeout(timeout, self.task)
            .await
            .expect("it ends")
            .unwrap()
    }
}
