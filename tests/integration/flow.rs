//! The whole flow on a real API server, against the simulated API.

mod absence;
mod by_hand;
mod change_of_mind;
mod fields;
mod first_mirror;
mod keys;
mod odd_ids;
mod orphans;
mod overlap;
mod pages;
mod restart;
mod retention;
mod rollup;
mod stale;
mod states;
mod suspend;
mod sync_now;
mod watches;
