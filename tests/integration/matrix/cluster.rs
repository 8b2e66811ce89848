//! Faults of the cluster, of a clock and of an object, and what each does. They are tried by tests of their own.

/// One row of the second table.
pub(super) struct Row {
    /// For people.
    pub(super) name: &'static str,
    /// What is seen meanwhile and afterwards.
    pub(super) seen: &'static str,
    pub(super) advice: &'static str,
    /// The test that shows it.
    pub(super) test: &'static str,
}

/// All of them.
pub(super) const ROWS: [Row; 8] = [
    Row {
        name: "etcd is restored from a snapshot, with `--bump-revision` and `--mark-compacted`",
        seen: "Both kinds are listed again. A full sync corrects mirrors that are older than before, came back or are missing. The operator does not restart.",
        advice: "Apply your later changes again, because ClusterWatches and Secrets are those of the snapshot.",
        test: "restore::mirrors_are_the_truth_after_a_restore_that_bumps_the_revisions",
    },
    Row {
        name: "the same without the bump",
        seen: "The same. Until the operator notices that resourceVersions went backwards, some writes fail with a conflict. It notices within 15 s, and lists again at most twice a minute.",
        advice: "As above. Other controllers may not notice: etcd's documentation asks for the bump.",
        test: "restore::mirrors_are_the_truth_after_a_restore_that_gives_the_revisions_out_again",
    },
    Row {
        name: "the clock of the operator's node is set, ahead or back",
        seen: "`lastSyncTime` and `staleAfter` follow at the next sync, and heartbeats go on. Retention goes by the Together API's clock; if the two are more than a day apart, nothing expires.",
        advice: "Check that the node's clock is synchronized.",
        test: "clock_jumps::heartbeats_go_on_and_nothing_is_deleted_early_whatever_the_clock_was_set_to",
    },
    Row {
        name: "the same, with a Lease",
        seen: "The leader keeps its Lease: replicas measure it by monotonic clocks.",
        advice: "As above.",
        test: "clock_jumps::process::a_process_whose_time_of_day_is_set_goes_on_and_keeps_its_lease",
    },
    Row {
        name: "the operator loses its rights in one of its namespaces (`--namespace a --namespace b`)",
        seen: "The other namespaces go on, also after a restart. `/readyz` stays 200 and names the refused namespace.",
        advice: "Grant the rights again (no restart is needed), or remove the namespace from the flags.",
        test: "namespaces::a_namespace_whose_rights_are_taken_away_is_named_and_the_other_goes_on",
    },
    Row {
        name: "one of its namespaces is deleted",
        seen: "The same.",
        advice: "Remove the namespace from the flags, or create it again with the rights.",
        test: "namespaces::a_namespace_that_is_deleted_is_named_and_the_other_goes_on",
    },
    Row {
        name: "a mirror's status holds a time that cannot be read (the API server accepts any offset)",
        seen: "All other mirrors go on, also after a restart. The next sync writes that status again.",
        advice: "Nothing.",
        test: "unreadable::a_mirror_with_unreadable_times_is_rewritten_and_the_others_go_on",
    },
    Row {
        name: "a thousand ClusterWatches of one node each in one namespace",
        seen: "All are synced, the probes are answered, and the leader keeps its Lease.",
        advice: "Nothing. One ClusterWatch without `instanceId` needs a thousandth of the calls.",
        test: "many::a_thousand_cluster_watches_of_one_namespace_are_polled_and_the_lease_is_kept",
    },
];
