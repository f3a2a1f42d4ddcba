//! `forecast`: which jobs go next, and when.
//!
//! Decides how much is told. Of others' jobs it is what a list tells: whose, and where they go.

use comenq_proto::{
    DEFAULT_FORECAST, ErrorCode, Forecast, ForecastPost, ForecastReply, LaneForecast, MAX_ENTRIES,
    MAX_FORECAST, WireError,
};

use super::{Answer, Service, error, fitting};
use crate::queue::{Foreseen, LaneReport};

/// Posts that one reply tells. With the longest targets there are they fit in a frame beside the
/// most accounts, and stay below the items that a reader takes.
const MAX_POSTS: usize = 4096;

/// Tells whose turn it is on each account.
pub(super) async fn forecast(
    service: &Service,
    request: Forecast,
) -> Result<Answer<ForecastReply>, WireError> {
    let lanes = match &request.account {
        Some(account) => vec![lane_of(service, account)?],
        None => service.queue.lanes(),
    };
    let limit = request.limit.unwrap_or(DEFAULT_FORECAST);
    let limit = usize::try_from(limit.clamp(1, MAX_FORECAST)).unwrap_or(1);
    let share = MAX_POSTS / lanes.len().clamp(1, MAX_ENTRIES);
    let mut told = Vec::new();
    for lane in lanes.into_iter().take(MAX_ENTRIES) {
        told.push(of_lane(service, lane, limit.min(share)).await?);
    }
    let reply = ForecastReply { lanes: told };
    Ok(Answer::of(fitting::forecast(reply)))
}

fn lane_of(service: &Service, account: &str) -> Result<LaneReport, WireError> {
    service.queue.lane(account).ok_or_else(|| {
        let shown: String = account.chars().take(80).collect();
        let text = format!("there is no account {shown:?}");
        WireError::new(ErrorCode::UnknownAccount, text)
            .with_detail("`comenq status` names the accounts")
    })
}

async fn of_lane(
    service: &Service,
    lane: LaneReport,
    limit: usize,
) -> Result<LaneForecast, WireError> {
    let foresight = service.queue.forecast(&lane, limit).await;
    let foresight = foresight.map_err(|it| error::to_wire(&it))?;
    let posts = foresight.posts.iter();
    Ok(LaneForecast {
        posts: posts.map(|it| post(service, &lane, it)).collect(),
        queued: foresight.queued,
        account: lane.account,
        phase: lane.phase.as_str().to_owned(),
        reason: lane.reason,
        cooldown_ms: u64::try_from(lane.pace.cooldown.as_millis()).unwrap_or(u64::MAX),
        next_post_at_ms: lane.next_post_at.map(|at| at.0),
    })
}

fn post(service: &Service, lane: &LaneReport, post: &Foreseen) -> ForecastPost {
    let expected = service.queue.foreseen_at(lane, post);
    ForecastPost {
        job_id: post.id.get(),
        uid: post.uid,
        target: post.target.to_string(),
        expected_at_ms: expected.map(|at| at.0),
    }
}
