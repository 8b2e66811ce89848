#![allow(clippy::unwrap_used, clippy::expect_used)]

use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::*;

fn base() -> BaseUrl {
    BaseUrl::parse("https://api.example/v1", false).unwrap()
}

fn query(names: QueryNames, filter: StateFilter) -> PageQuery {
    PageQuery {
        cluster: "c".into(),
        instance: None,
        names,
        filter,
        page_size: 50,
        page_token: Some("a b&c=+/é".into()),
        order_by: Some("create_time desc".into()),
    }
}

fn pairs(url: &Url) -> Vec<(String, String)> {
    url.query_pairs().into_owned().collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn a_page_in_the_words_of_the_reference_page_and_of_the_sdks() {
    let states = || vec!["PENDING".to_owned(), "RUNNING".to_owned()];
    let (repeated, comma) = (
        StateFilter::Repeated(states()),
        StateFilter::Comma(states()),
    );
    for (names, filter, instance, [size, order, token], asked) in [
        (
            QueryNames::Reference,
            repeated,
            None,
            ["pageSize", "orderBy", "pageToken"],
            &["PENDING", "RUNNING"][..],
        ),
        (
            QueryNames::Sdk,
            comma,
            Some("i"),
            ["page_size", "order_by", "page_token"],
            &["PENDING,RUNNING"],
        ),
    ] {
        let mut query = query(names, filter);
        query.instance = instance.map(Into::into);
        let url = page(&base(), &query).unwrap();
        let instance = instance.unwrap_or("-");
        let path = format!("/v1/compute/clusters/c/instances/{instance}/remediations");
        assert_eq!(url.path(), path);
        let mut expected = vec![pair(size, "50")];
        expected.extend(asked.iter().map(|states| pair("state", states)));
        expected.extend([pair(order, "create_time desc"), pair(token, "a b&c=+/é")]);
        assert_eq!(pairs(&url), expected);
    }
}

#[test]
fn a_plain_first_page_asks_for_its_size_alone() {
    let mut query = query(QueryNames::Reference, StateFilter::None);
    query.page_token = None;
    query.order_by = None;
    assert_eq!(page(&base(), &query).unwrap().query(), Some("pageSize=50"));
}

#[test]
fn ids_that_no_url_can_carry_are_refused() {
    for id in ["", ".", ".."] {
        for url in [
            one(&base(), id, None, "r"),
            one(&base(), "c", Some(id), "r"),
            one(&base(), "c", None, id),
        ] {
            assert!(matches!(url, Err(Error::ImpossibleId { .. })), "{id:?}");
        }
    }
}

#[test]
fn an_id_is_plain_where_its_path_is_read_in_one_way() {
    for id in ["9f0c8a52-7d0e-4a39-9c1a-3a1f6a0b7c11", "A_z~0.", "..."] {
        assert!(is_plain(id), "{id}");
    }
    for id in ["", ".", "..", "a/b", "%2e", "a b", "ü", "a+b", "a:b"] {
        assert!(!is_plain(id), "{id}");
    }
}

#[test]
fn awkward_ids_stay_one_segment() {
    for (id, segment) in [
        ("../../whoami", "..%2F..%2Fwhoami"),
        ("%2e%2e", "%252e%252e"),
        ("a?b#c", "a%3Fb%23c"),
        ("a\\b", "a%5Cb"),
        ("a\tb\nc", "a%09b%0Ac"),
        ("ü", "%C3%BC"),
        ("...", "..."),
        ("A-z_0~.", "A-z_0~."),
    ] {
        let url = one(&base(), "c", None, id).unwrap();
        let expected = format!("/v1/compute/clusters/c/instances/-/remediations/{segment}");
        assert_eq!(
            (url.path(), url.query(), url.fragment()),
            (expected.as_str(), None, None)
        );
    }
}

proptest! {
    #[test]
    fn whatever_the_ids_the_path_is_the_apis(
        ids in prop::array::uniform3("[.%/\\\\?#a2eE\t\n -]{0,6}|\\PC{0,8}|.{0,8}"),
    ) {
        let [cluster, instance, id] = &ids;
        let Ok(url) = one(&base(), cluster, Some(instance), id) else {
            prop_assert!(ids.iter().any(|id| matches!(id.as_str(), "" | "." | "..")));
            return Ok(());
        };
        prop_assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("api.example"), None, None));
        let segments: Vec<String> = url
            .path_segments()
            .unwrap()
            .map(|segment| percent_decode_str(segment).decode_utf8().unwrap().into_owned())
            .collect();
        let expected =
            ["v1", "compute", "clusters", cluster, "instances", instance, "remediations", id];
        prop_assert_eq!(segments, expected);
    }
}
