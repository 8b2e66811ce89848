//! When an absence is proven.

use super::*;
use crate::testing::clock::second;

const SECOND: Duration = Duration::from_secs(1);

/// What happens to one open mirror, `a`.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A complete listing of the open states lacks it.
    Short,
    /// A complete full listing lacks it.
    Full,
    /// A full listing lacks it, but holds an item that nobody can name.
    FullUnnamed,
    /// A complete listing holds it, but it cannot be read there, or the plan left it out.
    Unreadable,
    /// A complete listing shows it.
    Shown,
    /// A page shows it, and the listing breaks off.
    PageShown,
    /// It is asked for by id, and this is the answer.
    Says(Answer),
    /// The call by id has answered 200 for another.
    Trust,
}

use Answer::{Forbidden, LeftOut, NotFound, Unanswered, Unaskable};
use Event::{Full, FullUnnamed, PageShown, Says, Short, Shown, Trust, Unreadable};

impl Absences {
    fn after(events: &[Event]) -> Self {
        let mut absences = Self::default();
        let name = object_name("c", "a");
        for event in events {
            let (sight, full) = match event {
                Short => (Presence::Lacking, (false, false)),
                Full => (Presence::Lacking, (true, true)),
                FullUnnamed => (Presence::Lacking, (true, false)),
                Unreadable => (Presence::Unreadable, (true, true)),
                Shown => (Presence::Shown, (false, false)),
                PageShown => {
                    absences.shown("c", "a");
                    continue;
                }
                Says(answer) => {
                    absences.answered(&name, *answer);
                    continue;
                }
                Trust => {
                    absences.trust_ids();
                    continue;
                }
            };
            absences.note([(&*name, "a")].into_iter(), |_| sight, full, second(1));
        }
        absences
    }
}

/// What is decided of one mirror after which events: all cases of this module in one table.
#[test]
fn what_is_decided_after_which_events() {
    let gone = Some(Synced::NotFound);
    let forbidden = Some(Synced::Forbidden);
    let not_listed = Some(Synced::NotListed);
    #[rustfmt::skip]
    let table: &[(&[Event], Option<Synced>)] = &[
        // What comes, and what it proves.
        (&[Short, Short, Short],                                             None),
        // 404 counts twice, from a call that has answered 200.
        (&[Short, Says(NotFound), Short, Says(NotFound)],                    None),
        (&[Trust, Short, Says(NotFound)],                                    None),
        (&[Trust, Short, Says(NotFound), Short, Says(NotFound)],             gone),
        (&[Short, Says(NotFound), Trust, Says(NotFound)],                    None),
        // 403 likewise; answers that differ begin anew.
        (&[Trust, Short, Says(Forbidden), Short, Says(Forbidden)],           forbidden),
        (&[Trust, Short, Says(NotFound), Says(Forbidden), Says(NotFound)],   None),
        (&[Trust, Short, Says(NotFound), Says(Unanswered), Says(NotFound)],  gone),
        // Without the call by id, two full listings.
        (&[Full],                                                            None),
        (&[Full, Short, Full],                                               not_listed),
        (&[Trust, Full, Full, Full],                                         None),
        (&[Trust, Short, Says(Unaskable), Full],                             None),
        (&[Trust, Short, Says(Unaskable), Full, Full],                       not_listed),
        (&[FullUnnamed, FullUnnamed, FullUnnamed],                           None),
        // Whatever shows it begins the proof anew.
        (&[Full, Shown, Full],                                               None),
        (&[Full, PageShown, Full],                                           None),
        (&[Trust, Short, Says(NotFound), PageShown, Short, Says(NotFound)],  None),
        (&[Trust, Short, Says(NotFound), Says(LeftOut), Says(NotFound)],     None),
        // What is there and cannot be read, or is left out, is no proof of anything.
        (&[Unreadable, Unreadable, Unreadable],                              None),
        (&[Trust, Unreadable, Says(NotFound), Unreadable, Says(NotFound)],   None),
        (&[Full, Unreadable, Full],                                          None),
        (&[Full, Says(LeftOut), Full],                                       None),
    ];
    for (events, verdict) in table {
        let absences = Absences::after(events);
        let name = object_name("c", "a");
        assert_eq!(absences.verdict(&name), *verdict, "{events:?}");
    }
}

