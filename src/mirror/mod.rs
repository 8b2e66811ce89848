//! The mirrors: `Remediation` objects, what is known of them, and how they are written.

pub mod approval;
pub mod digest;
pub mod end;
pub mod labels;
pub mod name;
pub mod status;
pub mod transitions;
pub mod truncate;
