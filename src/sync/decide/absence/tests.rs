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
    /// A full listing lacks it, but holds an item without a readable id.
    FullUnnamed,
    /// A complete listing holds it, but it cannot be read there, or the plan left it out.
    Unreadable,
    /// A complete listing shows it.
    Shown,
    /// A complete full listing shows it.
    FullShown,
    /// A page shows it, and the listing breaks off.
    PageShown,
    /// It is requested by id, with this answer.
    ById(Answer),
    /// The call by id has answered 200 for another.
    Trust,
}

use Answer::{Forbidden, LeftOut, NotFound, Unanswered, Unaskable};
use Event::{ById, Full, FullShown, FullUnnamed, PageShown, Short, Shown, Trust, Unreadable};

impl Absences {
    fn after(events: &[Event]) -> Self {
        let mut absences = Self::default();
        let name = object_name("c", "a");
        for event in events {
            let (presence, full) = match event {
                Short => (Presence::Lacking, (false, false)),
                Full => (Presence::Lacking, (true, true)),
                FullUnnamed => (Presence::Lacking, (true, false)),
                Unreadable => (Presence::Unreadable, (true, true)),
                Shown => (Presence::Shown, (false, false)),
                FullShown => (Presence::Shown, (true, true)),
                PageShown => {
                    absences.shown("c", "a");
                    continue;
                }
                ById(answer) => {
                    absences.answered(&name, *answer);
                    continue;
                }
                Trust => {
                    absences.trust_ids();
                    continue;
                }
            };
            absences.note([(&*name, "a")].into_iter(), |_| presence, full, second(1));
        }
        absences
    }
}

