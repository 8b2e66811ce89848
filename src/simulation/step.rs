//! The kinds of steps that sequences are drawn from.

use strum::VariantArray;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
pub(super) enum Kind {
    ShortWhile,
    LongWhile,
    // The Together API changes.
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
    // The Together API has a fault.
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
    // Kubernetes has a fault.
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
    // Edits by hand.
    MirrorDeleted,
    MirrorEdited,
    MirrorRelabelled,
    // Processes start and stop.
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
    // `ClusterWatches` and their keys are edited.
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
    // Later kinds: see `Kinds::of`.
    WritesThrottled,
    ForeignPlanted,
    ApiClockAhead,
    // The newest kinds.
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
    // The Secret, only for some seeds: see `Kinds::of`.
    SecretEmptied,
    SecretMistyped,
    SecretForbidden,
    SecretRepaired,
    SecretComesLate,
    // Only in `RESTORES`.
    EditRestored,
}

/// The kinds that only some seeds draw, and the latest of them.
const LATER: usize = 3;
const NEWEST: usize = 21;
/// The kinds added after them.
const SECRETS: usize = 5;
/// The last kind belongs to no other group.
const LAST: usize = 1;

const OF_SECRETS: u64 = 3;

/// Even seeds from this one on draw every other step from those that decide which owner references mirrors have, and when.
const OF_OWNERS: u64 = 10_000_000;
const OWNERS: &[Kind] = &[
    Kind::ShortWhile,
    Kind::LongWhile,
    Kind::LongWhile,
    Kind::SuspendedAndEdited,
    Kind::SuspendedAndEdited,
    Kind::DeletionPolicy,
    Kind::Resume,
    Kind::WritesSlow,
    Kind::WritesUnavailable,
    Kind::AnswersNever,
    Kind::EtcdRestored,
    Kind::EtcdRolledBack,
];

/// Even seeds from this one on draw every other step from those that restore etcd while mirrors lack their owner
/// references.
const OF_RESTORES: u64 = 20_000_000;
const RESTORES: &[Kind] = &[
    Kind::LongWhile,
    Kind::DeletionPolicy,
    Kind::Resume,
    Kind::EtcdRestored,
    Kind::EditRestored,
];

/// The kinds that a sequence draws from.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    pub(super) all: &'static [Kind],
    /// Drawn for every other step, if there are any.
    pub(super) newest: &'static [Kind],
}

impl Kinds {
    /// The kinds for the sequence of `seed`. Later kinds are only for some seeds. The other seeds are unaffected, so
    /// that they still find what they found. The newest kinds are for those remainders of 8 with which no seed had
    /// found anything; those of the Secret are for the only remainder of 16 that was left.
    pub(super) fn of(seed: u64) -> Self {
        let all = Kind::ordinary();
        let (all, secrets) = all.split_at(all.len() - SECRETS);
        let (older, newest) = all.split_at(all.len() - NEWEST);
        if seed >= OF_OWNERS && seed.is_multiple_of(2) {
            let newest = if seed < OF_RESTORES { OWNERS } else { RESTORES };
            return Self { all: older, newest };
        }
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
    /// All that do not need a seed of `OF_RESTORES`.
    pub(super) fn ordinary() -> &'static [Self] {
        &Self::VARIANTS[..Self::VARIANTS.len() - LAST]
    }

    /// Whether it makes sense only with leader election.
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
