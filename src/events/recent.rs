//! Remembers recent Events, so that a repeated one counts up instead of creating another: pure.

use std::{collections::HashMap, hash::Hasher, time::Duration};

use k8s_openapi::{
    api::{
        core::v1::ObjectReference,
        events::v1::{Event, EventSeries},
    },
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::api::ObjectMeta;
use siphasher::sip::SipHasher13;

use super::EventDraft;
use crate::clock::MonoTime;

/// A repetition within this time counts up, as in other controllers.
const RECENT: Duration = Duration::from_secs(6 * 60);
/// Maximum number of Events remembered. Beyond it the oldest is forgotten, and its repetition becomes a new Event.
const MOST: usize = 1000;
/// Maximum length of an object's name in bytes.
const NAME: usize = 253;
/// Maximum length of a note in bytes. The API server rejects more than 1,024.
const NOTE: usize = 1000;
/// The action of every Event, which the API server requires.
const ACTION: &str = "Mirror";

/// What identifies equal Events: object, type, reason and note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

impl Key {
    /// The key of the Event `draft` about an object.
    pub(super) fn of(object: &ObjectReference, draft: &EventDraft) -> Self {
        let mut hash = SipHasher13::new();
        let texts = [
            &object.kind,
            &object.namespace,
            &object.name,
            &object.uid,
            &Some(draft.reason.to_string()),
            &Some(draft.note.clone()),
        ];
        for text in texts {
            let text = text.as_deref().unwrap_or_default();
            hash.write(text.as_bytes());
            // This byte occurs in no text, so it separates the parts unambiguously.
            hash.write_u8(0xff);
        }
        hash.write_u8(u8::from(draft.warning));
        Self(hash.finish())
    }
}

/// An Event that exists in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecentEvent {
    /// Its name.
    pub(super) name: String,
    /// How often it occurred.
    pub(super) count: i32,
    /// When it last occurred.
    at: MonoTime,
}

/// The recent Events.
#[derive(Debug, Default)]
pub(super) struct Recent(HashMap<Key, RecentEvent>);

impl Recent {
    /// The recent Event with this key, as of `now`.
    pub(super) fn get(&mut self, key: Key, now: MonoTime) -> Option<RecentEvent> {
        self.0.retain(|_, event| now < event.at + RECENT);
        self.0.get(&key).cloned()
    }

    /// The Event `name` was published `now`, as the `count`th of its kind.
    pub(super) fn record(&mut self, key: Key, name: String, count: i32, now: MonoTime) {
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            let oldest = self.0.iter().min_by_key(|(_, event)| event.at);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.0.remove(&oldest);
            }
        }
        let at = now;
        self.0.insert(key, RecentEvent { name, count, at });
    }

    /// The Event no longer exists.
    pub(super) fn gone(&mut self, key: Key) {
        self.0.remove(&key);
    }
}

/// The series of an Event that occurred `count` times, the last time `now`.
pub(super) fn series(count: i32, now: Timestamp) -> EventSeries {
    EventSeries {
        count,
        last_observed_time: MicroTime(now),
    }
}

