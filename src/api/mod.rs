//! The two kinds.
