//! Checks from outside whether a running operator is ready: `helm test` runs this in a pod.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::{
    agent,
    network::{Cause, Resolver},
    tls,
};

const PAUSE: Duration = Duration::from_secs(1);

/// Polls the operator's `/readyz` at `url` until it is ready, and returns its response.
///
/// # Errors
/// The last response if it is not ready within `wait`.
pub async fn until_ready(url: &str, wait: Duration) -> Result<String, String> {
    tls::provide();
    // The operator is in the same cluster, so no proxy is used.
    let client = reqwest::Client::builder()
        .user_agent(agent::USER_AGENT)
        .no_proxy()
        .dns_resolver(Resolver::default())
        .build();
    let client = client.map_err(|_| "cannot set up TLS".to_owned())?;
    let mut last = "no response".to_owned();
    let asked = async {
        loop {
            match ask(&client, url).await {
                Ok(line) => return line,
                Err(error) => last = error,
            }
            sleep(PAUSE).await;
        }
    };
    let asked = timeout(wait, asked).await;
    asked.map_err(|_| format!("not ready within {wait:?}: {last}"))
}

async fn ask(client: &reqwest::Client, url: &str) -> Result<String, String> {
    let answer = client.get(url).send().await;
    let answer = answer.map_err(|error| Cause::of(&error).phrase())?;
    let status = answer.status();
    let body = answer.text().await;
    let body = body.map_err(|error| Cause::of(&error).phrase())?;
    if status.is_success() {
        Ok(body.trim().to_owned())
    } else {
        let first = body.lines().next().unwrap_or_default();
        Err(format!("{status}: {first}"))
    }
}
