//! The calls of a probe: what `run` asks in its first two syncs, with the same client and the same listing.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::findings::Findings;
use crate::{
    api::cluster_watch::ClusterWatch,
    clock::Clock,
    mirror::end::Clocks,
    sync::{open_states::OpenStates, query, state::only_final, target::MirrorTarget},
    together::{
        Api, ApiClock, ApiKey, Client, CompleteListing, Error, Fields, KeyedClient, Listing,
        Malformed, Page, PageQuery, QueryNames, Remediation, StateFilter, Text, decode_page,
        query::dialect::About,
    },
};

/// The API, asked with one key; the names of the fields of its pages are noted.
#[derive(Clone)]
struct Noted {
    api: KeyedClient,
    fields: Arc<Mutex<Fields>>,
}

impl Noted {
    fn noted(&self) -> MutexGuard<'_, Fields> {
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Api for Noted {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        let body = self.api.page_body(query).await?;
        self.noted().note(&body);
        decode_page(&body)
    }

    async fn get(
        &self,
        cluster: &str,
        instance: Option<&str>,
        id: &str,
    ) -> Result<Remediation, Error> {
        self.api.get(cluster, instance, id).await
    }

    fn paused(&self) -> Duration {
        self.api.paused()
    }
}

/// How the listing of one set of states went.
#[derive(Debug)]
pub(super) struct Listed {
    /// The states that it was to hold; none: all.
    pub(super) states: Vec<String>,
    /// Items that came, each once, readable or not.
    pub(super) items: usize,
    /// Pages that came.
    pub(super) pages: usize,
    /// Calls, and how many of them repeated one that had failed.
    pub(super) calls: usize,
    pub(super) retries: usize,
    pub(super) took: Duration,
    pub(super) outcome: Result<CompleteListing, Error>,
}

impl Listed {
    /// How the listing asked for states, in one word; `None`: it asked for none, or did not end.
    pub(super) fn filter(&self) -> Option<&'static str> {
        let complete = self.outcome.as_ref().ok()?;
        if self.states.is_empty() {
            return None;
        }
        if complete.filter_ignored() {
            return Some("ignored");
        }
        let mut asked = self.states.clone();
        asked.sort_unstable();
        Some(complete.filter().word(About::Refused, &asked))
    }

    /// The spelling of the query's names, and whether the listing proves that the API understands them.
    pub(super) fn names(&self) -> Option<(QueryNames, bool)> {
        let complete = self.outcome.as_ref().ok()?;
        let names = complete.names();
        Some((names, names == QueryNames::Sdk || complete.pages() > 1))
    }
}

/// What the calls brought.
pub(super) struct Survey {
    pub(super) findings: Findings,
    pub(super) fields: Fields,
    /// What is listed in a full sync: everything, or the states of the `ClusterWatch` if all of them are final.
    pub(super) first: Listed,
    /// The open states.
    pub(super) open: Option<Listed>,
    /// Open remediations of the first listing that the second one lacks.
    pub(super) missing: usize,
    /// Asked for the first remediation by its id.
    pub(super) lookup: Option<Result<(), Error>>,
    pub(super) clock: ApiClock,
    /// What kept `run` from mirroring it.
    pub(super) failure: Option<Error>,
}

/// What is asked, and how.
struct Question<'a> {
    api: Noted,
    client: &'a Client,
    watch: &'a ClusterWatch,
    target: &'a MirrorTarget,
}

/// Asks the API of `client` what `run` would ask for `watch`.
pub(super) async fn survey(
    client: &Client,
    key: &ApiKey,
    watch: &ClusterWatch,
    target: &MirrorTarget,
    clock: &dyn Clock,
) -> Survey {
    let api = Noted {
        api: client.with_key(key),
        fields: Arc::default(),
    };
    let question = Question {
        api,
        client,
        watch,
        target,
    };
    let (mut findings, mut open_states) = (Findings::default(), OpenStates::default());
    let final_states = only_final(target);
    let states = final_states.unwrap_or_default().to_vec();
    let take = |item: Result<Remediation, Malformed>| {
        let (ours, elapsed) = (clock.now(), clock.elapsed());
        let apis = client.skew().clock().time(ours, elapsed);
        if let Ok(item) = &item {
            open_states.seen(&item.state, elapsed);
        }
        findings.take(target, Clocks { ours, apis }, item);
    };
    let first = question.list(states, take).await;
    let failed = first.outcome.as_ref().err().cloned();
    let mut failure = failed.or_else(|| findings.spelling.check(true).err());
    let (mut open, mut lookup, mut missing) = (None, None, 0);
    if failure.is_none() {
        lookup = question.lookup(&findings).await;
        if final_states.is_none() {
            let listed = question.open(open_states.names()).await;
            match &listed.outcome {
                Ok(complete) => missing = lacking(complete, &findings),
                Err(error) => failure = Some(error.clone()),
            }
            open = Some(listed);
        }
    }
    Survey {
        fields: question.api.noted().clone(),
        clock: client.skew().clock(),
        failure,
        findings,
        first,
        open,
        missing,
        lookup,
    }
}

impl Question<'_> {
    /// Asks for the first remediation by its id, as `run` does before it believes that one is gone.
    async fn lookup(&self, findings: &Findings) -> Option<Result<(), Error>> {
        let (instance, id) = findings.lookup_probe.as_ref()?;
        let cluster = &self.target.cluster;
        let answer = self.api.get(cluster, instance.as_deref(), id).await;
        Some(answer.map(drop))
    }

    /// Lists the open `states`. An API that rejects the query names of the reference page hides what it makes of the state
    /// filter. `run` finds that out with its next list, and so does this.
    async fn open(&self, states: Vec<String>) -> Listed {
        let listed = self.list(states.clone(), drop).await;
        let hidden = listed.filter() == Some("refused")
            && listed
                .names()
                .is_some_and(|(names, _)| names == QueryNames::Sdk);
        if !hidden {
            return listed;
        }
        let again = self.list(states, drop).await;
        Listed {
            calls: listed.calls + again.calls,
            retries: listed.retries + again.retries,
            ..again
        }
    }

    /// Lists as `run` does; each item goes to `take`.
    async fn list(
        &self,
        states: Vec<String>,
        mut take: impl FnMut(Result<Remediation, Malformed>),
    ) -> Listed {
        let begun = tokio::time::Instant::now();
        let request = query::request(&self.watch.spec, self.target, states.clone());
        let mut listing = Listing::start(self.api.clone(), request, self.client.dialects());
        let (mut items, mut pages) = (0, 0);
        let ended = loop {
            match listing.next_page().await {
                Ok(Some(page)) => {
                    pages += 1;
                    items += page.len();
                    page.into_iter().for_each(&mut take);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let (calls, retries) = (listing.calls(), listing.retries());
        Listed {
            states,
            items,
            pages,
            calls,
            retries,
            took: begun.elapsed(),
            outcome: ended.and_then(|()| listing.finish()),
        }
    }
}

/// How many open remediations of the first listing are in a state that this one asked for, and not in it.
fn lacking(complete: &CompleteListing, findings: &Findings) -> usize {
    if complete.filter_ignored() || *complete.filter() == StateFilter::None {
        return 0;
    }
    let asked = complete.states();
    let lacks = |(id, state): &&(Text, Text)| {
        asked.iter().any(|asked| **asked == **state) && !complete.contains(id)
    };
    findings.open.iter().filter(lacks).count()
}
