//! The content of mirrors (`Remediation` objects), computed from the API's data.

pub mod approval;
pub mod digest;
pub mod end;
pub mod labels;
pub mod name;
pub mod status;
pub mod transitions;
pub mod truncate;
