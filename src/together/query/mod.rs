//! What is asked: URLs, and the spellings of parameters that a server may want.

pub mod describe;
pub mod dialect;
pub mod url;
