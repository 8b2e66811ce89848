//! Fetches a cluster's remediations page by page and parses them with serde: the least that any poll must do. Its types are
//! its own, so that it has nothing of the operator's.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{Found, cpu_since};
use crate::{Failure, process};

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    remediations: Vec<Remediation>,
    #[serde(default)]
    has_next: bool,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed, as a user of the client would parse them")]
struct Remediation {
    id: String,
    cluster_id: String,
    instance_id: String,
    mode: String,
    trigger: String,
    state: String,
    instance_name: Option<String>,
    reason: Option<String>,
    active_health_check_run_id: Option<String>,
    passive_health_check_event_id: Option<String>,
    requested_by: Option<String>,
    create_time: Option<String>,
    reviewed_by: Option<String>,
    review_time: Option<String>,
    review_comment: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
    error_message: Option<String>,
    update_time: Option<String>,
    #[serde(default)]
    linked_alerts: Vec<LinkedAlert>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed, as a user of the client would parse them")]
struct LinkedAlert {
    alert_name: String,
    severity: String,
    started_at: String,
    resolved_at: Option<String>,
}

pub(super) async fn fetch(
    url: &str,
    key: &str,
    page_size: u32,
    rest: Duration,
) -> Result<Found, Failure> {
    let http = reqwest::Client::new();
    all(&http, url, key, page_size).await?;
    tokio::time::sleep(rest).await;
    let (begun, cpu) = (Instant::now(), process::cpu(std::process::id())?);
    let count = all(&http, url, key, page_size).await?;
    Ok(Found {
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu_since(cpu)?,
        count,
    })
}

async fn all(http: &reqwest::Client, url: &str, key: &str, size: u32) -> Result<usize, Failure> {
    let (mut count, mut token) = (0, String::new());
    loop {
        let mut query = vec![("pageSize", size.to_string())];
        if !token.is_empty() {
            query.push(("pageToken", token));
        }
        let request = http.get(url).bearer_auth(key).query(&query);
        let body = request.send().await?.error_for_status()?.bytes().await?;
        let page: Page = serde_json::from_slice(&body)?;
        count += page.remediations.len();
        if !page.has_next {
            return Ok(count);
        }
        token = page.next_page_token;
    }
}
