//! What the queue will do next.
//!
//! Decides nothing: joins what the store foresees with what the workers last said of their lanes.
//! Called by the service; the workers ask whose turns are not taken.

use std::sync::Arc;

use comenq_proto::{JobId, MAX_FORECAST};

use super::{LaneReport, Phase, Queue, QueueError};
use crate::clock::UnixMs;
use crate::store::{AgendaQuery, ForecastQuery, Foreseen, Foresight, Standing};

impl Queue {
    /// The accounts beside one that can take no turn of its lane just now: they must not keep it
    /// from the rest.
    #[must_use]
    pub fn unable_beside(&self, account: &str, host: &str) -> Vec<String> {
        let is_unable = |lane: &LaneReport| {
            let is_stuck = matches!(lane.phase, Phase::Blocked | Phase::Offline | Phase::NoToken);
            is_stuck || lane.login.is_none() || lane.host != host
        };
        let others = self.lanes().into_iter();
        others
            .filter(|lane| lane.account != account && is_unable(lane))
            .map(|lane| lane.account)
            .collect()
    }

    /// The next posts of a lane, at most `limit` of them.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Damaged`].
    pub async fn forecast(&self, lane: &LaneReport, limit: usize) -> Result<Foresight, QueueError> {
        let query = self.forecast_query(lane, limit);
        self.store()?.forecast(query).await
    }

    /// Where a job stands in a lane.
    ///
    /// # Errors
    /// [`QueueError::NoSuchJob`], [`QueueError::Unavailable`], [`QueueError::Damaged`].
    pub async fn place(&self, id: JobId, lane: &LaneReport) -> Result<Standing, QueueError> {
        let most = usize::try_from(MAX_FORECAST).unwrap_or(usize::MAX);
        let query = self.forecast_query(lane, most);
        self.store()?.place(id, query).await
    }

    /// When a foreseen post is expected; `None` if nothing will be posted, as things stand.
    #[must_use]
    pub fn foreseen_at(&self, lane: &LaneReport, post: &Foreseen) -> Option<UnixMs> {
        if lane.waits_for_a_person() {
            return None;
        }
        let at = self.0.clock.wall().plus(post.left);
        // The clock that people chose it by may be another than ours.
        Some(post.not_before.map_or(at, |not_before| at.max(not_before)))
    }

    fn forecast_query(&self, lane: &LaneReport, limit: usize) -> ForecastQuery {
        let mut accounts = self.accounts();
        // One without a credential has its turns too, once it has one.
        if !accounts.iter().any(|(name, _)| *name == lane.account) {
            accounts.push((lane.account.clone(), lane.pace.token_tag));
            accounts.sort();
        }
        let lanes = self.lanes().into_iter();
        ForecastQuery {
            agenda: AgendaQuery {
                account: lane.account.clone(),
                host: lane.host.clone(),
                accounts,
                unable: self.unable_beside(&lane.account, &lane.host),
                longest_wait: lane.pace.longest_wait,
                clock: Arc::clone(&self.0.clock),
            },
            cooldowns: lanes.map(|it| (it.account, it.pace.cooldown)).collect(),
            floor: lane.pace.floor,
            jitter: lane.pace.jitter,
            limit,
        }
    }
}
