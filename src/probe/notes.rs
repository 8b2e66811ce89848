//! What a reader of a probe should know besides, and what to do: pure.

use super::{
    findings::Findings,
    survey::{Listed, Survey},
};
use crate::together::{ApiClock, Dialects, Error, Fields};

/// Seconds of skew from which a clock should be looked at.
const LARGE: f64 = 300.0;

/// One sentence or two for each thing, the most important first.
pub(super) fn of(survey: &Survey) -> Vec<String> {
    let all = [
        camel_case(&survey.fields),
        left_out(&survey.findings),
        empty(survey),
        fallback(survey),
        missing(survey.missing),
        unknown(&survey.findings, &survey.fields),
        lookup(survey.lookup.as_ref()),
        unproven(&survey.first),
        clock(survey.clock),
    ];
    all.into_iter().flatten().collect()
}

fn camel_case(fields: &Fields) -> Option<String> {
    let note = "The API spells fields in camelCase (createTime), and run reads snake_case (create_time). Check --api-url and any proxy that rewrites answers; else open an issue with this output.";
    fields.camel_case.then(|| note.to_owned())
}

fn left_out(findings: &Findings) -> Option<String> {
    let note = "run leaves out the items listed under \"left out\" and mirrors all others. Open an issue with this output, and contact Together support.";
    (!findings.forecast.left_out.is_empty()).then(|| note.to_owned())
}

fn empty(survey: &Survey) -> Option<String> {
    let note = "The list is empty, so that states, modes and fields cannot be checked. If you expect remediations, check the cluster id and the project of the API key.";
    (survey.failure.is_none() && survey.first.items == 0).then(|| note.to_owned())
}

/// The words of `run` for a query that differs from the reference page.
fn fallback(survey: &Survey) -> Option<String> {
    let (names, _) = survey.first.names()?;
    let filter = survey.open.as_ref().unwrap_or(&survey.first).filter();
    Dialects::note_of(names, filter).map(|note| note + ".")
}

fn missing(missing: usize) -> Option<String> {
    (missing > 0).then(|| {
        format!("The list of open states lacks {missing} open remediations that the first list has. They may have ended in between: probe again. If this persists, the API honors a part of the state filter only, and run lists everything at every sync.")
    })
}

fn unknown(findings: &Findings, fields: &Fields) -> Option<String> {
    let any = findings.values.has_unknown() || !fields.unknown.is_empty();
    let note = "run mirrors unknown states, modes and triggers as they are, and ignores unknown fields. If this is the newest version, open an issue with this output.";
    any.then(|| note.to_owned())
}

fn lookup(answer: Option<&Result<(), Error>>) -> Option<String> {
    match answer? {
        Ok(()) => None,
        Err(Error::NotFound) => Some("The API does not answer for a single remediation by its id (404). If one disappears, run confirms it by two complete lists instead.".to_owned()),
        Err(error) => Some(format!("The call for a single remediation by its id failed ({}). run retries it when a remediation disappears.", error.reason())),
    }
}

fn unproven(first: &Listed) -> Option<String> {
    let (_, proven) = first.names()?;
    let note = "Everything fits on one page, so that the names of the query are not proven. run switches to the others if a second page repeats the first.";
    (!proven && first.items > 0).then(|| note.to_owned())
}

fn clock(clock: ApiClock) -> Option<String> {
    let off = match clock {
        ApiClock::Unknown => false,
        ApiClock::Known { ahead, .. } => ahead.as_secs_f64().abs() > LARGE,
        ApiClock::Doubtful { .. } => true,
    };
    let note = "The clock of the API and the local clock differ by more than five minutes. Check that the local time is synchronized.";
    off.then(|| note.to_owned())
}