/// When a mirror counts as unconfirmed for too long, and when a full listing should come sooner.
#[test]
fn what_follows_from_an_absence_that_proves_nothing_yet() {
    #[rustfmt::skip]
    let table: &[(&[Event], bool, bool, bool)] = &[
        // What comes: is it asked for by id, overdue at once, worth a full listing?
        (&[Shown],                              false, false, false),
        (&[Short],                              true,  false, true),
        (&[Short, Short],                       true,  true,  true),
        (&[Trust, Short],                       true,  false, false),
        (&[Trust, Short, Says(Unaskable)],      true,  false, true),
        (&[Trust, Short, Says(LeftOut)],        true,  false, false),
        (&[Trust, Short, Says(LeftOut), Short], true,  true,  false),
        (&[Unreadable],                         true,  false, false),
        (&[Unreadable, Unreadable],             true,  true,  false),
        (&[Full, FullUnnamed],                  true,  true,  false),
        (&[Short, Says(Answer::Shown)],         false, false, false),
    ];
    for (events, asked, overdue, full) in table {
        let absences = Absences::after(events);
        let name = object_name("c", "a");
        let follows = (
            !absences.questions(1).is_empty(),
            absences.overdue(&name, second(1), SECOND),
            absences.want_full_listing(1),
        );
        assert_eq!(follows, (*asked, *overdue, *full), "{events:?}");
    }
}

fn observe(absences: &mut Absences, open: &[&str], shown: &[&str], full: bool) {
    absences.note(
        open.iter().map(|name| (*name, *name)),
        |id| {
            if shown.contains(&id) {
                Presence::Shown
            } else {
                Presence::Lacking
            }
        },
        (full, full),
        second(1),
    );
}

#[test]
fn a_404_counts_only_from_a_call_that_has_answered_200() {
    let mut absences = Absences::default();
    for _ in 0..5 {
        observe(&mut absences, &["a"], &[], false);
        absences.answered("a", Answer::NotFound);
    }
    assert_eq!(absences.verdict("a"), None);
    absences.trust_ids();
    absences.answered("a", Answer::NotFound);
    assert_eq!(absences.verdict("a"), None, "one poll is not enough");
    absences.answered("a", Answer::NotFound);
    assert_eq!(absences.verdict("a"), Some(Synced::NotFound));
}

#[test]
fn the_missing_are_asked_for_in_turn_whatever_is_answered() {
    let mut absences = Absences::default();
    let mut asked = Vec::new();
    for poll in 1..=8 {
        // One is there each time that it is asked for, and missing again in the next listing.
        absences.note(
            ["a", "b", "there"].iter().map(|name| (*name, *name)),
            |_| Presence::Lacking,
            (false, false),
            second(poll),
        );
        for name in absences.questions(2) {
            absences.asked(&name);
            let there = *name == *"there";
            let answer = if there {
                Answer::Shown
            } else {
                Answer::Unanswered
            };
            absences.answered(&name, answer);
            asked.push(name);
        }
    }
    for name in ["a", "b", "there"] {
        let times = asked.iter().filter(|asked| ***asked == *name).count();
        assert!(times >= 4, "{asked:?}");
    }
}

#[test]
fn without_the_call_by_id_two_full_listings_must_lack_it() {
    let mut absences = Absences::default();
    observe(&mut absences, &["a"], &[], false);
    observe(&mut absences, &["a"], &[], true);
    assert_eq!(absences.verdict("a"), None);
    assert!(absences.want_full_listing(10));
    observe(&mut absences, &["a"], &[], true);
    assert_eq!(absences.verdict("a"), Some(Synced::NotListed));
}

#[test]
fn one_that_is_shown_again_begins_anew() {
    let mut absences = Absences::default();
    observe(&mut absences, &["a"], &[], true);
    observe(&mut absences, &["a"], &["a"], true);
    observe(&mut absences, &["a"], &[], true);
    assert_eq!(absences.verdict("a"), None);
}

#[test]
fn one_that_cannot_be_asked_for_needs_two_full_listings_though_others_can() {
    let mut absences = Absences::default();
    absences.trust_ids();
    for full in [false, true] {
        observe(&mut absences, &[".."], &[], full);
        absences.answered("..", Answer::Unaskable);
        assert_eq!(absences.verdict(".."), None);
        assert!(absences.want_full_listing(10));
    }
    observe(&mut absences, &[".."], &[], true);
    assert_eq!(absences.verdict(".."), Some(Synced::NotListed));
}

