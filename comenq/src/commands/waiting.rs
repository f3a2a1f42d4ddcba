//! Waiting for jobs: until they are finished, time is up, or Ctrl-C is pressed.
//!
//! Decides that the stream of events is subscribed to before a job is looked at, so
//! that nothing is missed in between; that only what may have changed is looked at
//! again; and that a restart of the daemon is no end. The jobs do not notice that
//! anybody waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use comenq_proto::{ErrorCode, EventKind, Job, JobGet, Subscribe};

use super::{Context, phase::Progress};
use crate::{
    client::{CallError, Client},
    failure::Failure,
    stop::Stop,
    unwaitable,
};

/// Every job is looked at again after so long, whatever the events say.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// The same where somebody watches: a place in line changes by what becomes of others.
const WATCHED: Duration = Duration::from_secs(2);
/// So much longer for each job that is waited for.
const EACH: Duration = Duration::from_millis(10);
/// Without a stream an interrupt is noticed within this.
const NOTICE: Duration = Duration::from_millis(200);

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Every job is finished.
    Finished,
    /// The limit has passed.
    TimeUp,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// What is known when a wait has ended.
pub(super) struct Outcome {
    pub(super) end: End,
    /// The jobs as they were last seen, in the order in which they were asked for.
    pub(super) jobs: Vec<Job>,
    /// The numbers of those that are not finished.
    pub(super) left: Vec<u64>,
}

/// Waits until all are finished, the limit has passed, or Ctrl-C is pressed.
pub(super) fn until_finished(
    ids: &[u64],
    limit: Option<Duration>,
    progress: Progress,
    context: &mut Context<'_>,
) -> Result<Outcome, Failure> {
    let told = (context.interrupts.tell)().map_err(|error| unwaitable(&error))?;
    let deadline = limit.map(|limit| Instant::now() + limit);
    let stop = Stop::by(told);
    context.client.end(deadline, stop.clone());
    let mut waiting = Waiting {
        events: Events::new(ids, context),
        jobs: BTreeMap::new(),
        left: ids.iter().copied().collect(),
        deadline,
        stop,
        progress,
    };
    let end = waiting.run(context);
    waiting.progress.clear(&mut context.output);
    let end = end?;
    let mut jobs = waiting.jobs;
    Ok(Outcome {
        end,
        jobs: ids.iter().filter_map(|id| jobs.remove(id)).collect(),
        left: ids
            .iter()
            .copied()
            .filter(|id| waiting.left.contains(id))
            .collect(),
    })
}

struct Waiting {
    events: Events,
    /// As they were last seen.
    jobs: BTreeMap<u64, Job>,
    /// Not finished.
    left: BTreeSet<u64>,
    deadline: Option<Instant>,
    stop: Stop,
    progress: Progress,
}

impl Waiting {
    fn run(&mut self, context: &mut Context<'_>) -> Result<End, Failure> {
        loop {
            self.events.open();
            let mut stale = self.left.clone();
            let again = Instant::now() + self.until_again();
            loop {
                if let Some(end) = self.look(&stale, context)? {
                    return Ok(end);
                }
                match self.news(again, context) {
                    News::End(end) => return Ok(end),
                    News::Of(jobs) => stale = jobs,
                    News::Unknown => break,
                }
            }
        }
    }

    /// How long until every job is looked at again.
    fn until_again(&self) -> Duration {
        let is_quiet = self.events.is_open && !self.progress.is_shown();
        let count = u32::try_from(self.left.len()).unwrap_or(u32::MAX);
        let pause = if is_quiet { LOOK_AGAIN } else { WATCHED };
        pause.max(EACH.saturating_mul(count))
    }

    /// Looks at these jobs, unless they are finished; the end of the wait, if that is it.
    fn look(
        &mut self,
        stale: &BTreeSet<u64>,
        context: &mut Context<'_>,
    ) -> Result<Option<End>, Failure> {
        for id in stale {
            if !self.left.contains(id) {
                continue;
            }
            let reply = match context.client.call(&JobGet { id: *id }) {
                Ok(reply) => reply,
                Err(error) => match self.end(&error, context) {
                    Some(end) => return Ok(Some(end)),
                    None => return Err(Failure::of_call(error, &context.client)),
                },
            };
            self.progress.tell(&reply, &mut context.output);
            if reply.job.state.is_finished() {
                self.progress.end(*id, &mut context.output);
                self.left.remove(id);
            }
            self.jobs.insert(*id, reply.job);
        }
        Ok(self.left.is_empty().then_some(End::Finished))
    }

    /// The end that made a call give up, if it was one: it does a little before its time.
    fn end(&self, error: &CallError, context: &Context<'_>) -> Option<End> {
        let is_lost = matches!(error, CallError::Lost { .. });
        let by = Instant::now() + context.client.timeout();
        self.over(by).filter(|_| is_lost)
    }

    /// Whether the wait is over by then.
    fn over(&self, by: Instant) -> Option<End> {
        if self.stop.is_told() {
            return Some(End::Interrupted);
        }
        let is_late = self.deadline.is_some_and(|deadline| by >= deadline);
        is_late.then_some(End::TimeUp)
    }

    /// Waits for something to happen, until it is time to look at everything again.
    fn news(&mut self, again: Instant, context: &mut Context<'_>) -> News {
        loop {
            let now = Instant::now();
            if let Some(end) = self.over(now) {
                return News::End(end);
            }
            if now >= again {
                return News::Unknown;
            }
            let until = self.deadline.map_or(again, |at| at.min(again)) - now;
            let until = self.progress.tick().map_or(until, |tick| tick.min(until));
            match self.events.wait(until) {
                Some(News::Of(jobs)) if jobs.is_empty() => {}
                Some(news) => return news,
                None => {}
            }
            self.progress.passes(&mut context.output);
        }
    }
}

/// What happened meanwhile.
enum News {
    /// Something to these jobs.
    Of(BTreeSet<u64>),
    /// Perhaps something to any of them.
    Unknown,
    /// The wait is over.
    End(End),
}

/// News of the jobs, on a connection of its own.
struct Events {
    client: Client,
    request: Subscribe,
    is_open: bool,
    /// The daemon has none.
    is_without: bool,
}

impl Events {
    fn new(ids: &[u64], context: &Context<'_>) -> Self {
        Self {
            client: context.client.beside(),
            request: Subscribe {
                ids: ids.to_vec(),
                mine: false,
                after: None,
            },
            is_open: false,
            is_without: false,
        }
    }

    /// Subscribes unless it is, or cannot be.
    fn open(&mut self) {
        if self.is_open || self.is_without {
            return;
        }
        match self.client.call(&self.request) {
            Ok(_) => self.is_open = true,
            Err(CallError::Refused(error)) if error.code == ErrorCode::UnknownEndpoint => {
                self.is_without = true;
            }
            // The look at the jobs, which comes next, says what is wrong.
            Err(_) => {}
        }
    }

    /// Waits so long at most, or until a signal; what happened, if anything did.
    fn wait(&mut self, patience: Duration) -> Option<News> {
        if !self.is_open {
            thread::sleep(patience.min(NOTICE));
            return None;
        }
        let Ok(event) = self.client.next_event(patience) else {
            self.is_open = false;
            return Some(News::Unknown);
        };
        match event? {
            event if event.kind == EventKind::Heartbeat => None,
            event => Some(
                event
                    .job_id
                    .map_or(News::Unknown, |id| News::Of([id].into())),
            ),
        }
    }
}
