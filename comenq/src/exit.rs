//! Exit codes: the contract with scripts.
//!
//! Decides the numbers and nothing else; they are printed by `--help`. Which
//! error ends in which code is said where the error becomes a
//! [`Failure`](crate::failure::Failure).

/// How a run ended. The numbers never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done as asked.
    Done,
    /// Unexpected, or trouble of the daemon.
    Trouble,
    /// Bad usage or input; repeating the same cannot help.
    Usage,
    /// The daemon cannot be reached, or did not answer in time.
    Unreachable,
    /// This user may not do that.
    Refused,
    /// No such job, or its state forbids it.
    JobState,
    /// A job that was waited for will not be posted.
    NotPosted,
    /// The wait for a job took too long.
    TimedOut,
    /// Client and daemon speak no common protocol version, or the daemon lacks an ability.
    Incompatible,
    /// Ctrl-C ended a wait.
    Interrupted,
    /// A code that the daemon's error asks for and this build has no name for.
    Other(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Trouble => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
            Self::JobState => 5,
            Self::NotPosted => 6,
            Self::TimedOut => 7,
            Self::Incompatible => 8,
            // What shells report of a program that an interrupt ended.
            Self::Interrupted => 130,
            Self::Other(code) => code,
        }
    }

    /// The meaning of a number.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::Trouble,
            2 => Self::Usage,
            3 => Self::Unreachable,
            4 => Self::Refused,
            5 => Self::JobState,
            6 => Self::NotPosted,
            7 => Self::TimedOut,
            8 => Self::Incompatible,
            130 => Self::Interrupted,
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use comenq_proto::ErrorCode;

    use super::*;

    #[test]
    fn every_number_keeps_its_meaning() {
        for code in 0..=255 {
            assert_eq!(Exit::from_code(code).code(), code);
        }
    }

    #[test]
    fn errors_of_the_daemon_end_in_the_documented_codes() {
        let exit = |code: ErrorCode| Exit::from_code(code.exit_code());
        assert_eq!(exit(ErrorCode::IncompatibleProtocol), Exit::Incompatible);
        assert_eq!(exit(ErrorCode::InvalidTarget), Exit::Usage);
        assert_eq!(exit(ErrorCode::NotAllowed), Exit::Refused);
        assert_eq!(exit(ErrorCode::NoSuchJob), Exit::JobState);
        assert_eq!(exit(ErrorCode::StoreUnavailable), Exit::Trouble);
    }
}
