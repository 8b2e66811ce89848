//! The whole flow on a real API server, against the simulated API.

mod first_mirror;
