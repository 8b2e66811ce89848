//! What a listing means for the mirrors: pure functions of what was listed, what is known and the clocks.

pub mod absence;
pub mod plan;
pub mod regression;
pub mod retention;
