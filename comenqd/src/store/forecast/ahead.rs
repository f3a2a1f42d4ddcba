//! A lane looked at ahead of time: its accounts, its slots, its turns.
//!
//! Decides what the worker, the pacer and a claim do between them, from one moment at which
//! something may go to the next. Called by [`super`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use comenq_proto::{JobId, Target};

use super::lines::{Lines, Place};
use super::reading::Reading;
use super::waiting::{self, Waiting};
use super::{ForecastQuery, Foreseen};
use crate::store::agenda::{self, AgendaQuery};
use crate::store::keys::{self, Rank};
use crate::store::record::{Job, Lane, WaitKind};
use crate::store::transition::State;
use crate::store::turns::{self, Field};
use crate::store::txn::Txn;
use crate::store::{StoreError, index};

/// Entries that one forecast reads: some per post, and it is at most about ten milliseconds of the
/// commit thread. Each user who ever queued on the account adds one.
const MAX_READS: usize = 4000;

/// One of the accounts that share the lane.
struct Account {
    lines: Lines,
    /// When each user last had a turn.
    users: BTreeMap<u32, u64>,
    /// Jobs that wait for a time, and owners that do.
    waiting: Waiting,
    /// Jobs that need not wait for the cooldown, the first first.
    urgent: BTreeMap<(u64, JobId), Job>,
}

/// Who goes: on which account, whose, from where.
struct Turn {
    at: usize,
    uid: u32,
    rank: Rank,
    target: String,
}

/// The lane at a moment to come.
pub(super) struct Ahead<'t, 'e, 'q> {
    reading: Reading<'t, 'e>,
    query: &'q ForecastQuery,
    /// Those that take turns, in the order in which they stand in the field.
    accounts: Vec<Account>,
    /// Those that share the lane and can take none just now.
    idle: Vec<String>,
    /// Users who may have a job that may go: the one served longest ago first.
    turns: BTreeSet<(u64, usize, u32)>,
    /// What the next turn is counted as.
    served: u64,
    /// The moment, as a time from now; when the next post may go, and one that need not wait.
    now: Duration,
    slot: Duration,
    floor: Duration,
    cooldown: Duration,
}

impl<'t, 'e, 'q> Ahead<'t, 'e, 'q> {
    pub(super) fn begin(txn: &'t Txn<'e>, query: &'q ForecastQuery) -> Result<Self, StoreError> {
        let asked = &query.agenda;
        let identity = agenda::identity(txn, &asked.account, &asked.host)?;
        let user_id = identity.as_ref().map_or(0, |identity| identity.user_id);
        let lane: Lane = txn.read_or_default(&keys::lane(&asked.host, user_id))?;
        let sharing = agenda::sharing(txn, asked, identity.as_ref())?;
        let Field { accounts: field } = agenda::field(txn, asked, &sharing)?;
        let cooldowns = sharing.iter().filter_map(|it| query.cooldowns.get(it));
        let cooldown = cooldowns.copied().max().unwrap_or_default();
        let jitter = Duration::from_millis(lane.jitter_ms).min(query.jitter);
        let left = |pause| lane.pace.map(|last| asked.clock.remaining(last, pause));
        let mut ahead = Self {
            reading: Reading::new(txn, MAX_READS),
            query,
            accounts: Vec::new(),
            idle: Vec::new(),
            turns: BTreeSet::new(),
            served: txn.meta.turns,
            now: wait_left(&lane, asked),
            slot: left(cooldown.saturating_add(jitter)).unwrap_or_default(),
            floor: left(query.floor).unwrap_or_default(),
            cooldown,
        };
        for (at, (name, _)) in field.iter().enumerate() {
            ahead.add(at, name)?;
        }
        let is_idle = |name: &String| !field.iter().any(|(other, _)| other == name);
        ahead.idle = sharing.into_iter().filter(is_idle).collect();
        Ok(ahead)
    }

    /// How many accounts take turns.
    pub(super) fn width(&self) -> usize {
        self.accounts.len()
    }

    /// It ended for it had read enough.
    pub(super) fn is_over(&self) -> bool {
        self.reading.is_over()
    }

