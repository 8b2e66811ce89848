//! Both definitions on a real API server.

mod immutability;
mod names;
mod objects;
mod rules;
mod serving;
mod status;
mod table;
