use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// What can happen to a backlog.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The write of this mirror fails.
    Fails(&'static str),
    /// The write of this mirror works.
    Works(&'static str),
    /// So much failed that the poll tries no more.
    GivesUp,
    /// The poll ends; it listed the open states.
    EndsShort,
    /// The poll ends; it listed everything.
    EndsFull,
}
use Event::{EndsFull, EndsShort, Fails, GivesUp, Works};

/// What a backlog must report.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    /// Mirrors known to be left to write.
    left: &'static [&'static str],
    /// There may be others, which were never tried.
    others: bool,
    /// Those of `left` that the next poll passes over.
    passed_over: &'static [&'static str],
    /// Mirrors that may be outdated.
    unwritten: &'static [&'static str],
    /// Minutes until another full listing because of the mirrors that are left; 0: none is needed.
    full_after: u32,
}

const NAMES: [&str; 2] = ["a", "b"];
const NOTHING: Expected = Expected {
    left: &[],
    others: false,
    passed_over: &[],
    unwritten: &[],
    full_after: 0,
};

fn refused() -> KubeApiError {
    KubeApiError::Refused("exceeded quota".into())
}

fn after(events: &[Event]) -> FailedWrites {
    let mut backlog = FailedWrites::default();
    for event in events {
        match event {
            Fails(name) => backlog.failed((*name).into(), refused()),
            Works(name) => backlog.done(name),
            GivesUp => backlog.give_up(),
            EndsShort => backlog.end(false),
            EndsFull => backlog.end(true),
        }
    }
    backlog
}

fn check(state: &[Event], event: Event, expected: &Expected) {
    let backlog = after(&[state, &[event]].concat());
    let case = format!("{state:?} × {event:?}");
    let names = |what, is: &dyn Fn(&str) -> bool, listed: &[&str]| {
        let actual = NAMES.map(|name| (name, is(name)));
        let listed = NAMES.map(|name| (name, listed.contains(&name)));
        assert_eq!(actual, listed, "{what}: {case}");
    };
    let skips = |name: &str| backlog.skips(name).is_some();
    let unwritten = |name: &str| backlog.unwritten().any(|unwritten| unwritten == name);
    names("left", &|name| backlog.has(name), expected.left);
    names("passed over", &skips, expected.passed_over);
    names("unwritten", &unwritten, expected.unwritten);
    assert_eq!(backlog.untried, expected.others, "others: {case}");
    let full_after = backlog.full_after(MINUTE).unwrap_or_default();
    assert_eq!(
        full_after,
        MINUTE * expected.full_after,
        "full after: {case}"
    );
    let any = expected.others || !expected.left.is_empty();
    assert_eq!(backlog.any(), any, "{case}");
    assert_eq!(backlog.message().is_some(), any, "{case}");
}

/// Nothing is left, between two polls.
const CLEAN: &[Event] = &[];
/// Clean, and in this poll the write of `a` failed.
const FAILING: &[Event] = &[Fails("a")];
/// `a` is left, from a poll that tried everything.
const LEFT: &[Event] = &[Fails("a"), EndsFull];
/// `a` is left, from a poll that gave up: the next one passes over it.
const GAVE_UP: &[Event] = &[Fails("a"), GivesUp, EndsFull];
/// Gave up, and in the poll after it the write of `b` failed.
const GAVE_UP_FAILING: &[Event] = &[Fails("a"), GivesUp, EndsFull, Fails("b")];
/// Gave up, and the poll after it, which had a full listing too, was well: `a` has its turn again.
const TURN: &[Event] = &[Fails("a"), GivesUp, EndsFull, EndsFull];

