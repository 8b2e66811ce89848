//! The tight Rust writer: two writes for each object, so many objects at a time.

use std::{
    io::{BufRead as _, BufReader},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use reqwest::{RequestBuilder, header::CONTENT_TYPE};
use serde::Deserialize;

use super::{Found, Item, Job, cpu_since};
use crate::{Failure, process};

/// What the second write needs of the first one's answer.
#[derive(Deserialize)]
struct Created<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    uid: &'a str,
    resource_version: &'a str,
}

pub(super) async fn write(job: &Job) -> Result<Found, Failure> {
    let file = BufReader::new(std::fs::File::open(&job.items)?);
    let mut items = Vec::new();
    for line in file.lines() {
        items.push(serde_json::from_str::<Item>(&line?)?);
    }
    let items = Arc::new(items);
    let next = Arc::new(AtomicUsize::new(0));
    let collection: Arc<str> = format!("{}{}", job.server, job.collection).into();
    let token: Arc<str> = job.token.as_str().into();
    let http = job.http()?;

    let (begun, cpu) = (Instant::now(), process::cpu(std::process::id())?);
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..job.concurrency {
        let (http, items, next) = (http.clone(), items.clone(), next.clone());
        let (collection, token) = (collection.clone(), token.clone());
        workers.spawn(async move {
            while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                one(&http, &collection, &token, item).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(Found {
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu_since(cpu)?,
        count: items.len() * 2,
    })
}

async fn one(
    http: &reqwest::Client,
    collection: &str,
    token: &str,
    item: &Item,
) -> Result<(), Failure> {
    let create = http.post(collection).body(Bytes::from(item.create.clone()));
    let answer = send(create, token).await?;
    let created: Created<'_> = serde_json::from_slice(&answer)?;
    let [head, middle, tail] = &item.status;
    let Metadata {
        uid,
        resource_version,
    } = created.metadata;
    let status = [head.as_str(), resource_version, middle, uid, tail].concat();
    let replace = http
        .put(format!("{collection}/{}/status", item.name))
        .body(Bytes::from(status));
    send(replace, token).await?;
    Ok(())
}

async fn send(request: RequestBuilder, token: &str) -> Result<Bytes, Failure> {
    let request = request
        .bearer_auth(token)
        .header(CONTENT_TYPE, "application/json");
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into())
    }
}
