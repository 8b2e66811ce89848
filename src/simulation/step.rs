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
    // Those that came later: see `Kinds::of`.
    WritesThrottled,
    ForeignPlanted,
    ApiClockAhead,
    // The newest.
    EtcdRestored,
    EtcdRolledBack,
    WallClockJumps,
    ApiClockJumps,
    TaskPanics,
    NamespaceRefused,
    SuspendedAndEdited,
    KeyRefusedAndEdited,
    DeletedAndCreatedAgain,
    InstanceWatches,
    ManyItems,
    PagesStutter,
    ZeroTimes,
    NumbersForEnums,
    StrayRefusal,
    FirstStateOnly,
    LongResync,
    OfAnotherCluster,
    OneUnwritable,
    Orphaned,
    ObjectUnreadable,
    // The Secret, for some seeds alone: see `Kinds::of`.
    SecretEmptied,
    SecretMistyped,
    SecretForbidden,
    SecretRepaired,
    SecretComesLate,
}

/// The kinds that only some seeds draw, and those of them that came last.
const LATER: usize = 3;
const NEWEST: usize = 21;
/// Those that came after them.
const SECRETS: usize = 5;

const OF_SECRETS: u64 = 3;

/// What a sequence draws from.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    pub(super) all: &'static [Kind],
    /// Drawn for every other step, where there are any.
    pub(super) newest: &'static [Kind],
}

impl Kinds {
    /// What the sequence of `seed` draws from. The kinds that came later are for some seeds only; to the others they change
    /// nothing, so that what they found stays found. The newest ones are for those remainders of 8 under which no seed had
    /// found anything; those of the Secret are for the one remainder of 16 that was left then.
    pub(super) fn of(seed: u64) -> Self {
        let (all, secrets) = Kind::VARIANTS.split_at(Kind::VARIANTS.len() - SECRETS);
        let (older, newest) = all.split_at(all.len() - NEWEST);
        if seed % 16 == OF_SECRETS {
            return Self {
                all: older,
                newest: secrets,
            };
        }
        match seed % 8 {
            5..=7 => Self { all: older, newest },
            4 => Self {
                all: older,
                newest: &[],
            },
            _ => Self {
                all: &older[..older.len() - LATER],
                newest: &[],
            },
        }
    }
}

impl Kind {
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
