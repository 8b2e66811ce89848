//! A simulator of Together's API.
