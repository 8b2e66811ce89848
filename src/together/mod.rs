//! The client of Together's REST API: one port ([`Api`]), one real client behind it
//! ([`Client`]), and the listing that alone can prove that something is gone ([`Listing`]).
//!
//! No error, log line or `Debug` of this module shows a key or a value out of a body,
//! the id of a remediation excepted.

mod answer;
mod backoff;
mod base_url;
mod budget;
mod client;
mod complete;
mod connections;
mod decode;
mod dialect;
mod error;
mod key;
mod linked_alert;
mod listing;
mod model;
mod pass;
mod port;
mod route;
mod skew;
pub mod state;

#[cfg(test)]
pub(crate) use {
    answer::check,
    budget::{Budget, Budgets, Rate},
    skew::Moment,
};

pub use answer::retry_after;
pub use base_url::{BaseUrl, BaseUrlError};
pub use client::{Client, ClientError, KeyedClient, Limits};
pub use complete::CompleteListing;
pub use decode::{decode_one, decode_page};
pub use dialect::{Dialects, QueryNames, Spoken, StateFilter};
pub use error::{Error, Flaw, Incomplete, Outage};
pub use key::{ApiKey, KeyError};
pub use linked_alert::{LinkedAlert, Xid};
pub use listing::Listing;
pub use model::{Malformed, Remediation, Text};
pub use port::{Api, ListRequest, Page, PageQuery, Service};
pub use route::is_plain;
pub use skew::{ApiClock, Skew};
