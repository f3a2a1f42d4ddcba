//! What there is to do on an account.
//!
//! Decides nothing of when: that is the pacer's. Brings jobs into line whose time has come, and
//! lets those expire whose time has passed. Run on the commit thread, for the worker.

use std::sync::Arc;
use std::time::Duration;

use comenq_proto::JobId;

use super::index::{self, LOOK_STAGES};
use super::owners::{self, Barred};
use super::record::{Job, KnownIdentity, Lane, Wait};
use super::transition::State;
use super::turns::{self, Field};
use super::txn::Txn;
use super::{Paused, StoreError, dating, expiring, halts, jobs, keys, urgent};
use crate::clock::{Clock, UnixMs};

/// Whose agenda is asked for.
#[derive(Debug, Clone)]
pub struct AgendaQuery {
    /// The account.
    pub account: String,
    /// Its API's host.
    pub host: String,
    /// Every account that is served, with the tag of its credential: those with the same user at
    /// the same host share the lane.
    pub accounts: Vec<(String, u64)>,
    /// Those of them that can take no turn just now.
    pub unable: Vec<String>,
    /// The longest wait for a trouble; one that was stored under other settings may be longer.
    pub longest_wait: Duration,
    /// Tells what is due.
    pub clock: Arc<Clock>,
}

/// What there is to do on an account.
#[derive(Debug, Clone, Default)]
pub struct Agenda {
    /// Who the account last was.
    pub identity: Option<KnownIdentity>,
    /// The pace and wait of its lane.
    pub lane: Lane,
    /// Somebody must act before anything is tried.
    pub blocked: Option<Wait>,
    /// An administrator lets it post nothing.
    pub paused: Option<Paused>,
    /// Owners that bar it.
    pub barred: Vec<Barred>,
    /// A job may go as far as the queue is concerned, and it is this account's turn.
    pub ready: bool,
    /// A job that need not wait for the cooldown, and may go otherwise.
    pub urgent: Option<JobId>,
    /// Among which jobs the turn goes round.
    pub field: Field,
    /// All accounts that share the lane, as far as is known.
    pub sharing: Vec<String>,
    /// When the next job that waits for a time joins its line.
    pub next_due: Option<UnixMs>,
    /// A job waits for a length of time that becomes a date once GitHub's time is known.
    pub undated: bool,
    /// Jobs to look for: the first of each stage.
    pub looks: Vec<Job>,
    /// Jobs whose time has passed.
    pub expired: Vec<JobId>,
    /// Jobs that cannot be looked for because they cannot be read, and why. Their targets go on
    /// waiting.
    pub damaged: Vec<(JobId, String)>,
}

/// Jobs brought into line in one transaction at most.
const PROMOTE_LIMIT: usize = 256;

/// Brings jobs into line whose time has come, and tells what there is to do. The lane is that of
/// the identity last seen at the host.
pub(super) fn agenda(txn: &mut Txn<'_>, query: &AgendaQuery) -> Result<Agenda, StoreError> {
    let (account, clock) = (query.account.as_str(), &query.clock);
    // People chose the times by a clock that is right; ours may not be.
    let next_due = promote_due(txn, account, clock)?;
    let undated = clock.github_now().is_none() && txn.exists_under(&keys::undated(account))?;
    let expired = expiring::sweep(txn, account, clock)?;
    turns::unpark_rest(txn, account)?;
    let identity = identity(txn, account, &query.host)?;
    let user_id = identity.as_ref().map_or(0, |identity| identity.user_id);
    let lane = txn.read_or_default(&keys::lane(&query.host, user_id))?;
    let tag = query.accounts.iter().find(|(name, _)| name == account);
    let mut agenda = Agenda {
        blocked: blocked(txn, account, tag.map_or(0, |(_, tag)| *tag))?,
        paused: halts::of_account(txn, account)?,
        barred: owners::barred(txn, account, clock, query.longest_wait)?,
        identity,
        lane,
        next_due,
        undated,
        expired,
        ..Agenda::default()
    };
    agenda.sharing = sharing(txn, query, agenda.identity.as_ref())?;
    agenda.field = field(txn, query, &agenda.sharing)?;
    let next = turns::choose(txn, &agenda.field)?;
    agenda.ready = next.is_some_and(|head| head.account == account);
    agenda.urgent = urgent::first(txn, &agenda.field, account)?;
    for stage in LOOK_STAGES {
        first_look(txn, &keys::looks(account, stage), &mut agenda)?;
    }
    Ok(agenda)
}

