//! An operator of two namespaces that loses one of them: its rights there are taken away, or it is deleted. The other one is
//! mirrored as before, also by an operator that starts then; and one that comes back is taken in again.

use std::time::Duration;

use k8s_openapi::api::{core::v1::Namespace, rbac::v1::RoleBinding};
use kube::{
    Api, Client,
    api::{DeleteParams, ObjectMeta, PostParams},
};
use testbed::{control_plane::OperatorAccount, simulator::Remediation as Truth};
use together_remediation_operator::api::remediation::Remediation;

use crate::{
    fixture::{CLUSTER, Fixture, within},
    setup,
    steps::gone,
    truth::assert_mirrors,
};

/// A Kubernetes watch lasts for 30 s and is refused only when it is restarted.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The operator's account, which is bound in each namespace by itself.
const ACCOUNT: &str = "scoped";
const NO_LIMIT: [&str; 2] = ["--kube-qps", "0"];
/// The cluster that the namespace watches that is lost.
const OTHER: &str = "33333333-3333-4333-8333-333333333333";

/// The rights of the operator's own manifest, in a namespace alone.
const BINDING: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: scoped, namespace: $NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: together-remediation-operator}
subjects:
  - {kind: ServiceAccount, name: scoped, namespace: $HOME}
";
const HOME: &str = r"
apiVersion: v1
kind: ServiceAccount
metadata: {name: scoped, namespace: $HOME}
";

/// A namespace that stays, the fixture's, and one that is lost.
struct Two {
    fixture: Fixture,
    account: OperatorAccount,
    lost: String,
}

impl Two {
    /// Both with rights, and a `ClusterWatch` in each.
    async fn new() -> Self {
        let fixture = Fixture::idle("stays").await;
        // For its ClusterRole.
        fixture.account().await;
        let lost = fixture.control_plane.namespace("lost").await.unwrap();
        let (control_plane, home) = (fixture.control_plane.clone(), fixture.namespace.clone());
        control_plane
            .apply(&HOME.replace("$HOME", &home))
            .await
            .unwrap();
        let account = control_plane.account(&home, ACCOUNT).await.unwrap();
        fixture.simulator.add_cluster(OTHER);
        for (cluster, number) in [(CLUSTER, 1), (OTHER, 2)] {
            fixture.simulator.put(Truth::numbered(cluster, number));
        }
        let two = Self {
            fixture,
            account,
            lost,
        };
        for namespace in [&home, &two.lost] {
            two.bind(namespace).await;
        }
        two.fixture.watch("training", |_| {}).await;
        two.furnish().await;
        two
    }

    async fn bind(&self, namespace: &str) {
        let binding = BINDING.replace("$NAMESPACE", namespace);
        let binding = binding.replace("$HOME", &self.fixture.namespace);
        self.fixture.control_plane.apply(&binding).await.unwrap();
    }

    async fn unbind(&self) {
        let bindings: Api<RoleBinding> = self.in_lost();
        let delete = DeleteParams::default();
        bindings.delete(ACCOUNT, &delete).await.unwrap();
    }

    /// Secret and `ClusterWatch` of the namespace that is lost.
    async fn furnish(&self) {
        self.fixture.furnish(&self.lost, "other", OTHER).await;
    }

    fn in_lost<K: kube::Resource<Scope = kube::core::NamespaceResourceScope>>(&self) -> Api<K>
    where
        K::DynamicType: Default,
    {
        Api::namespaced(self.client(), &self.lost)
    }

    fn client(&self) -> Client {
        self.fixture.client.clone()
    }

    async fn start(&mut self) {
        let (account, lost) = (self.account.clone(), self.lost.clone());
        self.fixture.start_as(&account, &[&lost], &NO_LIMIT).await;
    }

    /// Lets time pass until /readyz answers 200 and names the lost namespace, or names none.
    async fn ready_naming_it(&self, named: bool) {
        within(TIMEOUT, "/readyz 200", || async {
            self.fixture.clock.advance(Duration::from_secs(1));
            let (status, line) = self.fixture.probe("/readyz").await;
            let right = line.contains(&self.lost) == named && line.lines().count() == 1;
            if status == 200 && right {
                Ok(())
            } else {
                Err(format!("{status} {line}"))
            }
        })
        .await;
    }

    /// The namespace that stays is mirrored: what is there, and what comes now.
    async fn stays_mirrored(&self, number: u32) {
        let simulator = &self.fixture.simulator;
        simulator.put(Truth::numbered(CLUSTER, number));
        within(TIMEOUT, "what is new is mirrored", || async {
            self.fixture.clock.advance(Duration::from_secs(1));
            let (mirrors, truth) = (self.fixture.all().await, simulator.truth(CLUSTER));
            // A mirror gets its status after it is created.
            let whole = mirrors.iter().filter(|mirror| mirror.status.is_some());
            match whole.count() {
                count if count == truth.len() => Ok(()),
                count => Err(format!("{count} of {} mirrors", truth.len())),
            }
        })
        .await;
        self.fixture.ready("training", "Synced").await;
        assert_mirrors(&self.fixture.all().await, &simulator.truth(CLUSTER));
    }

    /// The other namespace is mirrored: its mirrors match the API.
    async fn other_is_mirrored(&self, state: &str) {
        let simulator = &self.fixture.simulator;
        let id = Truth::numbered(OTHER, 2).id;
        simulator.enter(OTHER, &id, state);
        let mirrors: Api<Remediation> = self.in_lost();
        within(TIMEOUT, "the other namespace is mirrored", || async {
            self.fixture.clock.advance(Duration::from_secs(1));
            let mirror = mirrors.get_opt(&id).await.unwrap();
            match mirror.and_then(|mirror| mirror.status?.state) {
                Some(found) if found == state => Ok(()),
                found => Err(format!("{found:?}")),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_whose_rights_are_taken_away_is_named_and_the_other_goes_on() {
    let mut two = Two::new().await;
    two.start().await;
    two.stays_mirrored(3).await;
    two.other_is_mirrored("PENDING").await;
    two.ready_naming_it(false).await;

    two.unbind().await;
    two.ready_naming_it(true).await;
    two.stays_mirrored(4).await;
    two.fixture.stop().await;
    two.start().await;
    two.ready_naming_it(true).await;
    two.stays_mirrored(5).await;

    two.bind(&two.lost).await;
    two.ready_naming_it(false).await;
    two.other_is_mirrored("RUNNING").await;
    two.stays_mirrored(6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_deleted_is_named_and_the_other_goes_on() {
    let mut two = Two::new().await;
    two.start().await;
    two.stays_mirrored(3).await;
    two.other_is_mirrored("PENDING").await;

    let namespaces: Api<Namespace> = Api::all(two.client());
    let delete = DeleteParams::default();
    namespaces.delete(&two.lost, &delete).await.unwrap();
    gone(&namespaces, &two.lost).await;
    two.ready_naming_it(true).await;
    two.stays_mirrored(4).await;
    two.fixture.stop().await;
    two.start().await;
    two.ready_naming_it(true).await;
    two.stays_mirrored(5).await;

    let again = Namespace {
        metadata: ObjectMeta {
            name: Some(two.lost.clone()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    namespaces
        .create(&PostParams::default(), &again)
        .await
        .unwrap();
    two.bind(&two.lost).await;
    two.furnish().await;
    two.ready_naming_it(false).await;
    two.other_is_mirrored("RUNNING").await;
    two.stays_mirrored(6).await;
    setup::print_line("a namespace that was deleted and recreated is mirrored again");
}
