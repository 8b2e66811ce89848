//! What the observers must not let pass, planted.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use testbed::api_proxy::ApiProxy;
use together_remediation_operator::api::remediation::Remediation;

use super::verdict::Verdict;
use crate::{
    leader::{LEASE, stage},
    steps::unfilled,
};

/// One leads, then another, and then the first one writes.
#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "it changed an object while it did not lead")]
async fn a_write_out_of_turn_is_seen() {
    let fixture = stage("planted", 0).await;
    let account = fixture.account().await;
    let proxies = [
        ApiProxy::start(&account).await.unwrap(),
        ApiProxy::start(&account).await.unwrap(),
    ];
    let how = PostParams::default();
    let [first, second] =
        [&proxies[0], &proxies[1]].map(|proxy| Client::try_from(proxy.account().config()).unwrap());
    let lease = |holder: &str| LeaseSpec {
        holder_identity: Some(holder.to_owned()),
        ..LeaseSpec::default()
    };
    let of = |client: &Client| Api::<Lease>::namespaced(client.clone(), &fixture.namespace);
    let taken = Lease {
        metadata: ObjectMeta {
            name: Some(LEASE.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(lease("first")),
    };
    let mut taken = of(&first).create(&how, &taken).await.unwrap();
    let books = || [proxies[0].writes(), proxies[1].writes()];
    let _ = Verdict::of(&books());
    taken.spec = Some(lease("second"));
    of(&second).replace(LEASE, &how, &taken).await.unwrap();
    let _ = Verdict::of(&books());

    let mirrors: Api<Remediation> = Api::namespaced(first, &fixture.namespace);
    let late = unfilled("late");
    mirrors.create(&how, &late).await.unwrap();
    let _ = Verdict::of(&books());
}
