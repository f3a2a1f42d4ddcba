//! Which jobs go next, and when: what claims would take if nothing else happened.
//!
//! Decides nothing that claims do not: it goes through the same turns (`turns`, `claiming`,
//! `urgent`, `agenda`) ahead of time, in memory, and writes nothing. That both agree is shown by a
//! test that forecasts random queues and then posts them. Run on the commit thread; what it reads is
//! bounded, whatever the queue holds. Must not know of the wire.

mod ahead;
mod lines;
mod place;
mod reading;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use comenq_proto::{JobId, Target};

use super::StoreError;
use super::agenda::AgendaQuery;
use super::txn::Txn;
use crate::clock::UnixMs;
use ahead::Ahead;
pub use place::Standing;
pub(super) use place::place;

/// What is to be foreseen.
#[derive(Debug, Clone)]
pub struct ForecastQuery {
    /// Whose turns, as for the agenda.
    pub agenda: AgendaQuery,
    /// From one post to the next, by account: the longest of those that share the lane holds.
    pub cooldowns: BTreeMap<String, Duration>,
    /// The same for a job that need not wait for the cooldown.
    pub floor: Duration,
    /// What chance may have added to the pause that runs.
    pub jitter: Duration,
    /// At most so many posts.
    pub limit: usize,
}

/// A post to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// The job.
    pub id: JobId,
    /// Whose it is.
    pub uid: u32,
    /// Where it goes.
    pub target: Target,
    /// In how long.
    pub left: Duration,
    /// Not before this time, which a person chose.
    pub not_before: Option<UnixMs>,
}

/// What is foreseen of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foresight {
    /// Its next posts, in their order.
    pub posts: Vec<Foreseen>,
    /// Nothing but these will go, as things stand.
    pub is_all: bool,
    /// Its jobs that are queued, in line or not.
    pub queued: u64,
}

/// Foresees the posts of an account. Other accounts that share its lane have their turns too.
pub(super) fn forecast(txn: &Txn<'_>, query: &ForecastQuery) -> Result<Foresight, StoreError> {
    let mut foresight = foresee(txn, query, None)?;
    foresight.queued = place::queued(txn, &query.agenda.account)?;
    Ok(foresight)
}

/// Does so up to one job.
fn foresee(
    txn: &Txn<'_>,
    query: &ForecastQuery,
    until: Option<JobId>,
) -> Result<Foresight, StoreError> {
    let mut ahead = Ahead::begin(txn, query)?;
    let mut foresight = Foresight::default();
    // Of accounts that share the lane each may have as many turns in between.
    let mut steps = query.limit.saturating_mul(ahead.width());
    while foresight.posts.len() < query.limit && steps > 0 {
        let Some((account, post)) = ahead.next()? else {
            foresight.is_all = !ahead.is_over();
            break;
        };
        steps -= 1;
        if account == query.agenda.account {
            let is_last = until == Some(post.id);
            foresight.posts.push(post);
            if is_last {
                break;
            }
        }
    }
    Ok(foresight)
}
