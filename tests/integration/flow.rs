//! The whole flow on a real API server, against the simulated API.

mod absence;
mod annotations;
mod by_hand;
mod change_of_mind;
mod dialects;
mod events;
mod fields;
mod first_mirror;
mod keys;
mod metrics;
mod odd_ids;
mod odd_scopes;
mod orphans;
mod overlap;
mod pages;
mod quota;
mod restart;
mod retention;
mod rollup;
mod skew;
mod speeds;
mod stale;
mod states;
mod suspend;
mod sync_now;
mod watches;