    /// Brings in an account as it stands now.
    fn add(&mut self, at: usize, name: &str) -> Result<(), StoreError> {
        let txn = self.reading.txn;
        let mut users = BTreeMap::new();
        for (served, uid) in turns::users(txn, name)? {
            users.insert(uid, served);
            self.turns.insert((served, at, uid));
        }
        self.reading.allow(users.len());
        let mut lines = Lines::new(name);
        let waiting = Waiting::begin(&self.reading, &self.query.agenda, &mut lines)?;
        lines.freed = waiting::running(&self.reading, name)?;
        for target in lines.freed.clone() {
            for uid in users.keys() {
                lines.refresh(&self.reading, *uid, &target)?;
            }
        }
        self.accounts.push(Account {
            lines,
            users,
            waiting,
            urgent: waiting::urgent(&self.reading, name)?,
        });
        Ok(())
    }

    /// The next post, and whose account makes it.
    pub(super) fn next(&mut self) -> Result<Option<(String, Foreseen)>, StoreError> {
        while !self.reading.is_over() {
            for at in 0..self.accounts.len() {
                self.bring_in(at)?;
            }
            let urgent = self.first_urgent()?;
            let found = match &urgent {
                Some((at, job)) if self.floor <= self.now => Some(Turn {
                    at: *at,
                    uid: job.uid,
                    rank: index::rank(job),
                    target: job.target.lower(),
                }),
                _ if self.slot <= self.now => self.whose_turn()?,
                _ => None,
            };
            let Some(turn) = found else {
                let Some(then) = self.next_event(urgent.is_some()) else {
                    return Ok(None);
                };
                self.now = then;
                continue;
            };
            // One that was chosen while reading ended may not be it: what was not read was taken for
            // nothing there.
            let taken = self.take(&turn)?;
            if taken.is_some() && !self.reading.is_over() {
                return Ok(taken);
            }
        }
        Ok(None)
    }

    /// When something changes by itself.
    fn next_event(&self, any_urgent: bool) -> Option<Duration> {
        let floor = any_urgent.then_some(self.floor);
        let waiting = self.accounts.iter().filter_map(|it| it.waiting.next());
        let times = [Some(self.slot), floor].into_iter().flatten();
        times.chain(waiting).filter(|at| *at > self.now).min()
    }

    /// Lets in whose time has come: jobs to their lines, owners to the account.
    fn bring_in(&mut self, at: usize) -> Result<(), StoreError> {
        loop {
            let (reading, now) = (&self.reading, self.now);
            let clock = &self.query.agenda.clock;
            let Some(account) = self.accounts.get_mut(at) else {
                return Ok(());
            };
            if let Some(owner) = account.waiting.take_owner(now) {
                account.lines.let_in(reading, &owner)?;
                for (uid, served) in &account.users {
                    self.turns.insert((*served, at, *uid));
                }
                continue;
            }
            let Some(id) = account.waiting.take_job(reading, clock, now)? else {
                return Ok(());
            };
            let Some(job) = reading.job(id)? else {
                continue;
            };
            self.join(at, &job)?;
        }
    }

    /// A job's time has come: as `agenda` promotes it.
    fn join(&mut self, at: usize, job: &Job) -> Result<(), StoreError> {
        let (clock, now) = (&self.query.agenda.clock, self.now);
        let Some(account) = self.accounts.get_mut(at) else {
            return Ok(());
        };
        if job.state != State::Queued {
            return Ok(());
        }
        let later = job.next_attempt_at;
        let later = later.map(|at| at.since(clock.due_now()));
        let later = later.filter(|left| *left > now);
        if let Some(later) = later {
            account.waiting.again(later, job.id);
        }
        let place = (index::rank(job), Place::of(job, later.is_some()));
        let target = job.target.lower();
        let lines = &mut account.lines;
        lines.join(&self.reading, job.uid, &target, place)?;
        if let Some(number) = job.now.filter(|_| later.is_none()) {
            account.urgent.insert((number, job.id), job.clone());
        }
        if let Some(served) = account.users.get(&job.uid) {
            self.turns.insert((*served, at, job.uid));
        }
        Ok(())
    }

    /// The first job that need not wait for the cooldown and may go otherwise.
    fn first_urgent(&self) -> Result<Option<(usize, Job)>, StoreError> {
        for (at, account) in self.accounts.iter().enumerate() {
            for job in account.urgent.values() {
                let is_barred = account.lines.barred.contains(&owner(job.destination()));
                if !is_barred && !self.is_held(job)? {
                    return Ok(Some((at, job.clone())));
                }
            }
        }
        Ok(None)
    }