pub(super) fn identity(
    txn: &Txn<'_>,
    account: &str,
    host: &str,
) -> Result<Option<KnownIdentity>, StoreError> {
    let identity = txn.read::<KnownIdentity>(&keys::identity(account))?;
    Ok(identity.filter(|identity| identity.host == host))
}

/// Another credential need not wait for what was wrong with the last.
fn blocked(txn: &Txn<'_>, account: &str, tag: u64) -> Result<Option<Wait>, StoreError> {
    let wait = txn.read::<Wait>(&keys::blocked(account))?;
    Ok(wait.filter(|wait| wait.token_tag == tag))
}

/// The account, and those that are the same user.
pub(super) fn sharing(
    txn: &Txn<'_>,
    query: &AgendaQuery,
    own: Option<&KnownIdentity>,
) -> Result<Vec<String>, StoreError> {
    let mut sharing = Vec::new();
    for (account, _) in &query.accounts {
        let is_mate = match own {
            Some(own) => identity(txn, account, &query.host)?
                .is_some_and(|other| other.user_id == own.user_id),
            None => false,
        };
        if is_mate || *account == query.account {
            sharing.push(account.clone());
        }
    }
    Ok(sharing)
}

/// Whether no account has anything to do, now or later: no job is queued, being posted or
/// uncertain, and no comment is looked for.
pub(super) fn is_at_rest(txn: &Txn<'_>) -> Result<bool, StoreError> {
    let counts = jobs::counts(txn)?;
    let busy = [State::Queued, State::Posting, State::Uncertain];
    let is_busy = busy
        .iter()
        .any(|it| counts.get(it).is_some_and(|count| *count > 0));
    Ok(!is_busy && txn.next(keys::ALL_UNRESOLVED, None)?.is_none())
}

/// Of those that share the lane the ones that can take a turn.
pub(super) fn field(
    txn: &Txn<'_>,
    query: &AgendaQuery,
    sharing: &[String],
) -> Result<Field, StoreError> {
    let mut field = Field::default();
    for (account, tag) in &query.accounts {
        let is_self = *account == query.account;
        let is_able = sharing.contains(account)
            && !query.unable.contains(account)
            && blocked(txn, account, *tag)?.is_none()
            && halts::of_account(txn, account)?.is_none();
        if is_self || is_able {
            let barred = owners::barred(txn, account, &query.clock, query.longest_wait)?;
            let open = barred.into_iter().filter(|barred| barred.left.is_zero());
            let open = open.map(|barred| barred.owner).collect();
            field.accounts.push((account.clone(), open));
        }
    }
    Ok(field)
}

/// The first job of a stage that can be read.
fn first_look(txn: &mut Txn<'_>, stage: &[u8], agenda: &mut Agenda) -> Result<(), StoreError> {
    while let Some((key, _)) = txn.next(stage, None)? {
        let id = keys::tail_id(&key)
            .ok_or_else(|| StoreError::Damaged("a look without a job".to_owned()))?;
        match index::load(txn, id) {
            Ok(job) => {
                agenda.looks.push(job);
                break;
            }
            Err(error @ (StoreError::Damaged(_) | StoreError::NoSuchJob(_))) => {
                txn.remove(key);
                agenda.damaged.push((id, error.to_string()));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn promote_due(
    txn: &mut Txn<'_>,
    account: &str,
    clock: &Clock,
) -> Result<Option<UnixMs>, StoreError> {
    let now = clock.due_now();
    let prefix = keys::waiting(account);
    // What has no date yet is passed over until it can be given one: till then nothing is posted.
    let after = clock
        .github_now()
        .is_none()
        .then(|| keys::before_dated(account));
    for _ in 0..PROMOTE_LIMIT {
        let Some((key, _)) = txn.next(&prefix, after.as_deref())? else {
            return Ok(None);
        };
        let (due, id) = keys::parse_due(&key)
            .ok_or_else(|| StoreError::Damaged("a waiting job without a time".to_owned()))?;
        if due > now {
            return Ok(Some(due));
        }
        match index::load(txn, id) {
            Ok(old) => {
                let mut job = old.clone();
                if due == dating::NO_DATE {
                    dating::date_start(&mut job, clock, now);
                }
                job.due_passed = job.not_before.is_some_and(|at| at <= now) || job.due_passed;
                job.next_attempt_at = job.next_attempt_at.filter(|at| *at > now);
                index::save(txn, Some(&old), &job)?;
            }
            Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => txn.remove(key),
            Err(other) => return Err(other),
        }
    }
    Ok(Some(now))
}
