//! A tight client's paged listing of all mirrors: what anything must do that wants to know what is there.

use std::time::Instant;

use serde::Deserialize;

use super::{Found, Job, cpu_since};
use crate::{Failure, process};

/// As kube's watcher pages its initial list.
const PAGE: u32 = 500;

#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    items: Vec<Object>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(default)]
    r#continue: String,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

/// The least that identifies one mirror and its version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    uid: String,
    resource_version: String,
}

pub(super) async fn list(job: &Job) -> Result<Found, Failure> {
    let http = job.http()?;
    let (begun, cpu) = (Instant::now(), process::cpu(std::process::id())?);
    let mut known = Vec::new();
    let mut from = String::new();
    loop {
        let mut query = vec![("limit", PAGE.to_string())];
        if !from.is_empty() {
            query.push(("continue", from));
        }
        let request = http
            .get(format!("{}{}", job.server, job.collection))
            .bearer_auth(&job.token)
            .query(&query);
        let body = request.send().await?.error_for_status()?.bytes().await?;
        let page: Page = serde_json::from_slice(&body)?;
        known.extend(page.items.into_iter().map(|object| {
            let Metadata {
                name,
                uid,
                resource_version,
            } = object.metadata;
            (name, uid, resource_version)
        }));
        from = page.metadata.r#continue;
        if from.is_empty() {
            break;
        }
    }
    Ok(Found {
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu_since(cpu)?,
        count: known.len(),
    })
}