    /// Something of where a job goes is not known on one of the accounts.
    fn is_held(&self, job: &Job) -> Result<bool, StoreError> {
        for account in &self.accounts {
            for place in [&job.target, job.destination()] {
                if account.lines.is_held(&self.reading, &place.lower())? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The same, of where it is posted, on any account of the lane: as `claiming` asks.
    fn waits_elsewhere(&self, job: &Job) -> Result<bool, StoreError> {
        let place = job.destination().lower();
        for account in &self.accounts {
            if account.lines.is_held(&self.reading, &place)? {
                return Ok(true);
            }
        }
        for account in &self.idle {
            if self.reading.exists(&keys::unresolved(account, &place))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whose turn it is: as `turns::choose` finds it.
    fn whose_turn(&mut self) -> Result<Option<Turn>, StoreError> {
        while let Some(turn @ (_, at, uid)) = self.turns.first().copied() {
            if let Some(account) = self.accounts.get_mut(at)
                && let Some((rank, target)) = account.lines.first(&self.reading, uid)?
            {
                return Ok(Some(Turn {
                    at,
                    uid,
                    rank,
                    target,
                }));
            }
            // Until something of theirs comes in.
            self.turns.remove(&turn);
        }
        Ok(None)
    }

    /// Posts a job if a claim would: else it leaves its line, or waits in it.
    fn take(&mut self, turn: &Turn) -> Result<Option<(String, Foreseen)>, StoreError> {
        let job = match turn.rank.id() {
            Some(id) => self.reading.job(id)?,
            None => None,
        };
        let job = job.filter(|job| job.state == State::Queued);
        let stays = match &job {
            Some(job) => self.waits_elsewhere(job)?,
            None => false,
        };
        let Some(account) = self.accounts.get_mut(turn.at) else {
            return Ok(None);
        };
        let (uid, target, rank) = (turn.uid, turn.target.as_str(), turn.rank);
        if let Some((number, job)) = job.as_ref().and_then(|job| Some((job.now?, job))) {
            account.urgent.remove(&(number, job.id));
        }
        if let Some(job) = job.as_ref().filter(|_| stays) {
            let place = (rank, Place::of(job, true));
            account.lines.join(&self.reading, uid, target, place)?;
            return Ok(None);
        }
        account.lines.remove(&self.reading, uid, target, rank)?;
        let clock = &self.query.agenda.clock;
        let Some(job) = job.filter(|job| !waiting::is_over(job, clock, self.now)) else {
            return Ok(None);
        };
        // It joined its line while our clock was wrong.
        if let Some(early) = job.not_before.map(|at| at.since(clock.due_now()))
            && early > self.now
        {
            account.waiting.again(early, job.id);
            return Ok(None);
        }
        let name = account.lines.account.clone();
        Ok(Some((name, self.post(job))))
    }

    fn post(&mut self, job: Job) -> Foreseen {
        self.serve(job.uid);
        self.slot = self.now.saturating_add(self.cooldown);
        self.floor = self.now.saturating_add(self.query.floor);
        Foreseen {
            id: job.id,
            uid: job.uid,
            target: job.target,
            left: self.now,
            not_before: job.not_before,
        }
    }

    /// A user had a turn, on every account of the lane.
    fn serve(&mut self, uid: u32) {
        self.served = self.served.saturating_add(1);
        for (at, account) in self.accounts.iter_mut().enumerate() {
            if let Some(served) = account.users.get_mut(&uid) {
                let was_among = self.turns.remove(&(*served, at, uid));
                *served = self.served;
                if was_among {
                    self.turns.insert((*served, at, uid));
                }
            }
        }
    }
}

fn owner(target: &Target) -> String {
    target.owner.as_str().to_ascii_lowercase()
}

/// How much longer the whole lane waits for a trouble.
fn wait_left(lane: &Lane, asked: &AgendaQuery) -> Duration {
    let wait = lane.wait.as_ref();
    wait.filter(|wait| wait.kind != WaitKind::Blocked)
        .map_or(Duration::ZERO, |wait| {
            let span = Duration::from_millis(wait.wait_ms).min(asked.longest_wait);
            asked.clock.remaining(wait.since, span)
        })
}
