//! Requests open mirrors that are missing from the list by id, one by one, and marks those that are proven gone.
//!
//! If requests by id are not trusted yet, one that was just listed is requested first.

use crate::{
    k8s::api::KubeApi,
    store::Index,
    sync::{
        decide::{
            absence::{Absences, Answer},
            plan::MirrorTarget,
        },
        write::{
            object::{MirrorChange, Write},
            queue::WriteQueue,
        },
    },
    together::{Api, Error, Remediation, is_plain},
};

/// The result of the requests.
#[derive(Debug, Default)]
pub struct Asked {
    /// How many requests the budget allowed.
    pub times: usize,
    /// What the API returned.
    pub shown: Vec<Remediation>,
}

/// Requests what is missing, within `budget` requests, and plans the results.
pub async fn ask<A: Api, C: KubeApi>(
    api: &A,
    target: &MirrorTarget,
    index: &Index,
    absences: &mut Absences,
    queue: &mut WriteQueue<'_, C>,
    budget: usize,
) -> Asked {
    let mut left = budget;
    let mut asked = Asked::default();
    let missing = absences.questions(budget);
    if !missing.is_empty()
        && !absences.trusts_ids()
        && let Some((instance, id)) = queue.sample.clone()
        && let Some(Ok(_)) = question(api, target, instance.as_deref(), &id, &mut left).await
    {
        absences.trust_ids();
    }
    for name in missing {
        let Some(mirror) = index.mirror(&target.namespace, &target.cluster, &name) else {
            continue;
        };
        let instance = Some(&*mirror.instance).filter(|instance| !instance.is_empty());
        let mut answer = question(api, target, instance, &mirror.id, &mut left).await;
        if instance.is_some() && matches!(answer, Some(Err(Error::NotFound))) {
            answer = question(api, target, None, &mirror.id, &mut left).await;
        }
        let Some(answer) = answer else { break };
        absences.asked(&name);
        asked.times += 1;
        queue.heartbeat.touch();
        match answer {
            Ok(item) => {
                asked.shown.push(item.clone());
                queue.take(vec![Ok(item)]).await;
                let left_out = queue.unconfirmed.contains(&mirror.id);
                let shown = if left_out {
                    Answer::LeftOut
                } else {
                    Answer::Shown
                };
                absences.answered(&name, shown);
            }
            Err(Error::NotFound) if !is_plain(&mirror.id) => {
                absences.answered(&name, Answer::Unaskable);
            }
            Err(Error::NotFound) => absences.answered(&name, Answer::NotFound),
            Err(Error::Forbidden) => absences.answered(&name, Answer::Forbidden),
            Err(Error::BadRequest { .. } | Error::ImpossibleId { .. }) => {
                absences.answered(&name, Answer::Unaskable);
            }
            Err(Error::InvalidResponse(_)) => absences.answered(&name, Answer::Unanswered),
            // A key or an API that fails now would fail for the rest too. If only this one fails, the next sync starts
            // with the others.
            Err(_) => break,
        }
    }
    asked
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

/// Marks the mirrors that are proven gone.
pub async fn mark<C: KubeApi>(
    target: &MirrorTarget,
    index: &Index,
    absences: &Absences,
    queue: &mut WriteQueue<'_, C>,
) {
    let proven: Vec<_> = absences
        .names()
        .filter_map(|name| Some((name, absences.verdict(name)?)))
        .collect();
    for (name, synced) in proven {
        let Some(mirror) = index.mirror(&target.namespace, &target.cluster, name) else {
            continue;
        };
        if mirror.open && mirror.synced != synced {
            queue
                .write(Write {
                    name: name.into(),
                    change: MirrorChange::Mark(mirror, synced),
                })
                .await;
        }
    }
}
