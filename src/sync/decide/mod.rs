//! What a list means for the mirrors: pure functions of the list, the known mirrors and the clocks.

pub mod absence;
pub mod plan;
pub mod regression;
pub mod retention;
