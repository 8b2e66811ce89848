//! Seeds that found a bug, planted on purpose or not, and pass without it. Each is a test of its own, so that
//! `tests/guards.txt` can name it.

use super::run;

/// Runs the sequence of `seed` twice: nothing is wrong in it, and it takes one way.
fn passes_and_repeats_itself(seed: u64) {
    let outcome = run::attempt(seed, true);
    assert_eq!(outcome.violation, None, "seed {seed}");
    let again = run::attempt(seed, true);
    let mut both = outcome.log.iter().zip(&again.log);
    let parted = both.find(|(one, other)| one != other);
    assert_eq!(parted, None, "seed {seed} takes two ways");
}

macro_rules! seeds {
    ($($(#[doc = $bug:literal])+ $name:ident = $seed:literal;)+) => {
        $($(#[doc = $bug])+ #[test] fn $name() { passes_and_repeats_itself($seed); })+
    };
}

seeds! {
    /// `NotFound` after one 404.
    seed_0 = 0;
    /// Not planted: a suspended watch marked the mirrors of the watch that it overlaps.
    seed_2 = 2;
    /// After a restore of etcd a list does not replace what was known.
    seed_7 = 7;
    /// The index takes older events.
    seed_9 = 9;
    /// One stray refusal of a filter narrows the listings that come after.
    seed_14 = 14;
    /// Found retention that prunes open ones, before the model of the Together API answered bytes.
    seed_17 = 17;
    /// A time of the year 1 or of 1970 counts as one.
    seed_46 = 46;
    /// A task that panicked is not started again.
    seed_47 = 47;
    /// A listing that broke off counts as complete.
    seed_120 = 120;
    /// An older version overwrites a newer one at once.
    seed_153 = 153;
    /// Not planted: a mirror written before a cut of the watch and deleted during it stayed in the index for ever.
    seed_248 = 248;
    /// Found writes without a fence, before the model of the Together API answered bytes.
    seed_339 = 339;
    /// Not planted: an id whose question failed once was never asked for again where ten others were there each time.
    seed_1547 = 1547;
    /// Not planted: what expired while a poll asked by id was created, to be pruned by the next.
    seed_26170 = 26170;
    /// Not planted: ids whose 404 proves nothing were asked for in each poll, and others never.
    seed_29588 = 29588;
    /// Not planted: who left the API alone for long after a slow listing looked dead meanwhile, and called nothing stale.
    seed_662697 = 662_697;
    /// The judge's own mistake: it wanted a mirror at the first sight of a version whose older one was shown for minutes.
    seed_1087066 = 1_087_066;
    /// The judge's own mistake: a create that arrives after its mirror was pruned can be kept from it by no fence.
    seed_1135548 = 1_135_548;
    /// A `ClusterWatch` that is deleted and created again is asked for at once, each time.
    seed_21 = 21;
    /// Owners wait for a complete list.
    seed_28 = 28;
    /// An enum that is a number is read as absent.
    seed_71 = 71;
    /// What an answer by id shows and the plan leaves out counts as confirmed.
    seed_93 = 93;
    /// The heartbeat goes by promises.
    seed_94 = 94;
    /// One that is gone ended when the Together API last changed it.
    seed_282 = 282;
    /// Not planted: after a restore of etcd a suspended generation went on in place of another spec of the same number.
    seed_200997 = 200_997;
    /// Not planted: a mirror that an earlier generation had sent landed late and kept its owners.
    seed_200324 = 200_324;
    /// Not planted: mirrors that a restore of etcd brought back kept the owners of that time until the next full listing.
    seed_229798 = 229_798;
    /// Not planted: after an outage in a full listing the next one was put off for ten times as long.
    seed_214713 = 214_713;
    /// Not planted: a request that was taken back before its time left polls without a pause between them.
    seed_221189 = 221_189;
}