/// The Event for `draft` about an object `now`, reported by `instance`; `suffix` makes its name unique.
pub(super) fn event(
    object: &ObjectReference,
    draft: &EventDraft,
    (instance, suffix): (&str, &str),
    now: Timestamp,
) -> Event {
    let type_ = if draft.warning { "Warning" } else { "Normal" };
    Event {
        metadata: ObjectMeta {
            name: Some(name(object.name.as_deref().unwrap_or_default(), suffix)),
            namespace: object.namespace.clone(),
            ..ObjectMeta::default()
        },
        action: Some(ACTION.to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(cut(&draft.note)),
        reason: Some(draft.reason.to_string()),
        regarding: Some(object.clone()),
        reporting_controller: Some(env!("CARGO_PKG_NAME").to_owned()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some(type_.to_owned()),
        ..Event::default()
    }
}

/// The name of an Event: as much of the object's name as fits, and the suffix.
fn name(object: &str, suffix: &str) -> String {
    let room = NAME.saturating_sub(suffix.len() + 1);
    let object = object.get(..room.min(object.len())).unwrap_or_default();
    // The part before a dot must end with a letter or a digit.
    let object = object.trim_end_matches(['-', '.']);
    format!("{object}.{suffix}")
}

/// The note, truncated to what the API server accepts. The `…` makes a truncated command invalid, so that it cannot be
/// run by mistake.
fn cut(note: &str) -> String {
    if note.len() <= NOTE {
        return note.to_owned();
    }
    let kept = NOTE - '…'.len_utf8();
    let end = (0..=kept).rev().find(|end| note.is_char_boundary(*end));
    let mut note = note[..end.unwrap_or_default()].to_owned();
    note.push('…');
    note
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::Reason,
        testing::{clock::second, now},
    };

    fn object(name: &str) -> ObjectReference {
        ObjectReference {
            name: Some(name.to_owned()),
            uid: Some("uid-1".to_owned()),
            ..ObjectReference::default()
        }
    }

    fn draft(note: &str) -> EventDraft {
        EventDraft::normal(Reason::ModeChanged, note.to_owned())
    }

    #[test]
    fn each_note_is_an_event_of_its_own() {
        let key = |name: &str, draft: &EventDraft| Key::of(&object(name), draft);
        let one = key("a", &draft("one"));
        assert_eq!(one, key("a", &draft("one")));
        let warning = EventDraft {
            warning: true,
            ..draft("one")
        };
        let stale = EventDraft::normal(Reason::Stale, "one".to_owned());
        let others = [
            key("a", &draft("two")),
            key("b", &draft("one")),
            key("a", &warning),
            key("a", &stale),
        ];
        assert!(others.iter().all(|other| *other != one));
    }

    #[test]
    fn a_note_repeated_within_six_minutes_of_the_last_time_is_counted() {
        let (mut recent, key) = (Recent::default(), Key::of(&object("a"), &draft("one")));
        recent.record(key, "a.1".to_owned(), 1, second(1));
        let count = |recent: &mut Recent, at: u64| recent.get(key, second(at)).map(|it| it.count);
        assert_eq!(count(&mut recent, 360), Some(1));
        recent.record(key, "a.1".to_owned(), 2, second(360));
        assert_eq!(count(&mut recent, 719), Some(2));
        assert_eq!(count(&mut recent, 720), None);
        recent.record(key, "a.2".to_owned(), 1, second(720));
        recent.gone(key);
        assert_eq!(count(&mut recent, 721), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
        let mut recent = Recent::default();
        let keys: Vec<_> = (0..=MOST)
            .map(|number| Key::of(&object(&number.to_string()), &draft("one")))
            .collect();
        for (at, key) in (0..).zip(&keys) {
            let at = MonoTime::at(Duration::from_millis(at));
            recent.record(*key, String::new(), 1, at);
        }
        assert_eq!(recent.0.len(), MOST);
        assert!(recent.get(keys[0], second(1)).is_none());
        assert!(recent.get(keys[1], second(1)).is_some());
    }

    #[test]
    fn an_events_name_fits_whatever_the_objects_is() {
        let suffix = "0123456789abcdef";
        assert_eq!(name("training", suffix), "training.0123456789abcdef");
        let odd = format!("{}.-{}", "a".repeat(235), "b".repeat(16));
        assert_eq!(name(&odd, suffix), format!("{}.{suffix}", "a".repeat(235)));
        let long = name(&"a".repeat(NAME), suffix);
        assert_eq!(long.len(), NAME);
        assert!(long.ends_with(suffix));
    }

    #[test]
    fn a_note_is_cut_at_a_character() {
        assert_eq!(cut("short"), "short");
        let long = format!("a{}", "é".repeat(NOTE));
        let cut = cut(&long);
        assert_eq!(cut.len(), NOTE);
        assert!(long.starts_with(cut.strip_suffix('…').unwrap_or_default()));
        assert_eq!(super::cut(&"n".repeat(NOTE)), "n".repeat(NOTE));
    }

    #[test]
    fn an_event_has_all_that_the_api_server_demands() {
        let event = event(&object("a"), &draft("one"), ("pod", "1"), now());
        let texts = [
            event.action,
            event.note,
            event.reason,
            event.reporting_controller,
            event.reporting_instance,
            event.type_,
            event.metadata.name,
        ];
        let expected = [
            ACTION,
            "one",
            "ModeChanged",
            "together-remediation-operator",
            "pod",
            "Normal",
            "a.1",
        ];
        assert_eq!(texts.map(Option::unwrap_or_default), expected);
        assert_eq!(event.event_time, Some(MicroTime(now())));
        assert_eq!(event.series, None, "it begins with the second time");
    }
}
