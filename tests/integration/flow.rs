//! The whole flow on a real API server, against the simulated API.

mod absence;
mod first_mirror;
mod stale;
