//! The operator as a process of its own, and its metrics.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use testbed::{loopback, program::Program};
use tokio::process::Command;

use crate::{Failure, process};

/// Limits off: the row measures the operator, not its manners.
pub(crate) const NO_LIMITS: [&str; 6] = [
    "--kube-qps",
    "0",
    "--api-qps",
    "1000",
    "--api-burst",
    "10000",
];
/// From its start until it leads. A Lease that was not released must expire first.
const START: Duration = Duration::from_secs(60);
/// From SIGTERM to the end; the operator's own promise is 10 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(12);
const LOOK: Duration = Duration::from_millis(20);
const RARELY: Duration = Duration::from_secs(5);

/// A running one.
pub(crate) struct Operator {
    program: Program,
    id: u32,
    metrics: String,
    http: reqwest::Client,
}

impl Operator {
    /// Starts it; it may not lead yet.
    pub(crate) fn start(
        program: &Path,
        kubeconfig: &Path,
        api: &str,
        log: &Path,
        flags: &[&str],
    ) -> Result<Self, Failure> {
        let admin = loopback::free_address()?;
        let mut command = Command::new(program);
        command
            .args(["run", "--allow-http", "--api-url", api])
            .args(["--admin-addr", &admin.to_string()])
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .env("POD_NAMESPACE", "together-system")
            .env_remove("RUST_LOG")
            .env_remove("WATCH_NAMESPACES");
        let program = Program::start(&command, log.to_owned())?;
        Ok(Self {
            id: program.id().ok_or("the operator has ended")?,
            program,
            metrics: format!("http://{admin}/metrics"),
            http: reqwest::Client::new(),
        })
    }

    /// Waits for what it is to do; an operator that ends meanwhile is an error.
    pub(crate) async fn running<T>(
        &mut self,
        done: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            exit = self.program.ended() => Err(format!("the operator ended {exit}").into()),
            done = done => done,
        }
    }

    /// Waits until it leads.
    pub(crate) async fn leads(&mut self) -> Result<(), Failure> {
        self.until("leading", (LOOK, START), |metrics| {
            sum(metrics, "together_remediation_leader", "") > 0.5
        })
        .await
    }

    /// Waits until this many polls have ended well since it began.
    pub(crate) async fn polled(&mut self, polls: u32, timeout: Duration) -> Result<(), Failure> {
        self.until("a poll", (LOOK, timeout), polled(polls)).await
    }

    /// The same, but asks so rarely that its own metrics are not what keeps it busy.
    pub(crate) async fn polled_quietly(
        &mut self,
        polls: u32,
        timeout: Duration,
    ) -> Result<(), Failure> {
        self.until("a poll", (RARELY, timeout), polled(polls)).await
    }

    async fn until(
        &mut self,
        what: &str,
        (look, timeout): (Duration, Duration),
        good: impl Fn(&str) -> bool,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            tokio::select! {
                exit = self.program.ended() => return Err(format!("the operator ended {exit}").into()),
                () = tokio::time::sleep(look) => {}
            }
            let answer = self.http.get(&self.metrics).send().await;
            if let Ok(answer) = answer
                && good(&answer.text().await?)
            {
                return Ok(());
            }
        }
        Err(format!(
            "the operator shows no sign of {what} within {timeout:?}; its log: {}",
            self.program.log().display()
        )
        .into())
    }

    /// Where its health is asked for.
    pub(crate) fn health(&self) -> Health {
        Health {
            id: self.id,
            url: self.metrics.replace("/metrics", "/livez"),
            http: self.http.clone(),
        }
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        process::cpu(self.id)
    }

    /// Its peak memory, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64, Failure> {
        process::peak_mib(self.id)
    }

    /// Stops it well, so that its Lease is free.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let status = self.program.stop(STOP_TIMEOUT).await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the operator ended with {status} after SIGTERM").into())
        }
    }
}

/// Where a running operator's health is asked for.
pub(crate) struct Health {
    id: u32,
    url: String,
    http: reqwest::Client,
}

impl Health {
    /// For how long the operator's thread ran before each answer while `work` was done, in milliseconds; between two requests
    /// it waits for `pause`.
    pub(crate) async fn during(
        &self,
        pause: Duration,
        work: impl Future<Output = Result<(), Failure>>,
    ) -> Result<Vec<f64>, Failure> {
        let mut answers = Vec::new();
        tokio::select! {
            failed = self.ask(pause, &mut answers) => return Err(failed),
            done = work => done?,
        }
        Ok(answers)
    }

    /// Asks until it fails.
    async fn ask(&self, pause: Duration, answers: &mut Vec<f64>) -> Failure {
        loop {
            match self.ran_before_answer().await {
                Ok(ran) => answers.push(ran.as_secs_f64() * 1000.0),
                Err(failure) => return failure,
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn ran_before_answer(&self) -> Result<Duration, Failure> {
        let before = process::main_thread_ran(self.id)?;
        let answer = self.http.get(&self.url).send().await?;
        answer.error_for_status()?;
        Ok(process::main_thread_ran(self.id)?.saturating_sub(before))
    }
}

fn polled(polls: u32) -> impl Fn(&str) -> bool {
    move |metrics| synced(metrics) + 0.5 > f64::from(polls)
}

fn synced(metrics: &str) -> f64 {
    sum(
        metrics,
        "together_remediation_polls_total",
        "reason=\"Synced\"",
    )
}

/// The sum of a metric's series whose labels hold `label`.
fn sum(metrics: &str, name: &str, label: &str) -> f64 {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = rest.rsplit_once(' ')?;
        let whole = labels.is_empty() || labels.starts_with('{');
        (whole && labels.contains(label)).then(|| value.parse::<f64>().unwrap_or_default())
    });
    values.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_other_names_and_reasons_do_not_count() {
        let metrics = "together_remediation_polls_total{clusterwatch=\"a\",reason=\"Synced\"} 3\n\
                       together_remediation_polls_total{clusterwatch=\"a\",reason=\"Unavailable\"} 4\n\
                       together_remediation_polls_total{clusterwatch=\"b\",reason=\"Synced\"} 2\n\
                       together_remediation_polls_total_more{reason=\"Synced\"} 9\n\
                       together_remediation_leader 1\n";
        assert!((synced(metrics) - 5.0).abs() < 1e-9);
        assert!((sum(metrics, "together_remediation_leader", "") - 1.0).abs() < 1e-9);
    }
}
