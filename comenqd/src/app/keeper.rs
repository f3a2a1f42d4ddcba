//! Keeps house: finished jobs go when they are no longer kept.
//!
//! Decides when to look. Does nothing until GitHub's time is known: by a clock that is wrong by
//! years everything would seem old.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::queue::Queue;
use crate::store::Keep;

/// Between two looks; each costs two reads where there is nothing to do.
const EVERY: Duration = Duration::from_secs(10);

/// Prunes until `stop`, and once more then: a daemon that ends whenever it is idle may never live
/// until the first look.
pub(super) async fn keep_house(
    queue: Queue,
    clock: Arc<Clock>,
    mut keep: watch::Receiver<Keep>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
        let limits = *keep.borrow_and_update();
        prune(&queue, &clock, limits, &stop).await;
        if stop.is_cancelled() {
            return;
        }
    }
}

/// Prunes step by step, so that nobody waits long behind it; one step where all is to stop.
async fn prune(queue: &Queue, clock: &Clock, keep: Keep, stop: &CancellationToken) {
    let (mut jobs, mut keys) = (0, 0);
    while let (Ok(store), Some(github)) = (queue.store(), clock.github_now()) {
        // One of the two may be ahead by years; nothing is lost by waiting for the other.
        let now = github.min(clock.wall());
        match store.prune(keep, now).await {
            Ok(pruned) => {
                jobs += pruned.jobs;
                keys += pruned.keys;
                if !pruned.more || stop.is_cancelled() {
                    break;
                }
            }
            Err(error) => {
                tracing::error!("finished jobs cannot be pruned: {error}");
                break;
            }
        }
    }
    if jobs > 0 || keys > 0 {
        tracing::info!("pruned {jobs} finished jobs and {keys} submit keys of older ones");
    }
}
