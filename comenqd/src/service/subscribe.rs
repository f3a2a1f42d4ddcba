//! `subscribe`: what happens, as it happens, on a connection of its own.
//!
//! Decides who hears of what, and what is left out for whom: by the rules of `view`, somebody
//! else's job is shown without what went wrong. What a peer may see is decided when it subscribes
//! and holds as long as its connection. Each event is encoded at most twice, however many listen.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use comenq_proto::{
    ErrorCode, Event as WireEvent, EventKind, FailureCode, HEARTBEAT, JobId, Position, Role,
    Subscribe, SubscribeReply, WireError, to_bytes,
};
use tokio::time::{Instant, timeout_at};

use super::{Answer, Caller, Service, get, view};
use crate::clock::{Clock, UnixMs};
use crate::queue::{Batch, Event, Happened, LaneTrouble, News, Subscription, What};
use crate::server::{Bodies, EventSource};

/// Begins a stream: its reply, and the events that follow it.
pub(super) fn subscribe(
    service: &Service,
    caller: Caller,
    request: &Subscribe,
) -> Result<(Answer<SubscribeReply>, Box<dyn EventSource>), WireError> {
    let wanted = wanted(request, caller.uid)?;
    let after = request.after.map(|after| (after.epoch, after.seq));
    let subscription = service.queue.subscribe(after);
    let reply = SubscribeReply {
        position: position(&subscription),
        heartbeat_ms: u64::try_from(HEARTBEAT.as_millis()).unwrap_or(u64::MAX),
    };
    let stream = Stream {
        begins_anew: !subscription.is_gapless(),
        subscription,
        clock: Arc::clone(&service.clock),
        wanted,
        uid: caller.uid,
        sees_all: caller.role == Role::Admin,
        sent_at: Instant::now(),
    };
    Ok((Answer::of(reply), Box::new(stream)))
}

/// Whose events a subscriber wants.
#[derive(Debug)]
enum Wanted {
    All,
    OfUser(u32),
    OfJobs(BTreeSet<JobId>),
}

fn wanted(request: &Subscribe, uid: u32) -> Result<Wanted, WireError> {
    match (request.mine, request.ids.as_slice()) {
        (false, []) => Ok(Wanted::All),
        (true, []) => Ok(Wanted::OfUser(uid)),
        (false, ids) => ids
            .iter()
            .map(|id| get::job_id(*id))
            .collect::<Result<_, _>>()
            .map(Wanted::OfJobs),
        (true, _) => Err(WireError::new(
            ErrorCode::InvalidValue,
            "ids and mine contradict each other",
        )
        .with_detail("ask for some jobs, or for all of yours")),
    }
}

impl Wanted {
    fn wants(&self, event: &Event) -> bool {
        match (&event.what, self) {
            (What::Job(news), Self::OfUser(uid)) => news.uid == *uid,
            (What::Job(news), Self::OfJobs(ids)) => ids.contains(&news.id),
            (What::Lane(_) | What::Pause { .. }, Self::OfJobs(_)) => false,
            (_, Self::All) | (What::Lane(_) | What::Pause { .. }, Self::OfUser(_)) => true,
        }
    }
}

/// The events of one connection.
#[derive(Debug)]
struct Stream {
    subscription: Subscription,
    /// What happened before cannot be told: said first.
    begins_anew: bool,
    clock: Arc<Clock>,
    wanted: Wanted,
    uid: u32,
    /// Whoever reads may see everything of everybody's.
    sees_all: bool,
    sent_at: Instant,
}

impl EventSource for Stream {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Bodies> + Send + '_>> {
        Box::pin(async {
            let bodies = self.bodies().await;
            self.sent_at = Instant::now();
            bodies
        })
    }
}

impl Stream {
    /// The next that the reader is to hear of. Cancel-safe: nothing is taken without being
    /// returned, but for what is not for this reader.
    async fn bodies(&mut self) -> Bodies {
        if std::mem::take(&mut self.begins_anew) {
            return vec![self.mark(EventKind::Snapshot, None)];
        }
        loop {
            let deadline = self.sent_at + HEARTBEAT;
            match timeout_at(deadline, self.subscription.next()).await {
                Err(_) => return vec![self.mark(EventKind::Heartbeat, None)],
                Ok(Batch::Lagged(missed)) => {
                    return vec![self.mark(EventKind::Lagged, Some(missed))];
                }
                Ok(Batch::Events(events)) => {
                    let wanted = events.iter().filter(|event| self.wanted.wants(event));
                    let bodies: Bodies = wanted.map(|event| self.show(event)).collect();
                    if !bodies.is_empty() {
                        return bodies;
                    }
                }
            }
        }
    }

