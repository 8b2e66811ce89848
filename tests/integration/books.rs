//! What the observers before the replicas wrote down.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use serde_json::Value;
use testbed::api_proxy::Observed;

/// What one replica wrote from its start to its end.
pub(crate) type Book = Vec<Observed>;

/// Whether this is a write to what the operator writes besides its Lease.
pub(crate) fn is_object(write: &Observed) -> bool {
    write.asked.writes_to("remediations") || write.asked.writes_to("clusterwatches")
}

/// Whether it took or renewed the Lease.
pub(crate) fn is_lease(write: &Observed) -> bool {
    let holder = write.asked.body["spec"]["holderIdentity"].as_str();
    write.asked.writes_to("leases") && write.succeeded() && holder.is_some_and(|h| !h.is_empty())
}

/// The replica's first Lease: the order of it among all writes, and when it was seen.
pub(crate) fn first_lease(book: &[Observed]) -> Option<(u64, Instant)> {
    let lease = book.iter().find(|write| is_lease(write))?;
    let answer = lease.answer.as_ref()?;
    Some((answer.resource_version?, answer.at))
}

/// Of all lives together, what the server took of each mirror: its creation once and its status once, and no more; returns
/// how often the status of a watch was taken.
pub(crate) fn assert_each_written_once(books: &[Book], mirrors: usize) -> usize {
    let mut taken = BTreeMap::<_, usize>::new();
    for write in books.iter().flatten().filter(|write| write.succeeded()) {
        let asked = &write.asked;
        let part = asked.subresource().unwrap_or_default();
        let of = (asked.plural(), asked.method.as_str(), part, asked.name());
        *taken.entry(of).or_default() += 1;
    }
    let count = |method, part| {
        let of = taken
            .iter()
            .filter(|(of, _)| (of.0, of.1, of.2) == (Some("remediations"), method, part));
        of.map(|(_, times)| *times).collect::<Vec<_>>()
    };
    assert_eq!(count("POST", ""), vec![1; mirrors], "each created once");
    assert_eq!(
        count("PUT", "status"),
        vec![1; mirrors],
        "each given its status once"
    );
    let watches = taken
        .iter()
        .filter(|(of, _)| of.0 == Some("clusterwatches"));
    let watches = watches.map(|(_, times)| times).sum();
    let all = books
        .iter()
        .flatten()
        .filter(|write| write.succeeded() && is_object(write));
    assert_eq!(all.count(), 2 * mirrors + watches, "nothing else");
    watches
}

/// The requests that the API server recorded.
pub(crate) fn recorded(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap();
    // The last line may be under way.
    let lines = text.lines();
    lines
        .map_while(|line| serde_json::from_str(line).ok())
        .collect()
}
