//! The client of Together's REST API.
