//! Any bytes as an answer's body: nothing panics, and no item and no id is lost.
//!
//! The result of the decoder is compared with a second reading of the same body that knows nothing of the decoder.
#![no_main]

mod fields;

use fields::{ALERTS, Fields, TEXTS, is_text, text};
use libfuzzer_sys::fuzz_target;
use together_remediation_operator::{
    api::{Reason, limits},
    mirror::{name::object_name, status},
    together::{Error, Malformed, Remediation, decode_one, decode_page},
};

/// The longest id of an item that cannot be read, in bytes.
const MALFORMED_ID: usize = 1024;
/// The maximum length of an error, in characters: a line, never a body.
const LINE: usize = 300;

fuzz_target!(|body: &[u8]| {
    page(body);
    one(body);
});

fn page(body: &[u8]) {
    let whole = serde_json::from_slice::<Fields>(body).ok();
    let page = match decode_page(&body.to_vec().into()) {
        Ok(page) => page,
        Err(error) => {
            assert_one_line(&error);
            assert!(
                !whole.is_some_and(|whole| is_page(&whole)),
                "a good page is refused: {error}"
            );
            return;
        }
    };
    // Broken text in a field that the decoder does not read: there is nothing to compare with.
    let Some(whole) = whole else { return };
    let items = whole
        .list("remediations")
        .expect("a page has a list, or null");
    assert_eq!(page.items.len(), items.len(), "an item is lost");
    assert_eq!(whole.only("has_next"), Some(page.has_next.into()));
    assert_eq!(page.next_page_token, text(whole.only("next_page_token")));
    for (position, (read, raw)) in page.items.iter().zip(&items).enumerate() {
        let item = serde_json::from_str::<Fields>(raw.get()).ok();
        match (read, item) {
            (Ok(remediation), item) => readable(remediation, &item.expect("only objects are read")),
            (Err(malformed), item) => unreadable(malformed, position, item.as_ref()),
        }
    }
}

fn is_page(whole: &Fields) -> bool {
    whole.list("remediations").is_some()
        && whole.only("has_next").is_some_and(|more| more.is_boolean())
        && whole
            .only("next_page_token")
            .is_some_and(|token| is_text(&token))
}

fn readable(remediation: &Remediation, item: &Fields) {
    let Remediation {
        id,
        state,
        mode,
        cluster_id,
        reason,
        update_time,
        review_comment,
        ..
    } = remediation;
    assert!(!id.is_empty() && !state.is_empty());
    let same = |name: &str, read: Option<&str>| {
        assert_eq!(text(item.only(name)).as_deref(), read, "{name}");
    };
    let same_word = |name: &str, read: Option<&str>| {
        let expected = item.number(name).or_else(|| text(item.only(name)));
        assert_eq!(expected.as_deref(), read, "{name}");
    };
    same("id", Some(id));
    same("cluster_id", cluster_id.as_deref());
    same_word("state", Some(state));
    same_word("mode", mode.as_deref());
    same("reason", reason.as_deref());
    same("update_time", update_time.as_deref());
    same("review_comment", review_comment.as_deref());
    fits_the_cluster(remediation);
}

fn unreadable(malformed: &Malformed, position: usize, item: Option<&Fields>) {
    let field = &*malformed.field;
    assert_eq!(malformed.position, position);
    assert!(
        field.is_empty() || field == ALERTS || TEXTS.contains(&field),
        "{field}"
    );
    let Some(item) = item else {
        return;
    };
    let id = text(item.only("id")).filter(|id| id.len() <= MALFORMED_ID);
    assert_eq!(malformed.id, id, "the id is lost");
    assert!(!is_fit(item), "a good item is refused: {malformed}");
}

/// Whether there is nothing wrong with it that costs more than an optional field.
fn is_fit(item: &Fields) -> bool {
    let identity = ["cluster_id", "instance_id"];
    text(item.only("id")).is_some()
        && (text(item.only("state")).is_some() || item.number("state").is_some())
        && identity
            .iter()
            .all(|field| item.only(field).is_some_and(|value| is_text(&value)))
        && TEXTS.iter().all(|field| item.only(field).is_some())
        && item.only(ALERTS).is_some()
}

/// What becomes of it in the cluster is within the schema's bounds.
fn fits_the_cluster(remediation: &Remediation) {
    let name = object_name("c", &remediation.id);
    assert!(
        (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-'),
        "{name}"
    );
    assert!(
        name.bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')),
        "{name}"
    );

    let status = status::from_api(remediation, &[], 1);
    let within = |text: &Option<String>, limit: u32| {
        let length = text.as_ref().map_or(0, |text| text.chars().count());
        assert!(length <= limit as usize, "{length} of {limit}");
    };
    within(&status.state, limits::ENUM);
    within(&status.mode, limits::ENUM);
    within(&status.trigger, limits::ENUM);
    within(&status.node, limits::NAME);
    within(&status.instance_id, limits::ID);
    within(&status.requested_by, limits::NAME);
    within(&status.update_time, limits::TIME);
    within(&status.reason, limits::TEXT);
    within(&status.review_comment, limits::TEXT);
    within(&status.error_message, limits::TEXT);
    assert!(status.linked_alerts.len() <= limits::LINKED_ALERTS as usize);
    for alert in &status.linked_alerts {
        within(&alert.title, limits::TITLE);
        within(&alert.summary, limits::TITLE);
        within(&alert.description, limits::DESCRIPTION);
        within(&alert.slurm_reason, limits::TITLE);
        assert!(alert.xids.len() <= limits::XIDS as usize);
        for xid in &alert.xids {
            within(&xid.mnemonic, limits::ENUM);
        }
    }
    for condition in &status.conditions {
        assert!(condition.message.chars().count() <= limits::CONDITION_MESSAGE as usize);
        assert!(condition.reason.parse::<Reason>().is_ok());
    }
}

fn one(body: &[u8]) {
    match decode_one(body) {
        Ok(remediation) => {
            if let Ok(item) = serde_json::from_slice(body) {
                readable(&remediation, &item);
            }
        }
        Err(error) => assert_one_line(&error),
    }
}

fn assert_one_line(error: &Error) {
    let message = error.to_string();
    assert!(
        message.chars().count() <= LINE && !message.contains('\n'),
        "{message}"
    );
}
