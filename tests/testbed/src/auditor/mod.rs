//! Says whether what the cluster shows may be shown: its own reading of the contract, none of the operator's code.
//!
//! [`Look::verdict`] judges one instant, whatever goes wrong meanwhile: each difference between the API and the mirror must
//! be young or be explained by a condition. [`judge`] judges a mirror that has had its time: it must be the truth.

mod bounds;
mod fields;
mod read;
mod verdict;
mod whole;

pub use bounds::Bounds;
pub use read::{Seen, see};
pub use verdict::{Found, Look};
pub use whole::{Verdict, judge};
