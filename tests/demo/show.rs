//! `kubectl get remediations -w`, with the server's own table.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use futures::{TryStreamExt, pin_mut};
use http::Request;
use http::header::ACCEPT;
use kube::Client;
use kube::core::WatchEvent;

use super::Failure;
use super::table::{Column, Layout, Row, Table};

const AS_TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
/// Before everything is listed again, when a watch broke.
const AGAIN: Duration = Duration::from_millis(500);

/// Prints every remediation of the namespace, and each again whenever it changes, for ever.
pub(crate) async fn show(client: Client, namespace: &str) -> Result<Infallible, Failure> {
    let path = format!("/apis/compute.together.ai/v1alpha1/namespaces/{namespace}/remediations");
    let list: Table = client.request(as_table(&path)?).await?;
    let mut screen = Screen::new(&list.column_definitions.unwrap_or_default());
    println!("{}", screen.layout.header());
    loop {
        let list: Table = client.request(as_table(&path)?).await?;
        screen.show(&list.rows);
        let mut version = list.metadata.resource_version;
        while let Ok(seen) = follow(&client, &path, version, &mut screen).await {
            version = seen;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Shows what changes until the server ends the watch; then the version to go on from. An error:
/// the list must be read again.
async fn follow(
    client: &Client,
    path: &str,
    mut version: String,
    screen: &mut Screen,
) -> Result<String, Failure> {
    let watch = format!("{path}?watch=true&resourceVersion={version}");
    let events = client.request_events::<Table>(as_table(&watch)?).await?;
    pin_mut!(events);
    while let Some(event) = events.try_next().await? {
        let (WatchEvent::Added(table) | WatchEvent::Modified(table) | WatchEvent::Deleted(table)) =
            event
        else {
            return Err("the watch was refused".into());
        };
        screen.show(&table.rows);
        if let Some(row) = table.rows.last() {
            version.clone_from(&row.object.metadata.resource_version);
        }
    }
    Ok(version)
}

/// What the terminal shows.
struct Screen {
    layout: Layout,
    /// The version of each remediation that was shown last, by name.
    shown: HashMap<String, String>,
}

impl Screen {
    fn new(columns: &[Column]) -> Self {
        Self {
            layout: Layout::new(columns),
            shown: HashMap::new(),
        }
    }

    /// Prints the rows that are new or changed; in colour only where stdout is a terminal that wants it.
    fn show(&mut self, rows: &[Row]) {
        for line in self.news(rows) {
            anstream::println!("{line}");
        }
    }

    /// A line for each row that is new or changed, once its remediation has a status.
    fn news(&mut self, rows: &[Row]) -> Vec<String> {
        self.layout.fit(rows);
        let mut lines = Vec::new();
        for row in rows.iter().filter(|row| self.layout.has_state(row)) {
            let object = &row.object.metadata;
            let version = object.resource_version.clone();
            if self.shown.insert(object.name.clone(), version.clone()) != Some(version) {
                lines.push(self.layout.coloured_row(row));
            }
        }
        lines
    }
}

fn as_table(uri: &str) -> Result<Request<Vec<u8>>, Failure> {
    Ok(Request::get(uri)
        .header(ACCEPT, AS_TABLE)
        .body(Vec::new())?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn screen() -> Screen {
        let columns = json!([{"name": "Name"}, {"name": "State"}, {"name": "Sync"}]);
        Screen::new(&serde_json::from_value::<Vec<Column>>(columns).unwrap())
    }

    fn row(version: &str, state: &Value) -> Row {
        let metadata = json!({"name": "one", "resourceVersion": version});
        let row = json!({"cells": ["one", state, "Unknown"], "object": {"metadata": metadata}});
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn a_remediation_is_shown_once_its_status_is_there() {
        let mut screen = screen();
        for nothing in [json!(null), json!("")] {
            assert!(screen.news(&[row("1", &nothing)]).is_empty());
        }
        assert_eq!(screen.news(&[row("2", &json!("RUNNING"))]).len(), 1);
    }

    #[test]
    fn a_remediation_is_shown_again_only_when_it_has_changed() {
        let mut screen = screen();
        let shown =
            ["1", "1", "2"].map(|version| screen.news(&[row(version, &json!("RUNNING"))]).len());
        assert_eq!(shown, [1, 0, 1]);
    }
}
