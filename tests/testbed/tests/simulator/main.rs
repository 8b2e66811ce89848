//! The simulator against the API's reference page, over HTTP as any client would ask it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod calls;
mod clients;
mod control;
mod faults;
mod history;
mod lives;
mod pages;
mod program;

use std::sync::LazyLock;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Response};
use serde_json::Value;
use testbed::simulator::{Remediation, Simulator};

/// Made once, for it reads root certificates; keeps no connection, for each test has a runtime.
static CLIENT: LazyLock<Client> =
    LazyLock::new(|| Client::builder().pool_max_idle_per_host(0).build().unwrap());
const CLUSTER: &str = "c-1";

/// A list call for all machines, with this raw query.
async fn get(simulator: &Simulator, query: &str) -> Response {
    let path = format!("/compute/clusters/{CLUSTER}/instances/-/remediations?{query}");
    ask(simulator, &path).await
}

/// The same, which must be a page.
async fn fetched(simulator: &Simulator, query: &str) -> Value {
    get(simulator, query).await.json().await.unwrap()
}

/// The status of the answer to it.
async fn status(simulator: &Simulator, query: &str) -> u16 {
    get(simulator, query).await.status().as_u16()
}

/// Any GET below `/v1`, with the good key.
async fn ask(simulator: &Simulator, path: &str) -> Response {
    CLIENT
        .get(format!("{}{path}", simulator.url()))
        .bearer_auth(simulator.key())
        .send()
        .await
        .unwrap()
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["remediations"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap_or("?").to_owned())
        .collect()
}

/// All pages, with the reference page's names; `None` as soon as one is no good list.
async fn listing(simulator: &Simulator, page_size: usize) -> Option<Vec<String>> {
    let mut all = Vec::new();
    let mut token = String::new();
    for _ in 0..1000 {
        let query = format!("pageSize={page_size}&pageToken={token}");
        let page: Value = get(simulator, &query).await.json().await.ok()?;
        all.extend(ids(&page));
        if page["has_next"] != true {
            return Some(all);
        }
        token = encoded(page["next_page_token"].as_str()?);
    }
    None
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A simulator that holds so many remediations, all of them open.
async fn filled(count: u32) -> Simulator {
    let simulator = Simulator::start().await;
    simulator.add_cluster(CLUSTER);
    for number in 0..count {
        simulator.put(Remediation::numbered(CLUSTER, number));
    }
    simulator
}
