//! Carries out decided changes: permits, requests in flight, failed writes and skipped items.

pub mod failed;
pub mod in_flight;
pub mod object;
pub mod permits;
pub mod queue;
pub mod rounds;
pub mod skipped;
pub mod spelling;
