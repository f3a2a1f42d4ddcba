//! Reads the configuration off the thread that serves.
//!
//! Decides how long that may take, and that there is one reading at a time: one that waits for a
//! disk or a name service cannot be ended, and another beside it would only wait as well. Called by
//! [`super::accounts`].

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long reading may take: it looks up users, perhaps over a network.
const PATIENCE: Duration = Duration::from_secs(20);

const SLOW: &str = "do user names answer (getent passwd), and the disks it is on?";

/// One reading at a time.
#[derive(Debug)]
pub(super) struct Reader<T> {
    running: Option<JoinHandle<Result<T, String>>>,
}

impl<T> Default for Reader<T> {
    fn default() -> Self {
        Self { running: None }
    }
}

impl<T: Send + 'static> Reader<T> {
    /// What `load` comes to; `None` at a stop, when nobody needs it. Dropped half-way it leaves the
    /// reading to itself, and its result to nobody.
    pub(super) async fn read(
        &mut self,
        stop: &CancellationToken,
        load: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Option<Result<T, String>> {
        if self.running.as_ref().is_some_and(|it| !it.is_finished()) {
            return Some(Err(format!("an earlier reading of it still waits; {SLOW}")));
        }
        let reading = self.running.insert(tokio::task::spawn_blocking(load));
        let read = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            read = timeout(PATIENCE, reading) => read,
        };
        Some(match read {
            Ok(read) => {
                self.running = None;
                read.unwrap_or_else(|_| Err("reading it failed".to_owned()))
            }
            Err(_) => Err(format!(
                "reading it takes more than {} s; {SLOW}",
                PATIENCE.as_secs()
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_is_read_is_told() {
        let (mut reader, stop) = (Reader::default(), CancellationToken::new());
        assert_eq!(reader.read(&stop, || Ok(7)).await, Some(Ok(7)));
        let bad = || Err("bad".to_owned());
        assert_eq!(reader.read(&stop, bad).await, Some(Err("bad".to_owned())));
        assert_eq!(reader.read(&stop, || Ok(8)).await, Some(Ok(8)));
    }

    #[tokio::test]
    async fn a_stop_ends_the_wait_and_what_hangs_is_not_joined_by_more() {
        let (mut reader, stop) = (Reader::default(), CancellationToken::new());
        let (release, hangs) = mpsc::channel::<()>();
        let from_within = stop.clone();
        let load = move || {
            from_within.cancel();
            Err(format!("{:?}", hangs.recv()))
        };
        assert_eq!(reader.read(&stop, load).await, None);

        let stop = CancellationToken::new();
        let error = reader.read(&stop, || Ok(2)).await.unwrap().unwrap_err();
        assert!(
            error.contains("an earlier reading of it still waits"),
            "{error}"
        );
        drop(release);
        while reader.running.as_ref().is_some_and(|it| !it.is_finished()) {
            tokio::task::yield_now().await;
        }
        assert_eq!(reader.read(&stop, || Ok(3)).await, Some(Ok(3)));
    }
}
