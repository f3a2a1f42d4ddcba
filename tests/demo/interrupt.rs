//! Ctrl-C, and a plain `kill`: the demo then ends like any other failure, so
//! that no daemon and no directory is left behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, thread};

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

static SEEN: AtomicBool = AtomicBool::new(false);

/// Takes both signals from here on.
pub(crate) fn take() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let context = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    drop(context);
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        SEEN.store(true, Ordering::SeqCst);
    });
    Ok(())
}

/// Whether one of them came.
pub(crate) fn came() -> bool {
    SEEN.load(Ordering::SeqCst)
}
