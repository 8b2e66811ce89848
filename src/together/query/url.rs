//! The URLs of requests. Whatever an id contains, it stays one segment of the path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
pub(crate) use url::Url;

use super::{
    dialect::{QueryNames, StateFilter},
    page::PageQuery,
};
use crate::together::{base_url::BaseUrl, error::Error};

/// Everything but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path segment for all instances.
const ALL: &str = "-";

/// The URL of one page of a listing.
///
/// # Errors
/// [`Error::ImpossibleId`].
pub(crate) fn page(base: &BaseUrl, query: &PageQuery) -> Result<Url, Error> {
    let mut url = remediations(base, &query.cluster, query.instance.as_deref(), None)?;
    let [size, token, order] = match query.names {
        QueryNames::Reference => ["pageSize", "pageToken", "orderBy"],
        QueryNames::Sdk => ["page_size", "page_token", "order_by"],
    };
    let mut pairs = url.query_pairs_mut();
    pairs.append_pair(size, &query.page_size.to_string());
    match &query.filter {
        StateFilter::None => {}
        StateFilter::Repeated(states) => {
            pairs.extend_pairs(states.iter().map(|state| ("state", state)));
        }
        StateFilter::Comma(states) => {
            pairs.append_pair("state", &states.join(","));
        }
    }
    pairs.extend_pairs(query.order_by.iter().map(|by| (order, by)));
    pairs.extend_pairs(query.page_token.iter().map(|page| (token, page)));
    drop(pairs);
    Ok(url)
}

/// The URL of one remediation.
///
/// # Errors
/// [`Error::ImpossibleId`].
pub(crate) fn one(
    base: &BaseUrl,
    cluster: &str,
    instance: Option<&str>,
    id: &str,
) -> Result<Url, Error> {
    remediations(base, cluster, instance, Some(id))
}

fn remediations(
    base: &BaseUrl,
    cluster: &str,
    instance: Option<&str>,
    id: Option<&str>,
) -> Result<Url, Error> {
    let cluster = segment("cluster id", cluster)?;
    let instance = segment("instance id", instance.unwrap_or(ALL))?;
    let id = id.map(|id| segment("remediation id", id)).transpose()?;
    let mut url = base.url().clone();
    let mut path = format!(
        "{}/compute/clusters/{cluster}/instances/{instance}/remediations",
        url.path()
    );
    if let Some(id) = id {
        path.push('/');
        path.push_str(&id);
    }
    url.set_path(&path);
    Ok(url)
}

/// Whether every server and proxy reads a path with this id the same way, because nothing in it is encoded. Some take
/// `%2F` as a slash, or reject it, so their 404 says nothing about the id.
#[must_use]
pub fn is_plain(id: &str) -> bool {
    segment("id", id).is_ok_and(|segment| segment == id)
}

/// One segment of a path. An empty one would change the path's meaning, and no URL can contain dot segments: `%2e` is a
/// dot too.
fn segment(what: &'static str, id: &str) -> Result<String, Error> {
    match id {
        "" | "." | ".." => Err(Error::ImpossibleId { what }),
        id => Ok(utf8_percent_encode(id, ENCODED).to_string()),
    }
}

#[cfg(test)]
mod tests;
