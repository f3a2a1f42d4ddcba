//! What the worker does about a trouble of its account.
//!
//! Decides nothing: `retry` says how long, the store keeps it. Whatever comes after a trouble
//! begins with a probe.

use crate::catalogue;
use crate::github::{GitHub, Trouble, TroubleKind};
use crate::queue::{Phase, QueueError};
use crate::retry::{self, LaneWait, OwnerBar};
use crate::store::{Agenda, OwnerWait, Paused, Wait, WaitKind};

use super::Worker;

impl<G: GitHub> Worker<G> {
    /// Makes the lane wait for a trouble that no attempt met, or blocks the account.
    pub(super) async fn wait_for(
        &mut self,
        agenda: &Agenda,
        trouble: &Trouble,
    ) -> Result<(), QueueError> {
        let strikes = agenda.lane.strikes_of(kind_of(trouble.kind));
        let seed = self.dice.u64(..);
        let wait = retry::lane_wait(trouble, strikes, seed, &self.settings.policy);
        self.announce(&wait);
        let (lane, wait) = (self.lane_key(agenda), self.wait(wait));
        let account = self.settings.account.clone();
        self.queue.store()?.set_wait(account, lane, wait).await
    }

    /// A wait as it is stored.
    pub(super) fn wait(&mut self, wait: LaneWait) -> Wait {
        self.identity = None;
        Wait {
            kind: kind_of(wait.kind),
            reason: wait.reason,
            since: self.clock.mark(),
            wait_ms: u64::try_from(wait.wait.as_millis()).unwrap_or(u64::MAX),
            token_tag: self.settings.pace.token_tag,
        }
    }

    /// An owner's wait as it is stored. The account itself is well.
    pub(super) fn bar(&self, bar: OwnerBar, strikes: u32) -> OwnerWait {
        OwnerWait {
            reason: bar.reason,
            url: bar.url,
            since: self.clock.mark(),
            wait_ms: u64::try_from(bar.wait.as_millis()).unwrap_or(u64::MAX),
            strikes: strikes.saturating_add(1),
        }
    }

    /// A turn of the wait's story. That the account is in trouble, and what to do, is warned of when
    /// that begins, with everything else that makes the daemon degraded.
    pub(super) fn announce(&self, wait: &LaneWait) {
        let account = self.settings.account.as_str();
        let reason = &wait.reason;
        let seconds = wait.wait.as_secs();
        let what = match wait.kind {
            TroubleKind::Blocked => "is blocked".to_owned(),
            TroubleKind::Limited => format!("is limited by GitHub, waiting {seconds} s"),
            TroubleKind::Offline => format!("cannot reach GitHub, waiting {seconds} s"),
            TroubleKind::Denied => format!("is denied by GitHub, waiting {seconds} s"),
        };
        tracing::info!(account, "account {account} {what}: {reason}");
    }

    pub(super) fn announce_bar(&self, owner: &str, bar: &OwnerBar) {
        let account = self.settings.account.as_str();
        tracing::warn!(
            message_id = catalogue::OWNER_BARS,
            account,
            "account {account} is barred by {owner}, whose jobs wait {} s: {}",
            bar.wait.as_secs(),
            bar.reason
        );
    }

    pub(super) fn leave_wait(&self) {
        if matches!(
            self.report.phase,
            Phase::Limited | Phase::Blocked | Phase::Offline
        ) {
            tracing::info!(
                account = self.settings.account,
                "account {} tries again",
                self.settings.account
            );
        }
    }
}

pub(super) fn kind_of(kind: TroubleKind) -> WaitKind {
    match kind {
        TroubleKind::Limited => WaitKind::Limited,
        TroubleKind::Blocked => WaitKind::Blocked,
        TroubleKind::Offline => WaitKind::Offline,
        TroubleKind::Denied => WaitKind::Denied,
    }
}

pub(super) fn phase_of(kind: WaitKind) -> Phase {
    match kind {
        WaitKind::Limited | WaitKind::Denied => Phase::Limited,
        WaitKind::Blocked => Phase::Blocked,
        WaitKind::Offline => Phase::Offline,
    }
}

/// A pause in words, with the command that ends it.
pub(super) fn paused(paused: &Paused, account: &str) -> String {
    let uid = paused.halt.uid;
    let why = paused.halt.reason.as_deref();
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    if paused.is_of_queue {
        format!("uid {uid} paused the queue{why}; `comenq resume` ends it")
    } else {
        format!("uid {uid} paused it{why}; `comenq resume {account}` ends it")
    }
}
