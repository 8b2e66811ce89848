//! Steps that cause faults in the Together API, in Kubernetes or in its watches.

use std::{sync::Arc, time::Duration};

use crate::simulation::{
    faults::{ApiFault, IdFault, KubeFault, Timed},
    sequence::Sequence,
    step::Kind,
    world::World,
};

impl Sequence {
    fn timed<T>(&self, fault: T) -> Timed<T> {
        let seconds = match self.draw(0..8) {
            0 => self.draw(300..1200),
            1..5 => self.draw(20..200),
            _ => self.draw(1..20),
        };
        Timed {
            fault,
            until: tokio::time::Instant::now() + Duration::from_secs(seconds as u64),
            part: if self.chance(3) { 50 } else { 100 },
        }
    }

    /// Whether `kind` is a fault, which starts now.
    pub(super) fn set_fault(&mut self, kind: Kind) -> bool {
        let api = match kind {
            Kind::ApiStatus => ApiFault::Status([500, 502, 503, 408][self.draw(0..4)]),
            Kind::ApiRateLimits => {
                ApiFault::RateLimited([None, Some(1), Some(30), Some(300)][self.draw(0..4)])
            }
            Kind::ApiHangs => ApiFault::Hang,
            Kind::ApiSlow => ApiFault::Slow(self.draw(2..20) as u64),
            Kind::ApiUnauthorized => ApiFault::Unauthorized,
            Kind::ApiForbidden => ApiFault::Forbidden,
            Kind::ListingCut => ApiFault::Cut,
            Kind::ListingShifted => ApiFault::Shifted,
            Kind::PageLost => ApiFault::Lost,
            Kind::PageDoubled => ApiFault::Doubled,
            Kind::TokenRepeated => ApiFault::Looping,
            Kind::TokenLacking => ApiFault::NoToken,
            Kind::ListEmpty => ApiFault::Empty,
            Kind::ItemMalformed => ApiFault::Malformed,
            Kind::ItemUnnamed => ApiFault::Unnamed,
            Kind::FilterIgnored => ApiFault::FilterIgnored,
            Kind::FilterRefused => ApiFault::FilterRefused,
            Kind::NewerStatesRefused => ApiFault::NewerRefused,
            Kind::SdkNames => ApiFault::SdkNames,
            Kind::OlderShown => ApiFault::Lagging,
            _ => return self.set_other_fault(kind),
        };
        let fault = self.timed(api);
        self.world.with(|state, _| {
            state.faults.api = Some(fault);
            state.judge.newer.stutters = None;
            state.judge.newer.lacked.clear();
        });
        if matches!(
            api,
            ApiFault::FilterIgnored | ApiFault::FilterRefused | ApiFault::NewerRefused
        ) {
            self.filters_fail_in(|_| true);
        }
        true
    }

    pub(super) fn set_other_fault(&mut self, kind: Kind) -> bool {
        let id = match kind {
            Kind::IdsNotFound => Some(IdFault::NotFound),
            Kind::IdsForbidden => Some(IdFault::Forbidden),
            Kind::IdsFail => Some(IdFault::Status([500, 503][self.draw(0..2)])),
            Kind::IdsHang => Some(IdFault::Hang),
            _ => None,
        };
        if let Some(fault) = id {
            let fault = self.timed(fault);
            self.world.with(|state, _| state.faults.id = Some(fault));
            return true;
        }
        let kube = match kind {
            Kind::WritesRefused => KubeFault::Refused,
            Kind::WritesConflict => KubeFault::Conflict,
            Kind::WritesUnavailable => KubeFault::Unavailable,
            Kind::AnswersLost => KubeFault::AnswerLost,
            Kind::AnswersNever => KubeFault::NoAnswer,
            Kind::WritesSlow => KubeFault::Slow(self.draw(1..60) as u64),
            Kind::WritesThrottled => KubeFault::Throttled(self.draw(1..30) as u64),
            Kind::ReadsFail => KubeFault::Unreadable,
            _ => return false,
        };
        let fault = self.timed(kube);
        self.world.with(|state, _| state.faults.kube = Some(fault));
        true
    }

    pub(super) fn disturb_events(&mut self, kind: Kind) {
        self.disturb();
        let (seconds, behind) = (self.draw(1..60) as u64, self.draw(1..6));
        if self.slots.is_empty() {
            return;
        }
        let at = self.draw(0..self.slots.len());
        let here = |world: &Arc<World>| Arc::ptr_eq(world, &self.world);
        let here = self.worlds.iter().position(here).unwrap_or(0);
        self.slots[at].replica.lags[here].modify(|lag| match kind {
            Kind::EventsDelayed => lag.seconds = seconds,
            Kind::EventsStopThenList => {
                lag.seconds = if lag.seconds < 1000 { 1000 } else { 0 };
                lag.cuts += u64::from(lag.seconds == 0);
            }
            Kind::WatchCut => (lag.seconds, lag.cuts, lag.behind) = (0, lag.cuts + 1, 0),
            _ => (lag.seconds, lag.cuts, lag.behind) = (0, lag.cuts + 1, behind),
        });
    }
}
