//! The client of Together's REST API: one port ([`Api`]), its implementation ([`Client`]), and the only list that can
//! prove that something is gone ([`Listing`]).
//!
//! No error, log line or `Debug` of this module contains a key or a value of a body, except for ids of remediations.

mod api_key;
mod backoff;
mod base_url;
mod client;
mod clock_skew;
mod connections;
mod error;
pub(crate) mod listing;
pub mod metrics;
pub mod query;
mod rate_limit;
mod response;
mod service;
pub mod wire;

pub use api_key::{ApiKey, KeyError};
pub use base_url::{BaseUrl, BaseUrlError};
pub use client::{Client, ClientError, KeyedClient, Limits};
pub(crate) use clock_skew::Moment;
pub use clock_skew::{ApiClock, Skew};
pub use error::{DecodeError, Error, Incomplete, TransportError};
pub use listing::{Listing, complete::CompleteListing};
pub use query::{
    describe::DialectSummary,
    dialect::{Dialects, QueryNames, StateFilter},
    list::ListRequest,
    page::PageQuery,
    url::is_plain,
};
pub use response::retry_after;
pub use service::{Api, Service};
pub use wire::{
    decode::{Fields, decode_one, decode_page},
    linked_alert::{LinkedAlert, Xid},
    page::Page,
    remediation::{Malformed, Remediation, Text},
};
#[cfg(test)]
pub(crate) use {
    rate_limit::{Budget, Budgets, Rate},
    response::check,
};
