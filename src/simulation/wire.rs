//! The API's responses as sent over the network: a status, headers and a JSON body.

use hyper::body::Bytes;
use k8s_openapi::jiff::Timestamp;
use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};
use serde_json::{Map, Value, json};

use crate::together::{Error, Remediation};

/// One response.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Response {
    /// An error with this status.
    pub(super) fn error(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"<html>"),
        }
    }

    /// 429, with this Retry-After in seconds.
    pub(super) fn busy(seconds: Option<u64>) -> Self {
        let mut answer = Self::error(429);
        if let Some(seconds) = seconds {
            answer.headers.insert(RETRY_AFTER, seconds.into());
        }
        answer
    }

    pub(super) fn ok(body: &Value) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: serde_json::to_vec(body).unwrap().into(),
        }
    }

    /// A page with these items.
    pub(super) fn page(items: &[Value], has_next: bool, token: Option<&str>) -> Self {
        Self::ok(&json!({
            "remediations": items,
            "has_next": has_next,
            "next_page_token": token,
        }))
    }

    /// The API's time in whole seconds.
    pub(super) fn date(&mut self, now: Timestamp) {
        let date = httpdate::fmt_http_date(now.into());
        self.headers.insert(DATE, date.parse().unwrap());
    }

    /// The error of a response, as the client reads it.
    pub(super) fn checked(&self) -> Result<(), Error> {
        crate::together::check(self.status, &self.headers)
    }
}

/// The item as JSON. Enum values without a name in the API's gateway are numbers.
pub(super) fn item(item: &Remediation) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value.into());
        }
    };
    put("id", Some(&item.id));
    put("cluster_id", item.cluster_id.as_deref());
    put("instance_id", item.instance_id.as_deref());
    put("reason", item.reason.as_deref());
    put("create_time", item.create_time.as_deref());
    put("review_time", item.review_time.as_deref());
    put("start_time", item.start_time.as_deref());
    put("end_time", item.end_time.as_deref());
    put("update_time", item.update_time.as_deref());
    for (name, value) in [
        ("state", Some(&item.state)),
        ("mode", item.mode.as_ref()),
        ("trigger", item.trigger.as_ref()),
    ] {
        if let Some(value) = value {
            let number = value.parse::<u64>().map(Value::from);
            fields.insert(
                name.to_owned(),
                number.unwrap_or_else(|_| (&**value).into()),
            );
        }
    }
    Value::Object(fields)
}
