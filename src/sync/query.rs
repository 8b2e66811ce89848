//! The list request of a sync.

use crate::{
    api::cluster_watch::ClusterWatchSpec, sync::target::MirrorTarget, together::ListRequest,
};

/// Default number of remediations per page, as in Together's CLI.
const PAGE_SIZE: u16 = 100;

/// The request of a `ClusterWatch` for these states (none: all).
pub(crate) fn request(
    spec: &ClusterWatchSpec,
    target: &MirrorTarget,
    states: Vec<String>,
) -> ListRequest {
    let query = spec.query.as_ref();
    ListRequest {
        cluster: target.cluster.to_string(),
        instance: target.instance.as_deref().map(str::to_owned),
        states,
        page_size: query
            .and_then(|query| query.page_size)
            .and_then(|size| u16::try_from(size).ok())
            .unwrap_or(PAGE_SIZE),
        order_by: query.and_then(|query| query.order_by.clone()),
    }
}
