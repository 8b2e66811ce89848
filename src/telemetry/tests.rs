#![allow(clippy::unwrap_used)]

use std::io;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, client::Body};

use super::*;
use crate::{k8s::error::KubeApiError, testing::log::KeptLog};

mod keys;

#[test]
fn a_panics_message_is_shown_only_where_it_holds_no_data() {
    let made_up: Box<dyn Any> = Box::new(format!("no such user: {}", "planted"));
    assert!(!literal_message(&*made_up).contains("planted"));
    let written: Box<dyn Any> = Box::new("the lock is taken");
    assert_eq!(literal_message(&*written), "the lock is taken");
}

/// A Secret that kube cannot read is in kube's own log as a whole, and in its error in part.
#[tokio::test]
async fn what_the_cluster_answers_is_never_logged() {
    for format in [LogFormat::Json, LogFormat::Text] {
        let log = KeptLog::start(format, "trace");
        for (status, body) in [
            (200, r#"{"kind":"Secret","data":"planted"}"#),
            (500, "planted"),
            (403, r#"{"kind":"Status","message":"planted","code":403}"#),
        ] {
            let answer = move |_| async move {
                let answer = http::Response::builder().status(status);
                Ok::<_, io::Error>(answer.body(Body::from(body.as_bytes().to_vec())).unwrap())
            };
            let client = Client::new(tower::service_fn(answer), "n");
            let secrets: Api<Secret> = Api::namespaced(client, "n");
            let error = KubeApiError::from(secrets.get("together").await.unwrap_err());
            tracing::info!("asked");
            let shown = error.to_string().contains("planted");
            assert!(status != 200 || !shown, "{error}");
        }
        let text = log.text();
        assert_eq!(text.matches("asked").count(), 3, "{text}");
        assert!(!text.contains("planted"), "{text}");
    }
}
