//! The election on a thread of its own, whose time runs as fast as it can.

use std::{
    io,
    sync::mpsc::{Receiver, Sender, channel},
};

use super::*;
use crate::leader::election_thread::{Election, ElectionThread};

/// How long a test waits for what does not come.
const FOREVER: Duration = Duration::from_secs(60);

/// Access to a Lease that reports each renewal; the renewal after `panics` of them panics.
struct ReportingLeases {
    access: Access,
    renewed: Sender<u64>,
    panics: u64,
}

impl Leases for ReportingLeases {
    async fn get(&self) -> Result<Option<Lease>, KubeApiError> {
        self.access.get().await
    }

    async fn create(&self, spec: LeaseSpec) -> Result<Lease, KubeApiError> {
        self.access.create(spec).await
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, KubeApiError> {
        let written = self.access.replace(lease).await;
        let version = written.as_ref().ok().and_then(|lease| {
            let version = lease.metadata.resource_version.as_ref()?;
            version.parse().ok()
        });
        assert!(version.unwrap_or(0) <= self.panics, "as the test wants it");
        // A test may have seen enough.
        let _ = self.renewed.send(version.unwrap_or(0));
        tokio::task::yield_now().await;
        written
    }
}

/// An election with one candidate over `store`, and the receiver of its renewals.
async fn apart(store: &Arc<Store>, panics: u64) -> (ElectionThread, Receiver<u64>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (renewed, renewals) = channel();
    let leases = ReportingLeases {
        access: Access::new(store.clone()),
        renewed,
        panics,
    };
    let clock = Arc::new(SystemClock::default());
    let leadership = Leadership::new(clock);
    let make = {
        let leadership = leadership.clone();
        move || {
            let (lease, me) = ("ns/lease".to_owned(), "me".to_owned());
            let clock = Arc::new(SystemClock::default());
            Ok::<_, io::Error>(Elector::new(leases, lease, me, clock, leadership))
        }
    };
    let apart = ElectionThread::start_on(runtime, "ns/lease".to_owned(), leadership, make);
    (apart.await.unwrap(), renewals)
}

#[tokio::test]
async fn the_lease_is_renewed_while_everything_else_is_blocked() {
    let store = Arc::new(Store::default());
    let (mut apart, renewals) = apart(&store, u64::MAX).await;
    assert_eq!(store.spec(), None, "it takes part only after acquire");
    apart.acquire().await.unwrap();
    for _ in 0..3 {
        // This blocks the test's runtime, which has no other thread.
        renewals.recv_timeout(FOREVER).unwrap();
    }
}

#[tokio::test]
async fn it_reports_what_it_lost_and_takes_nothing_back() {
    let store = Arc::new(Store::default());
    let (mut apart, renewals) = apart(&store, u64::MAX).await;
    apart.acquire().await.unwrap();
    renewals.recv_timeout(FOREVER).unwrap();
    store.overwrite(Some("somebody"));
    let lost = timeout(FOREVER, apart.keep()).await.unwrap();
    assert_eq!(lost.why, "is now held by somebody");
    assert!(!apart.leadership.holds());
    let holder = store.spec().unwrap().holder_identity;
    assert_eq!(holder.as_deref(), Some("somebody"));
}

#[tokio::test]
async fn it_releases_the_lease_before_its_thread_ends() {
    let store = Arc::new(Store::default());
    let (mut apart, _renewals) = apart(&store, u64::MAX).await;
    apart.acquire().await.unwrap();
    timeout(FOREVER, apart.release()).await.unwrap();
    assert!(!apart.leadership.holds());
    let holder = store.spec().unwrap().holder_identity;
    assert_eq!(holder.as_deref(), Some(""));
}

#[tokio::test]
async fn a_panic_of_its_thread_ends_leadership() {
    let store = Arc::new(Store::default());
    let (mut apart, _renewals) = apart(&store, 2).await;
    apart.acquire().await.unwrap();
    let lost = timeout(FOREVER, apart.keep()).await.unwrap();
    assert!(lost.why.contains("panicked"), "{lost}");
    assert!(!apart.leadership.holds());
}

#[tokio::test]
async fn an_error_in_creating_its_elector_is_returned() {
    let leadership = Leadership::new(Arc::new(SystemClock::default()));
    let make = || Err::<Elector<Access>, _>(io::Error::other("no way"));
    let started = ElectionThread::start("ns/lease".to_owned(), leadership, make).await;
    assert_eq!(started.err().unwrap().to_string(), "no way");
}