    /// An event that is this stream's alone.
    fn mark(&self, kind: EventKind, missed: Option<u64>) -> Arc<[u8]> {
        let position = position(&self.subscription);
        let event = WireEvent {
            missed,
            ..WireEvent::new(kind, position, self.clock.best_wall().0)
        };
        encode(&event).into()
    }

    fn show(&self, event: &Event) -> Arc<[u8]> {
        let is_own = match &event.what {
            What::Job(news) => self.sees_all || news.uid == self.uid,
            What::Lane(_) | What::Pause { .. } => true,
        };
        let (epoch, _) = self.subscription.position();
        event.shown(is_own, |event| encode(&wire(event, epoch, is_own)))
    }
}

fn position(subscription: &Subscription) -> Position {
    let (epoch, seq) = subscription.position();
    Position { epoch, seq }
}

fn encode(event: &WireEvent) -> Vec<u8> {
    // Our own type, which always can be; a reader takes an empty body for unreadable.
    to_bytes(event).unwrap_or_else(|error| {
        tracing::error!(%error, "cannot encode an event");
        Vec::new()
    })
}

/// The event as it travels.
fn wire(event: &Event, epoch: u64, is_own: bool) -> WireEvent {
    let position = Position {
        epoch,
        seq: event.seq,
    };
    match &event.what {
        What::Job(news) => of_job(news, position, event.at, is_own),
        What::Lane(lane) => WireEvent {
            account: Some(lane.account.clone()),
            reason: lane.reason.clone(),
            next_attempt_at_ms: lane.next_try_at.map(|at| at.0),
            ..WireEvent::new(lane_kind(lane.trouble), position, event.at.0)
        },
        What::Pause { account, paused } => {
            let kind = if *paused {
                EventKind::QueuePaused
            } else {
                EventKind::QueueResumed
            };
            WireEvent {
                account: account.clone(),
                ..WireEvent::new(kind, position, event.at.0)
            }
        }
    }
}

fn of_job(news: &News, position: Position, at: UnixMs, is_own: bool) -> WireEvent {
    WireEvent {
        job_id: Some(news.id.get()),
        state: Some(view::wire_state(news.state)),
        target: Some(news.target.to_string()),
        account: Some(news.account.to_string()),
        uid: Some(news.uid),
        comment_url: news.comment_url.as_deref().map(Into::into),
        next_attempt_at_ms: news.next_attempt_at.map(|at| at.0),
        reason: news.reason.as_deref().filter(|_| is_own).map(Into::into),
        failure: news.failure.map(|it| FailureCode::from_text(it.as_str())),
        superseded_by: news.superseded_by.map(JobId::get),
        ..WireEvent::new(job_kind(news.happened), position, at.0)
    }
}

fn job_kind(happened: Happened) -> EventKind {
    match happened {
        Happened::Queued => EventKind::Queued,
        Happened::Edited => EventKind::Edited,
        Happened::Bumped => EventKind::Bumped,
        Happened::Held => EventKind::Held,
        Happened::Released => EventKind::Released,
        Happened::Claimed => EventKind::Claimed,
        Happened::Posted | Happened::Located => EventKind::Posted,
        Happened::Deferred => EventKind::Deferred,
        Happened::Uncertain => EventKind::Uncertain,
        Happened::Failed => EventKind::Failed,
        Happened::Cancelled => EventKind::Cancelled,
        Happened::Expired => EventKind::Expired,
    }
}

fn lane_kind(trouble: Option<LaneTrouble>) -> EventKind {
    match trouble {
        Some(LaneTrouble::Limited) => EventKind::LaneLimited,
        Some(LaneTrouble::Blocked) => EventKind::LaneBlocked,
        Some(LaneTrouble::Offline) => EventKind::LaneOffline,
        None => EventKind::LaneOk,
    }
}

#[cfg(test)]
mod tests;
