//! Where the log goes and how much of it.
//!
//! Decides between journald with real fields and a readable stderr, and whose word on the level
//! counts. Set up once, by `main`; the level follows each reload of the configuration. Knows
//! nothing of what is logged; the rule that no token and no body ever is lies with the types.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LogLevel;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// `RUST_LOG` cannot be read.
    #[error("RUST_LOG = {value:?} is not a filter: {source}; write it like comenqd=debug")]
    Filter {
        /// What it says.
        value: String,
        /// What is wrong.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody was here before.
    #[error("the log was already set up: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
    /// The level of a log that is no more.
    #[error("the log's level cannot be changed: {0}; restart comenqd")]
    Level(#[from] reload::Error),
}

/// The log while it runs: its level can be changed.
#[derive(Debug, Clone)]
pub struct LogHandle {
    filter: reload::Handle<Targets, Registry>,
    /// `RUST_LOG`, if it says something: then the configuration has no say.
    rust_log: Option<String>,
}

impl LogHandle {
    /// Logs at `level` from now on, unless `RUST_LOG` says otherwise.
    ///
    /// # Errors
    /// Where the log is gone, which it is only while the process ends.
    pub fn set_level(&self, level: LogLevel) -> Result<(), LoggingError> {
        let new = filter(level, self.rust_log.as_deref())?;
        Ok(self.filter.reload(new)?)
    }
}

/// Starts the log. `rust_log` and `journal_stream` are the environment's `RUST_LOG` and
/// `JOURNAL_STREAM`; the former beats `level`.
///
/// # Errors
/// Where `RUST_LOG` is not a filter, or the log was started before.
pub fn init(
    level: LogLevel,
    rust_log: Option<&str>,
    journal_stream: Option<&str>,
) -> Result<LogHandle, LoggingError> {
    let (filter, handle) = reload::Layer::new(filter(level, rust_log)?);
    let registry = tracing_subscriber::registry().with(filter);
    let journal = goes_to_journal(journal_stream, stderr_identity())
        .then(tracing_journald::layer)
        .and_then(Result::ok);
    if let Some(journal) = journal {
        let journal = journal
            .with_field_prefix(None)
            .with_priority_mappings(PRIORITIES);
        registry.with(journal).try_init()?;
    } else {
        let stderr = io::stderr();
        let ansi = stderr.is_terminal();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(ansi);
        registry.with(layer).try_init()?;
    }
    Ok(LogHandle {
        filter: handle,
        rust_log: rust_log.map(str::to_owned),
    })
}

/// The layer's own choice maps info to notice and debug to info; here each means what it says.
const PRIORITIES: PriorityMappings = PriorityMappings {
    error: Priority::Error,
    warn: Priority::Warning,
    info: Priority::Informational,
    debug: Priority::Debug,
    trace: Priority::Debug,
};

fn filter(level: LogLevel, rust_log: Option<&str>) -> Result<Targets, LoggingError> {
    let own = directives(level);
    let value = rust_log.filter(|it| !it.is_empty()).unwrap_or(&own);
    value.parse().map_err(|source| LoggingError::Filter {
        value: value.to_owned(),
        source,
    })
}

/// Our own lines at `level`; those of the libraries at most at warn, as they neither know our
/// fields nor what must stay secret.
fn directives(level: LogLevel) -> String {
    let others = match level {
        LogLevel::Error => level,
        _ => LogLevel::Warn,
    };
    format!("{},comenqd={}", others.as_str(), level.as_str())
}

/// Whether stderr is the journal's stream: systemd names it as `device:inode`, and what was
/// redirected since is another file.
fn goes_to_journal(journal_stream: Option<&str>, stderr: Option<(u64, u64)>) -> bool {
    let named = journal_stream
        .and_then(|it| it.split_once(':'))
        .and_then(|(device, inode)| Some((device.parse().ok()?, inode.parse().ok()?)));
    named.is_some() && named == stderr
}

fn stderr_identity() -> Option<(u64, u64)> {
    let stderr = io::stderr().as_fd().try_clone_to_owned().ok()?;
    let metadata = File::from(stderr).metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_stream_that_systemd_named_is_the_journal() {
        assert!(goes_to_journal(Some("8:1234"), Some((8, 1234))));
        assert!(!goes_to_journal(Some("8:1234"), Some((8, 99))));
        assert!(!goes_to_journal(None, Some((8, 1234))));
        assert!(!goes_to_journal(Some("nonsense"), None));
    }

    #[test]
    fn rust_log_beats_the_configured_level() {
        let shown = |rust_log| filter(LogLevel::Info, rust_log).unwrap().to_string();
        assert!(shown(None).contains("comenqd=info"));
        assert!(shown(Some("")).contains("comenqd=info"));
        assert_eq!(shown(Some("comenqd=trace")), "comenqd=trace");
        assert!(filter(LogLevel::Info, Some("a=b=c")).is_err());
    }

    #[test]
    fn the_level_of_a_running_log_can_be_changed() {
        for (rust_log, expected) in [(None, true), (Some("comenqd=error"), false)] {
            let (layer, handle) = reload::Layer::new(filter(LogLevel::Info, rust_log).unwrap());
            let log = LogHandle {
                filter: handle,
                rust_log: rust_log.map(str::to_owned),
            };
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                let enabled = || tracing::enabled!(target: "comenqd", tracing::Level::DEBUG);
                assert!(!enabled());
                log.set_level(LogLevel::Debug).unwrap();
                assert_eq!(enabled(), expected, "{rust_log:?}");
                log.set_level(LogLevel::Warn).unwrap();
                assert!(!enabled());
            });
        }
    }

    #[test]
    fn the_level_of_a_log_that_is_gone_is_an_error() {
        let (layer, handle) = reload::Layer::new(filter(LogLevel::Info, None).unwrap());
        drop(layer);
        let log = LogHandle {
            filter: handle,
            rust_log: None,
        };
        let error = log.set_level(LogLevel::Debug).unwrap_err();
        assert!(error.to_string().contains("cannot be changed"), "{error}");
    }

    #[test]
    fn libraries_stay_quiet_at_any_level() {
        assert_eq!(directives(LogLevel::Trace), "warn,comenqd=trace");
        assert_eq!(directives(LogLevel::Error), "error,comenqd=error");
    }
}
