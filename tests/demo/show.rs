//! `kubectl get remediations -w`, with the server's own table.

use std::convert::Infallible;
use std::time::Duration;

use futures::{TryStreamExt, pin_mut};
use http::Request;
use http::header::ACCEPT;
use kube::Client;
use kube::core::WatchEvent;

use super::Failure;
use super::table::{Layout, Table};

const AS_TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
/// Before a watch that broke is opened again.
const AGAIN: Duration = Duration::from_millis(500);

/// Prints every remediation of the namespace, and each again whenever it changes, for ever.
pub async fn show(client: Client, namespace: &str) -> Result<Infallible, Failure> {
    let path = format!("/apis/compute.together.ai/v1alpha1/namespaces/{namespace}/remediations");
    let mut layout: Option<Layout> = None;
    loop {
        let list: Table = client.request(as_table(&path)?).await?;
        let mut version = list.metadata.resource_version.clone();
        // After a watch was lost the list is not shown again: the next events tell what is new.
        if layout.is_none() {
            let mut first = Layout::new(&list.column_definitions);
            first.fit(&list.rows);
            println!("{}", first.header());
            list.rows.iter().for_each(|row| println!("{}", first.row(row)));
            layout = Some(first);
        }
        while let Ok(seen) = follow(&client, &path, &version, layout.as_mut()).await {
            version = seen;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Prints what changes until the server ends the watch; then the version to go on from. An error:
/// the list must be read anew.
async fn follow(
    client: &Client,
    path: &str,
    version: &str,
    mut layout: Option<&mut Layout>,
) -> Result<String, Failure> {
    let mut version = version.to_owned();
    let watch = format!("{path}?watch=true&resourceVersion={version}");
    let events = client.request_events::<Table>(as_table(&watch)?).await?;
    pin_mut!(events);
    while let Some(event) = events.try_next().await? {
        let (WatchEvent::Added(table) | WatchEvent::Modified(table) | WatchEvent::Deleted(table)) =
            event
        else {
            return Err("the watch was refused".into());
        };
        for row in &table.rows {
            version.clone_from(&row.object.metadata.resource_version);
            if let Some(layout) = &mut layout {
                layout.fit(std::slice::from_ref(row));
                println!("{}", layout.row(row));
            }
        }
    }
    Ok(version)
}

fn as_table(uri: &str) -> Result<Request<Vec<u8>>, Failure> {
    Ok(Request::get(uri).header(ACCEPT, AS_TABLE).body(Vec::new())?)
}
