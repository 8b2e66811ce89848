//! The mirrors: `Remediation` objects, what is known of them, and how they are written.

pub mod approval;
pub mod bounds;
pub mod desired;
pub mod digest;
pub mod end;
pub mod follow;
pub mod index;
pub mod labels;
pub mod name;
pub mod restored;
pub mod shown;
pub mod time;
pub mod transitions;
pub mod write;
