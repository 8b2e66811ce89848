//! What becomes of decided changes: permits, requests under way, failed writes and what was left out.

pub mod failed;
pub mod in_flight;
pub mod object;
pub mod permits;
pub mod queue;
pub mod skipped;
pub mod spelling;
