//! Requests open mirrors that are missing from the list by id, one by one.
//!
//! If requests by id are not trusted yet, one that was just listed is requested first.

use super::{
    SyncContext,
    change::{MirrorChange, Write},
    decide::absence::{Absences, Answer},
    evidence::ListEvidence,
    state::Lists,
    target::MirrorTarget,
    write::queue::WriteQueue,
};
use crate::{
    k8s::api::KubeApi,
    together::{Api, Error, Remediation, Service, is_plain},
};

/// The result of the requests.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// How many requests the budget allowed.
    pub times: usize,
    /// What the API returned.
    pub shown: Vec<Remediation>,
}

/// Requests what is missing, within `budget` requests, and writes the results.
pub(super) async fn ask<A: Api, C: KubeApi, T: Service>(
    ctx: SyncContext<'_, C, T>,
    api: &A,
    lists: &mut Lists,
    evidence: &mut ListEvidence<'_>,
    queue: &mut WriteQueue<'_, C>,
    budget: usize,
) -> Asked {
    let (target, index) = (ctx.target, &ctx.env.index);
    let mut left = budget;
    let mut asked = Asked::default();
    let missing = lists.absences.questions(budget);
    if !missing.is_empty()
        && !lists.absences.trusts_ids()
        && let Some((instance, id)) = evidence.lookup_probe.clone()
        && let Some(Ok(_)) = question(api, target, instance.as_deref(), &id, &mut left).await
    {
        lists.absences.trust_ids();
    }
    for name in missing {
        let Some(mirror) = index.mirror(&target.namespace, &target.cluster, &name) else {
            continue;
        };
        let instance = mirror.subject.known_instance();
        let mut answer = question(api, target, instance, &mirror.subject.id, &mut left).await;
        // The instance may be gone, and its path with it. Without an instance, the path has a dash in its place.
        if instance.is_some() && matches!(answer, Some(Err(Error::NotFound))) {
            answer = question(api, target, None, &mirror.subject.id, &mut left).await;
        }
        let Some(answer) = answer else { break };
        lists.absences.asked(&name);
        asked.times += 1;
        queue.observer.heartbeat.touch();
        let meaning = match answer {
            Ok(item) => {
                asked.shown.push(item.clone());
                let writes = evidence.plan_page(index, &lists.regressions, vec![Ok(item)]);
                queue.submit(writes).await;
                if evidence.unconfirmed.contains(&mirror.subject.id) {
                    Answer::LeftOut
                } else {
                    Answer::Shown
                }
            }
            Err(error) => match meaning(&error, &mirror.subject.id) {
                Some(meaning) => meaning,
                // A key or an API that fails now would fail for the rest too. If only this one fails, the next sync
                // starts with the others.
                None => break,
            },
        };
        lists.absences.answered(&name, meaning);
    }
    asked
}

/// What a failed request for `id` says about this remediation; `None` if the API itself failed.
fn meaning(error: &Error, id: &str) -> Option<Answer> {
    match error {
        Error::NotFound if !is_plain(id) => Some(Answer::Unaskable),
        Error::NotFound => Some(Answer::NotFound),
        Error::Forbidden => Some(Answer::Forbidden),
        Error::BadRequest { .. } | Error::ImpossibleId { .. } => Some(Answer::Unaskable),
        Error::InvalidResponse(_) => Some(Answer::Unanswered),
        _ => None,
    }
}

/// One request, if the budget allows it.
async fn question<A: Api>(
    api: &A,
    target: &MirrorTarget,
    instance: Option<&str>,
    id: &str,
    left: &mut usize,
) -> Option<Result<Remediation, Error>> {
    *left = left.checked_sub(1)?;
    Some(api.get(&target.cluster, instance, id).await)
}

/// The marks of mirrors that are proven gone.
pub(super) fn proven_gone<C, T>(ctx: SyncContext<'_, C, T>, absences: &Absences) -> Vec<Write> {
    let (target, index) = (ctx.target, &ctx.env.index);
    let proven = absences.names().filter_map(|name| {
        let synced = absences.verdict(name)?;
        let mirror = index.mirror(&target.namespace, &target.cluster, name)?;
        (mirror.lifecycle.open && mirror.lifecycle.synced != synced).then(|| Write {
            name: name.into(),
            change: MirrorChange::Mark(mirror, synced),
        })
    });
    proven.collect()
}
