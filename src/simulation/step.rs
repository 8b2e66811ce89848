//! The kinds of steps that sequences are drawn from.

use strum::VariantArray;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
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
    // Those that came later: see `Kind::of`.
    WritesThrottled,
    ForeignPlanted,
    ApiClockAhead,
}

/// The last kinds, that only some seeds draw.
const LATER: usize = 3;

impl Kind {
    /// What the sequence of `seed` draws from. The kinds that came later are for three of eight seeds; to the others they
    /// change nothing, so that what they found stays found.
    pub(super) fn of(seed: u64) -> &'static [Self] {
        let all = Self::VARIANTS;
        if matches!(seed % 8, 4 | 5 | 7) {
            all
        } else {
            &all[..all.len() - LATER]
        }
    }

    /// Whether it makes sense only where replicas elect a leader.
    pub(super) fn wants_election(self) -> bool {
        matches!(
            self,
            Self::SecondReplica
                | Self::LeaseUnreachable
                | Self::LeaseAnswersLost
                | Self::LeaseTaken
        )
    }
}