#[test]
fn what_each_event_makes_of_each_state() {
    let left = |left| Expected {
        left,
        full_after: 1,
        ..NOTHING
    };
    let gave_up = |left| Expected {
        left,
        others: true,
        passed_over: left,
        unwritten: left,
        full_after: 1,
    };
    let failing = |unwritten| Expected {
        unwritten,
        ..NOTHING
    };
    #[rustfmt::skip]
    let table: [(&[Event], Event, Expected); 30] = [
        // What fails counts as left only once the poll has ended: until then another try may come.
        (CLEAN, Fails("a"), failing(&["a"])),
        (CLEAN, Works("a"), NOTHING),
        (CLEAN, GivesUp, NOTHING),
        (CLEAN, EndsShort, NOTHING),
        (CLEAN, EndsFull, NOTHING),

        (FAILING, Fails("b"), failing(&["a", "b"])),
        (FAILING, Works("a"), NOTHING),
        (FAILING, GivesUp, failing(&["a"])),
        (FAILING, EndsShort, left(&["a"])),
        (FAILING, EndsFull, left(&["a"])),

        (LEFT, Fails("b"), Expected { unwritten: &["b"], ..left(&["a"]) }),
        (LEFT, Works("a"), NOTHING),
        (LEFT, GivesUp, left(&["a"])),
        // A short listing does not show what has ended, so that it proves nothing of `a`.
        (LEFT, EndsShort, left(&["a"])),
        // A full one found nothing to do about it.
        (LEFT, EndsFull, NOTHING),

        (GAVE_UP, Fails("b"), Expected { unwritten: &["a", "b"], ..gave_up(&["a"]) }),
        // Others were never tried.
        (GAVE_UP, Works("a"), gave_up(&[])),
        (GAVE_UP, GivesUp, gave_up(&["a"])),
        (GAVE_UP, EndsShort, Expected { others: true, ..left(&["a"]) }),
        // Passed over is not written; but every other one had its turn.
        (GAVE_UP, EndsFull, Expected { full_after: 2, ..left(&["a"]) }),

        (GAVE_UP_FAILING, Fails("a"), Expected { unwritten: &["a", "b"], passed_over: &[], ..gave_up(&["a"]) }),
        (GAVE_UP_FAILING, Works("b"), gave_up(&["a"])),
        (GAVE_UP_FAILING, GivesUp, Expected { unwritten: &["a", "b"], ..gave_up(&["a"]) }),
        (GAVE_UP_FAILING, EndsShort, Expected { others: true, ..left(&["a", "b"]) }),
        (GAVE_UP_FAILING, EndsFull, Expected { full_after: 2, ..left(&["a", "b"]) }),

        (TURN, Fails("a"), Expected { unwritten: &["a"], full_after: 2, ..left(&["a"]) }),
        (TURN, Works("a"), NOTHING),
        (TURN, GivesUp, Expected { full_after: 2, ..left(&["a"]) }),
        (TURN, EndsShort, Expected { full_after: 2, ..left(&["a"]) }),
        (TURN, EndsFull, NOTHING),
    ];
    for (state, event, expected) in &table {
        check(state, *event, expected);
    }
}

#[test]
fn the_message_names_the_first_failure_and_what_to_do() {
    for (events, begin) in [
        (
            &[Fails("a"), Fails("b"), EndsFull][..],
            "Cannot write 2 mirrors, such as a: ",
        ),
        (GAVE_UP, "Cannot write at least 1 mirrors, "),
    ] {
        let message = after(events).message().unwrap();
        assert!(message.starts_with(begin), "{message}");
        for part in [
            "the API server rejected the request: exceeded quota",
            "Raise the quota",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn a_busy_quota_is_reported_in_the_servers_words_and_blames_no_other_client() {
    let words = "Operation cannot be fulfilled on resourcequotas \"few\"";
    let mut backlog = FailedWrites::default();
    backlog.failed("a".into(), KubeApiError::Contended(words.into()));
    backlog.end(true);
    let message = backlog.message().unwrap();
    assert!(message.contains(words), "{message}");
    assert!(!message.contains("another client"), "{message}");
}

#[test]
fn full_listings_for_its_sake_get_rarer() {
    let mut backlog = FailedWrites::default();
    for minutes in [1, 2, 4, 8, 10, 10] {
        backlog.failed("a".into(), refused());
        backlog.end(true);
        assert_eq!(backlog.full_after(MINUTE), Some(MINUTE * minutes));
    }
    backlog.end(true);
    assert_eq!(backlog.full_after(MINUTE), None, "and the wait starts over");
    backlog.failed("a".into(), refused());
    backlog.end(true);
    assert_eq!(backlog.full_after(MINUTE), Some(MINUTE));
}

#[test]
fn it_is_bounded() {
    let mut backlog = FailedWrites::default();
    for number in 0..=MOST {
        backlog.failed(number.to_string().into(), refused());
    }
    backlog.end(true);
    assert!(backlog.names.is_empty() && backlog.any());
    assert!(backlog.message().is_some());
}
