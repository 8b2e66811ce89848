//! What the operator holds in memory for each mirror, and what a poll that finds nothing new asks of the allocator: counted,
//! so that a change that costs more fails here. In a program of its own, because it counts for the whole process.
#![allow(clippy::unwrap_used)]

mod cast;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use together_remediation_operator::{
    store::Index, sync::write::queue::WriteSummary, together::decode_page,
};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MIRRORS: u32 = 10_000;
/// Bytes held for a mirror of a finished remediation whose ids are UUIDs, the allocator's own overhead left out.
const HELD: usize = 500;
/// Allocations for all of them where they are as they were: their texts stay in the page.
const UNCHANGED: usize = 200;
/// Allocations for an object that the watch shows when the operator starts.
const SHOWN: usize = 60;

fn bytes_in_use(stats: &Stats) -> usize {
    stats.bytes_allocated - stats.bytes_deallocated
}

/// One test, so that nothing else allocates meanwhile.
#[tokio::test]
async fn a_mirror_and_an_unchanged_remediation_cost_no_more_than_they_should() {
    let target = cast::target();
    let body = cast::page(MIRRORS);
    let items = decode_page(&body.clone().into()).unwrap().items;
    let stored: Vec<_> = items
        .iter()
        .map(|item| cast::stored(&target, item.as_ref().unwrap()))
        .collect();
    drop(items);

    let index = Index::new(0);
    let counted = Region::new(COUNTED);
    for object in &stored {
        index.show(None, cast::shown(object));
    }
    let filled = counted.change();
    let each = MIRRORS as usize;
    let (bytes, allocations) = (bytes_in_use(&filled) / each, filled.allocations / each);
    eprintln!("a mirror in the index: {bytes} bytes held, {allocations} allocations to read it");
    assert!(bytes <= HELD, "{bytes} bytes");
    assert!(allocations <= SHOWN, "{allocations} allocations");

    for poll in ["the first", "a later"] {
        let counted = Region::new(COUNTED);
        let page = decode_page(&body.clone().into()).unwrap().items;
        let (summary, left_out) = cast::sync(&target, &index, page).await;
        assert_eq!(summary, WriteSummary::default(), "nothing is written");
        assert_eq!(left_out.message(), None);
        let cost = counted.change();
        let allocations = cost.allocations;
        eprintln!("{poll} poll of {each} that are as they were: {allocations} allocations");
        if poll == "a later" {
            assert!(allocations <= UNCHANGED, "{allocations} allocations");
            assert!(
                bytes_in_use(&cost) / each <= 1,
                "{} bytes stay",
                bytes_in_use(&cost)
            );
        }
    }
}