/// The verdict on one mirror after these events: all cases of this module in one table.
#[test]
fn the_verdict_after_these_events() {
    let gone = Some(Synced::NotFound);
    let forbidden = Some(Synced::Forbidden);
    let not_listed = Some(Synced::NotListed);
    #[rustfmt::skip]
    let table: &[(&[Event], Option<Synced>)] = &[
        // What comes, and what it proves.
        (&[Short, Short, Short],                                             None),
        // 404 counts twice, from a call that has answered 200.
        (&[Short, ById(NotFound), Short, ById(NotFound)],                    None),
        (&[Trust, Short, ById(NotFound)],                                    None),
        (&[Trust, Short, ById(NotFound), Short, ById(NotFound)],             gone),
        (&[Short, ById(NotFound), Trust, ById(NotFound)],                    None),
        (&[Short, ById(NotFound), Trust, ById(NotFound), ById(NotFound)],    gone),
        // 403 likewise; a different answer starts over.
        (&[Trust, Short, ById(Forbidden), Short, ById(Forbidden)],           forbidden),
        (&[Trust, Short, ById(NotFound), ById(Forbidden)],                   None),
        (&[Trust, Short, ById(NotFound), ById(Forbidden), ById(NotFound)],   None),
        (&[Trust, Short, ById(NotFound), ById(Forbidden), ById(NotFound), ById(Unanswered)], None),
        (&[Trust, Short, ById(NotFound), ById(Forbidden), ById(NotFound), ById(Unanswered), ById(NotFound)], gone),
        (&[Trust, Short, ById(NotFound), ById(Unanswered), ById(NotFound)],  gone),
        // Without the call by id, two full listings.
        (&[Full],                                                            None),
        (&[Short, Full],                                                     None),
        (&[Short, Full, Full],                                               not_listed),
        (&[Full, Short, Full],                                               not_listed),
        (&[Trust, Full, Full, Full],                                         None),
        (&[Trust, Short, ById(Unaskable), Full],                             None),
        (&[Trust, Short, ById(Unaskable), Full, ById(Unaskable)],            None),
        (&[Trust, Short, ById(Unaskable), Full, ById(Unaskable), Full],      not_listed),
        (&[FullUnnamed, FullUnnamed, FullUnnamed],                           None),
        // Anything that shows it starts the proof over.
        (&[Full, Shown, Full],                                               None),
        (&[Full, FullShown, Full],                                           None),
        (&[Full, PageShown, Full],                                           None),
        (&[Trust, Short, ById(NotFound), PageShown, Short, ById(NotFound)],  None),
        (&[Trust, Short, ById(NotFound), ById(LeftOut), ById(NotFound)],     None),
        // An item that is unreadable or left out proves nothing.
        (&[Unreadable, Unreadable, Unreadable],                              None),
        (&[Unreadable, ById(NotFound), Unreadable, ById(NotFound)],          None),
        (&[Trust, Unreadable, ById(NotFound), Unreadable, ById(NotFound)],   None),
        (&[Trust, Unreadable, ById(NotFound), Full, ById(NotFound)],         None),
        (&[Trust, Unreadable, ById(NotFound), Full, ById(NotFound), ById(NotFound)], gone),
        (&[Full, Unreadable, Full],                                          None),
        (&[Full, ById(LeftOut), Full],                                       None),
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
        (&[Short],                              true,  true,  true),
        (&[Short, Short],                       true,  true,  true),
        (&[Short, Full],                        true,  true,  true),
        (&[Trust, Short],                       true,  true,  false),
        (&[Trust, Short, ById(Unaskable)],      true,  true,  true),
        (&[Trust, Short, ById(Unaskable), Full], true, true,  true),
        (&[Trust, Short, ById(LeftOut)],        true,  true,  false),
        (&[Trust, Short, ById(LeftOut), Short], true,  true,  false),
        (&[Unreadable],                         true,  true,  false),
        (&[Unreadable, Unreadable],             true,  true,  false),
        (&[Unreadable, ById(NotFound), Unreadable], true, true, false),
        (&[Trust, Unreadable, ById(NotFound), Unreadable], true, true, false),
        (&[FullUnnamed],                        true,  true,  true),
        (&[FullUnnamed, FullUnnamed],           true,  true,  false),
        (&[Full, FullUnnamed],                  true,  true,  false),
        (&[Short, ById(Answer::Shown)],         false, false, false),
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

/// A listing at this second shows only `shown` of the `open` mirrors.
fn observe<S: AsRef<str>>(absences: &mut Absences, open: &[S], shown: &[S], full: bool, at: u64) {
    let presence = |id: &str| match shown.iter().find(|shown| shown.as_ref() == id) {
        Some(_) => Presence::Shown,
        None => Presence::Lacking,
    };
    let open = open.iter().map(|name| (name.as_ref(), name.as_ref()));
    absences.note(open, presence, (full, full), second(at));
}

/// The names of so many mirrors.
fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[test]
fn the_missing_are_asked_for_in_turn_whatever_is_answered() {
    let mut absences = Absences::default();
    let mut asked = Vec::new();
    for poll in 1..=8 {
        // One is there each time that it is asked for, and missing again in the next listing.
        observe(&mut absences, &["a", "b", "there"], &[], false, poll);
        for name in absences.questions(2) {
            absences.asked(&name);
            let answer = match &*name {
                "there" => Answer::Shown,
                _ => Answer::Unanswered,
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
fn many_at_once_want_a_second_full_listing() {
    let open = numbered(20);
    let mut absences = Absences::default();
    absences.trust_ids();
    observe(&mut absences, &open, &open[..9], true, 1);
    for _ in 0..3 {
        absences.answered("15", Answer::NotFound);
    }
    assert_eq!(absences.verdict("15"), None);
    assert!(absences.want_full_listing(10));
    observe(&mut absences, &open, &open[..9], true, 1);
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
        let open = numbered(all);
        let mut absences = Absences::default();
        absences.trust_ids();
        observe(&mut absences, &open, &open[gone..], true, 1);
        for _ in 0..2 {
            absences.answered("0", Answer::NotFound);
        }
        assert_eq!(absences.verdict("0").is_none(), many, "{gone} of {all}");
    }
}

#[test]
fn those_that_were_missing_before_do_not_count_among_many_at_once() {
    let open = numbered(60);
    let mut absences = Absences::default();
    absences.trust_ids();
    observe(&mut absences, &open, &open[6..], true, 1);
    observe(&mut absences, &open, &open[12..], true, 2);
    for _ in 0..2 {
        absences.answered("11", Answer::NotFound);
    }
    assert_eq!(absences.verdict("11"), Some(Synced::NotFound));
}

#[test]
fn the_longest_missing_are_asked_for_first() {
    let mut absences = Absences::default();
    for (at, lacking) in (1..).zip([&["b"][..], &["a", "b"], &["0", "b"]]) {
        observe(&mut absences, lacking, &[], false, at);
    }
    assert_eq!(absences.questions(1), ["b".into()]);
}

#[test]
fn what_is_missing_counts_from_the_last_listing_that_may_have_shown_it() {
    let mut absences = Absences::default();
    let mut listed = |now: u64, open: &[&str]| {
        observe(&mut absences, open, &[], false, now);
        ["a", "b"].map(|name| absences.overdue(name, second(now), SECOND * 3))
    };
    // It is unknown since when "a" has been missing.
    assert_eq!(listed(1, &["a"]), [true, false]);
    assert_eq!(listed(2, &[]), [false, false]);
    assert_eq!(listed(4, &["b"]), [false, false]);
    assert_eq!(listed(5, &["b"]), [false, false]);
    assert_eq!(listed(6, &["b"]), [false, true], "since 2, for more than 3");
}
