//! Ends the daemon when there is nothing to do for it.
//!
//! Decides when that is: for so long nobody is connected, and before and after nothing is queued,
//! being posted or uncertain. Only where systemd holds the socket, for it starts the daemon again for
//! the next client, and for one that comes during the end. Done by asking the accept loop, which
//! alone knows whether somebody waits.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::queue::Queue;
use crate::server::presence::Leave;

/// How often a queue that is not at rest is looked at again, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Ends the daemon by `stop` when it was idle for `span`, which may change; until then, until
/// somebody else does. Without `leave` nobody would start it again.
pub(super) async fn watch(
    queue: Queue,
    leave: Option<Leave>,
    mut span: watch::Receiver<Option<Duration>>,
    stop: CancellationToken,
) {
    let Some(mut leave) = leave else {
        warn_while_useless(span, stop).await;
        return;
    };
    loop {
        let idle = *span.borrow_and_update();
        tokio::select! {
            // First, to have its say before the end that it brings about.
            biased;
            () = end_if_idle(&queue, &mut leave, idle) => {}
            () = stop.cancelled() => return,
            Ok(()) = span.changed() => {}
        }
    }
}

/// Returns when it is worth another try.
async fn end_if_idle(queue: &Queue, leave: &mut Leave, idle: Option<Duration>) {
    let Some(idle) = idle else {
        return std::future::pending().await;
    };
    let since = leave.quiet().await;
    if !is_at_rest(queue).await {
        return tokio::time::sleep(idle.min(LOOK_AGAIN)).await;
    }
    if leave.lasts(since, idle).await && is_at_rest(queue).await && leave.leave(since).await {
        tracing::info!(
            "nothing to do and nobody connected for {} s; ending, the next client starts comenqd \
             again",
            idle.as_secs()
        );
    }
}

/// A queue that cannot be read is none at rest: somebody has to hear of it.
async fn is_at_rest(queue: &Queue) -> bool {
    queue.is_at_rest().await.unwrap_or(false)
}

async fn warn_while_useless(mut span: watch::Receiver<Option<Duration>>, stop: CancellationToken) {
    loop {
        if span.borrow_and_update().is_some() {
            tracing::warn!(
                "idle_exit_seconds has no effect: systemd did not pass the socket, so nobody would \
                 start comenqd again"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            Ok(()) = span.changed() => {}
        }
    }
}