#[test]
fn many_at_once_want_a_second_full_listing() {
    let open: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    let mut absences = Absences::default();
    absences.trust_ids();
    observe(&mut absences, &open, &open[..9], true);
    for _ in 0..3 {
        absences.answered("15", Answer::NotFound);
    }
    assert_eq!(absences.verdict("15"), None);
    assert!(absences.want_full_listing(10));
    observe(&mut absences, &open, &open[..9], true);
    assert_eq!(absences.verdict("15"), Some(Synced::NotFound));
}

#[test]
fn many_are_more_than_ten_and_more_than_a_tenth() {
    for (gone, all, many) in [
        (10, 20, false),
        (11, 20, true),
        (11, 110, false),
        (11, 109, true),
    ] {
        let open: Vec<String> = (0..all).map(|number| number.to_string()).collect();
        let open: Vec<&str> = open.iter().map(String::as_str).collect();
        let mut absences = Absences::default();
        absences.trust_ids();
        observe(&mut absences, &open, &open[gone..], true);
        for _ in 0..2 {
            absences.answered("0", Answer::NotFound);
        }
        assert_eq!(absences.verdict("0").is_none(), many, "{gone} of {all}");
    }
}

#[test]
fn answers_that_differ_prove_nothing() {
    let mut absences = Absences::default();
    absences.trust_ids();
    observe(&mut absences, &["a"], &[], false);
    for answer in [
        Answer::NotFound,
        Answer::Forbidden,
        Answer::NotFound,
        Answer::Unanswered,
    ] {
        absences.answered("a", answer);
        assert_eq!(absences.verdict("a"), None, "{answer:?}");
    }
    absences.answered("a", Answer::NotFound);
    assert_eq!(absences.verdict("a"), Some(Synced::NotFound));
}

#[test]
fn the_longest_missing_are_asked_for_first() {
    let mut absences = Absences::default();
    absences.note(
        [("b", "b")].into_iter(),
        |_| Presence::Lacking,
        (false, false),
        second(1),
    );
    absences.note(
        [("a", "a"), ("b", "b")].into_iter(),
        |_| Presence::Lacking,
        (false, false),
        second(2),
    );
    absences.note(
        [("0", "0"), ("b", "b")].into_iter(),
        |_| Presence::Lacking,
        (false, false),
        second(3),
    );
    assert_eq!(absences.questions(1), ["b".into()]);
}

#[test]
fn what_is_missing_counts_from_the_last_listing_that_may_have_shown_it() {
    let mut absences = Absences::default();
    let mut listed = |now: u64, open: &[&str]| {
        let open = open.iter().map(|name| (*name, *name));
        absences.note(open, |_| Presence::Lacking, (false, false), second(now));
        ["a", "b"].map(|name| absences.overdue(name, second(now), SECOND * 3))
    };
    assert_eq!(listed(1, &["a"]), [false, false]);
    // Nobody knows since when "a" is missing.
    assert_eq!(listed(2, &["a"]), [true, false]);
    assert_eq!(listed(4, &["b"]), [false, false]);
    assert_eq!(listed(5, &["b"]), [false, false]);
    assert_eq!(listed(6, &["b"]), [false, true], "since 2, for more than 3");
}

#[test]
fn one_that_is_listed_and_cannot_be_read_is_asked_for_and_never_proven_gone() {
    let mut absences = Absences::default();
    let unreadable = |absences: &mut Absences| {
        absences.note(
            [("a", "a")].into_iter(),
            |_| Presence::Unreadable,
            (true, true),
            second(1),
        );
    };
    for trusted in [false, true] {
        for _ in 0..3 {
            unreadable(&mut absences);
            assert_eq!(absences.questions(10), ["a".into()]);
            absences.answered("a", Answer::NotFound);
            assert_eq!(absences.verdict("a"), None, "{trusted}");
            assert!(!absences.want_full_listing(10));
        }
        absences.trust_ids();
    }
    observe(&mut absences, &["a"], &[], true);
    absences.answered("a", Answer::NotFound);
    assert_eq!(
        absences.verdict("a"),
        None,
        "what came before counts for nothing"
    );
    absences.answered("a", Answer::NotFound);
    assert_eq!(absences.verdict("a"), Some(Synced::NotFound));
}

#[test]
fn a_full_listing_that_settles_nothing_is_not_asked_for_again_and_again() {
    let mut absences = Absences::default();
    for wanted in [true, false] {
        absences.note(
            [("a", "a")].into_iter(),
            |_| Presence::Lacking,
            (true, false),
            second(1),
        );
        assert_eq!(absences.want_full_listing(10), wanted);
    }
    assert_eq!(absences.verdict("a"), None, "what cannot be read may be it");
}
