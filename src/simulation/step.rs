//! The kinds of steps that sequences are drawn from.

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ShortWhile,
    LongWhile,
    // Together's API changes.
    New,
    NewMany,
    StateChanges,
    ModeChanges,
    UnknownState,
    LeavesTheList,
    Vanishes,
    AllVanish,
    ComesBack,
    Restored,
    // Together's API errs.
    ApiStatus,
    ApiRateLimits,
    ApiHangs,
    ApiSlow,
    ApiUnauthorized,
    ApiForbidden,
    ListingCut,
    ListingShifted,
    PageLost,
    PageDoubled,
    TokenRepeated,
    TokenLacking,
    ListEmpty,
    ItemMalformed,
    ItemUnnamed,
    FilterIgnored,
    FilterRefused,
    NewerStatesRefused,
    SdkNames,
    OlderShown,
    IdsNotFound,
    IdsForbidden,
    IdsFail,
    IdsHang,
    // The cluster errs.
    WritesRefused,
    WritesConflict,
    WritesUnavailable,
    AnswersLost,
    AnswersNever,
    WritesSlow,
    ReadsFail,
    EventsDelayed,
    EventsStopThenList,
    WatchCut,
    OlderListed,
    // Somebody edits by hand.
    MirrorDeleted,
    MirrorEdited,
    MirrorRelabelled,
    // Processes come and go.
    Killed,
    KilledBeforeAWrite,
    KilledAfterAWrite,
    Stopped,
    Paused,
    PausedForLong,
    SecondReplica,
    LeaseUnreachable,
    LeaseAnswersLost,
    LeaseTaken,
    // Watches and their keys are edited.
    Interval,
    PageSize,
    States,
    Retention,
    Omit,
    Suspend,
    Resume,
    WatchDeleted,
    WatchCreated,
    DeletionPolicy,
    SecondWatch,
    Requested,
    SecretRemoved,
    SecretWrong,
    SecretBack,
    KeyChanged,
}

use Kind::{
    AllVanish, AnswersLost, AnswersNever, ApiForbidden, ApiHangs, ApiRateLimits, ApiSlow,
    ApiStatus, ApiUnauthorized, ComesBack, DeletionPolicy, EventsDelayed, EventsStopThenList,
    FilterIgnored, FilterRefused, IdsFail, IdsForbidden, IdsHang, IdsNotFound, Interval,
    ItemMalformed, ItemUnnamed, KeyChanged, Killed, KilledAfterAWrite, KilledBeforeAWrite,
    LeaseAnswersLost, LeaseTaken, LeaseUnreachable, LeavesTheList, ListEmpty, ListingCut,
    ListingShifted, LongWhile, MirrorDeleted, MirrorEdited, MirrorRelabelled, ModeChanges, New,
    NewMany, NewerStatesRefused, OlderListed, OlderShown, Omit, PageDoubled, PageLost, PageSize,
    Paused, PausedForLong, ReadsFail, Requested, Restored, Resume, Retention, SdkNames,
    SecondReplica, SecondWatch, SecretBack, SecretRemoved, SecretWrong, ShortWhile, StateChanges,
    States, Stopped, Suspend, TokenLacking, TokenRepeated, UnknownState, Vanishes, WatchCreated,
    WatchCut, WatchDeleted, WritesConflict, WritesRefused, WritesSlow, WritesUnavailable,
};

/// All kinds.
pub(super) const KINDS: [Kind; 76] = [
    ShortWhile, LongWhile, New, NewMany, StateChanges, ModeChanges, UnknownState, LeavesTheList,
    Vanishes, AllVanish, ComesBack, Restored, ApiStatus, ApiRateLimits, ApiHangs, ApiSlow,
    ApiUnauthorized, ApiForbidden, ListingCut, ListingShifted, PageLost, PageDoubled,
    TokenRepeated, TokenLacking, ListEmpty, ItemMalformed, ItemUnnamed, FilterIgnored,
    FilterRefused, NewerStatesRefused, SdkNames, OlderShown, IdsNotFound, IdsForbidden, IdsFail,
    IdsHang, WritesRefused, WritesConflict, WritesUnavailable, AnswersLost, AnswersNever,
    WritesSlow, ReadsFail, EventsDelayed, EventsStopThenList, WatchCut, OlderListed,
    MirrorDeleted, MirrorEdited, MirrorRelabelled, Killed, KilledBeforeAWrite, KilledAfterAWrite,
    Stopped, Paused, PausedForLong, SecondReplica, LeaseUnreachable, LeaseAnswersLost, LeaseTaken,
    Interval, PageSize, States, Retention, Omit, Suspend, Resume, WatchDeleted, WatchCreated,
    DeletionPolicy, SecondWatch, Requested, SecretRemoved, SecretWrong, SecretBack, KeyChanged,
];

impl Kind {
    /// Whether it makes sense only where replicas elect a leader.
    pub(super) fn wants_election(self) -> bool {
        matches!(
            self,
            SecondReplica | LeaseUnreachable | LeaseAnswersLost | LeaseTaken
        )
    }
}
