//! Shares of the memory that frames and replies may take.
//!
//! Decides that large ones wait for each other: those of one user for a part of the budget, those
//! of all users for all of it. So no user can fill it alone. Root has as much as a user beside it:
//! whoever fills it cannot keep root from looking. Used by [`super::stream`] for what
//! arrives and by [`super::connection`] for what leaves; must not know what the bytes mean.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use comenq_proto::{MAX_FRAME, USER_BUDGET_PARTS};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::users::ROOT;

/// A budget of bytes that all connections share.
#[derive(Debug)]
pub(super) struct Budget {
    common: Arc<Semaphore>,
    user_part: usize,
    /// Kept by the connections of each user; here only found again.
    parts: Mutex<HashMap<u32, Weak<Semaphore>>>,
}

/// The budget as one connection sees it.
#[derive(Debug, Clone)]
pub(super) struct OwnBudget {
    own: Arc<Semaphore>,
    /// None for root.
    common: Option<Arc<Semaphore>>,
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    _own: OwnedSemaphorePermit,
    _common: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A budget of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            common: Arc::new(Semaphore::new(bytes)),
            // The largest frame must fit, or it could never be received.
            user_part: (bytes / USER_BUDGET_PARTS).max(MAX_FRAME).min(bytes),
            parts: Mutex::default(),
        }
    }

    /// What a connection of this user may use.
    pub(super) fn of(&self, uid: u32) -> OwnBudget {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parts.get(&uid).and_then(Weak::upgrade);
        let own = known.unwrap_or_else(|| {
            // As many are left as users are connected.
            parts.retain(|_, part| part.strong_count() > 0);
            let own = Arc::new(Semaphore::new(self.user_part));
            parts.insert(uid, Arc::downgrade(&own));
            own
        });
        let common = (uid != ROOT).then(|| Arc::clone(&self.common));
        OwnBudget { own, common }
    }
}

impl OwnBudget {
    /// A share, as soon as there is one; `None` for what can never fit. Cancel-safe, but for the
    /// place in the line.
    pub(super) async fn take(&self, bytes: usize) -> Option<Share> {
        let bytes = u32::try_from(bytes).ok()?;
        // First the own: who waits for that keeps nothing from others.
        let own = Arc::clone(&self.own).acquire_many_owned(bytes).await.ok()?;
        let common = match &self.common {
            Some(common) => Some(Arc::clone(common).acquire_many_owned(bytes).await.ok()?),
            None => None,
        };
        Some(Share {
            _own: own,
            _common: common,
        })
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.own.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const PART: usize = 2 * MAX_FRAME;

    fn poll<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn one_user_fills_only_a_part() {
        let budget = Budget::new(USER_BUDGET_PARTS * PART);
        let (ann, ben) = (budget.of(1), budget.of(2));
        let first = poll(ann.take(PART)).flatten().unwrap();
        assert!(poll(budget.of(1).take(1)).is_none(), "on any connection");
        assert!(poll(ben.take(PART)).flatten().is_some());
        drop(first);
        assert!(poll(ann.take(PART)).flatten().is_some());
    }

    #[test]
    fn all_users_together_fill_no_more_than_all() {
        let budget = Budget::new(USER_BUDGET_PARTS * PART);
        let users: Vec<_> = (1..6).map(|uid| budget.of(uid)).collect();
        let taken: Vec<_> = users
            .iter()
            .filter_map(|user| poll(user.take(PART)).flatten())
            .collect();
        assert_eq!(taken.len(), USER_BUDGET_PARTS);
    }

    #[test]
    fn root_has_a_part_beside_it() {
        let budget = Budget::new(USER_BUDGET_PARTS * PART);
        let users: Vec<_> = (1..5).map(|uid| budget.of(uid)).collect();
        let taken: Vec<_> = users
            .iter()
            .filter_map(|user| poll(user.take(PART)).flatten())
            .collect();
        assert_eq!(taken.len(), USER_BUDGET_PARTS);
        let root = poll(budget.of(ROOT).take(PART)).flatten();
        assert!(root.is_some());
        assert!(poll(budget.of(ROOT).take(1)).is_none(), "and no more");
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let budget = Budget::new(USER_BUDGET_PARTS * PART);
        let here = budget.of(1);
        for uid in 2..100 {
            drop(budget.of(uid));
        }
        let known = budget.parts.lock().unwrap().len();
        assert!(known <= 2, "{known}");
        drop(here);
    }
}
