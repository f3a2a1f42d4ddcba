//! The daemon of another host: named by a user, reached through `ssh`.
//!
//! Decides which texts name a host, that none of them can be taken for an option of
//! ssh, and what its end means. The far side runs `comenq dial-stdio`, which checks
//! who listens there as for any client. A user's own ssh configuration holds: keys,
//! jump hosts, shared connections.

use std::{
    ffi::OsStr,
    fmt, io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Command, Stdio},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

/// What runs there.
const FAR_COMMAND: [&str; 2] = ["comenq", "dial-stdio"];

/// How long a broken tunnel is given to say why it ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a text names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} names no host to ask over ssh: {reason}; write [USER@]HOST or ssh://[USER@]HOST[:PORT]"
)]
pub(crate) struct HostError {
    given: String,
    reason: &'static str,
}

/// `[USER@]HOST`, and perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    user: Option<String>,
    name: String,
    port: Option<u16>,
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let wrong = |reason| HostError {
            given: text.chars().take(80).collect(),
            reason,
        };
        let (rest, is_url) = match text.split_once("://") {
            Some(("ssh", rest)) => (rest.strip_suffix('/').unwrap_or(rest), true),
            Some(_) => return Err(wrong("only ssh is spoken")),
            None => (text, false),
        };
        if rest.contains('/') {
            return Err(wrong("it has a path; the far side knows its own socket"));
        }
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) if is_url && !port.ends_with(']') => {
                let number = port.parse::<u16>().ok().filter(|it| *it > 0);
                (
                    name,
                    Some(number.ok_or_else(|| wrong("its port is no number from 1 to 65535"))?),
                )
            }
            _ => (rest, None),
        };
        let name = name
            .strip_prefix('[')
            .and_then(|it| it.strip_suffix(']'))
            .unwrap_or(name);
        for part in user.into_iter().chain([name]) {
            if part.is_empty() {
                return Err(wrong("a part of it is empty"));
            }
            // ssh would take it for an option, and some of those run commands.
            if part.starts_with('-') {
                return Err(wrong("no user or host begins with a hyphen"));
            }
            // Nor may a shell that somebody's ssh configuration starts make more of it.
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:%+@-".contains(c);
            if !part.chars().all(is_plain) {
                return Err(wrong("it has characters that no host name has"));
            }
        }
        Ok(Self {
            user: user.map(ToOwned::to_owned),
            name: name.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.name)
    }
}

impl Host {
    /// Starts `program` (ssh) towards the daemon there. What it says goes to our
    /// standard error, unless it is to say and ask nothing.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn dial(&self, program: &OsStr, is_quiet: bool) -> io::Result<(UnixStream, Tunnel)> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut ssh = Command::new(program);
        if is_quiet {
            ssh.args(["-o", "BatchMode=yes"]).stderr(Stdio::null());
        }
        let child = ssh
            .args(self.arguments())
            .stdin(OwnedFd::from(theirs.try_clone()?))
            .stdout(OwnedFd::from(theirs))
            .spawn()?;
        Ok((ours, Tunnel { child }))
    }

    /// What a person types behind `ssh` to get there.
    pub(crate) fn by_hand(&self) -> String {
        let port = self.port.map(|port| format!("-p {port} "));
        format!("{}{self}", port.unwrap_or_default())
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["-T".to_owned()];
        if let Some(port) = self.port {
            arguments.extend(["-p".to_owned(), port.to_string()]);
        }
        if let Some(user) = &self.user {
            arguments.extend(["-l".to_owned(), user.clone()]);
        }
        arguments.extend(["--".to_owned(), self.name.clone()]);
        arguments.extend(FAR_COMMAND.map(ToOwned::to_owned));
        arguments
    }
}

/// A running ssh; ends with its connection.
#[derive(Debug)]
pub(crate) struct Tunnel {
    child: Child,
}

impl Tunnel {
    /// How it ended, if it did; one that has closed its output is about to.
    pub(crate) fn end(&mut self) -> Option<TunnelEnd> {
        let until = Instant::now() + LAST_WORDS;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(TunnelEnd::of(status.code())),
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(5)),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // Whatever it had to carry has arrived, or nobody waits for it any more.
        let _ended_already = self.child.kill();
        let _never_fails_for_a_child = self.child.wait();
    }
}

/// What ssh's exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TunnelEnd {
    /// It did not get there.
    #[error("ssh could not connect")]
    Ssh,
    /// There is no `comenq`.
    #[error("there is no comenq")]
    NoClient,
    /// The `comenq` there does not know what it was asked.
    #[error("the comenq there refused to start")]
    OldClient,
    /// The `comenq` there refuses its daemon.
    #[error("the socket there is a stranger's")]
    Untrusted,
    /// The `comenq` there does not reach its daemon.
    #[error("its daemon cannot be reached")]
    NoDaemon,
}

impl TunnelEnd {
    const fn of(code: Option<i32>) -> Self {
        match code {
            Some(126 | 127) => Self::NoClient,
            Some(2) => Self::OldClient,
            Some(4) => Self::Untrusted,
            Some(255) | None => Self::Ssh,
            Some(_) => Self::NoDaemon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> String {
        text.parse::<Host>().unwrap().arguments().join(" ")
    }

    #[test]
    fn a_host_becomes_arguments_that_no_option_can_hide_in() {
        for (text, expected) in [
            ("mybox", "-T -- mybox comenq dial-stdio"),
            ("ann@mybox", "-T -l ann -- mybox comenq dial-stdio"),
            ("ssh://mybox/", "-T -- mybox comenq dial-stdio"),
            (
                "ssh://ann@mybox:2222",
                "-T -p 2222 -l ann -- mybox comenq dial-stdio",
            ),
            ("ssh://[::1]:22", "-T -p 22 -- ::1 comenq dial-stdio"),
            ("a@b@mybox", "-T -l a@b -- mybox comenq dial-stdio"),
        ] {
            assert_eq!(arguments(text), expected, "{text}");
        }
    }

    #[test]
    fn what_ssh_would_misread_is_refused() {
        for (text, why) in [
            ("-oProxyCommand=x", "hyphen"),
            ("ssh://-oProxyCommand=x", "hyphen"),
            ("ssh://-oProxyCommand=x@mybox", "hyphen"),
            ("ann@-mybox", "hyphen"),
            ("ssh://[-v]", "hyphen"),
            ("", "empty"),
            ("ssh://", "empty"),
            ("@mybox", "empty"),
            ("ssh://mybox:", "port"),
            ("ssh://mybox:0", "port"),
            ("ssh://mybox:x", "port"),
            ("ssh://mybox/run/x.sock", "path"),
            ("tcp://mybox", "only ssh"),
            ("my box", "characters"),
            ("a;id>x@h", "characters"),
            ("h$(id)", "characters"),
            ("my\nbox", "characters"),
        ] {
            let error = text.parse::<Host>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_end_of_a_tunnel_says_where_it_failed() {
        let ended = |script: &str| {
            let child = Command::new("sh").args(["-c", script]).spawn().unwrap();
            Tunnel { child }.end()
        };
        assert_eq!(ended("exit 255"), Some(TunnelEnd::Ssh));
        assert_eq!(ended("exit 127"), Some(TunnelEnd::NoClient));
        assert_eq!(ended("exit 4"), Some(TunnelEnd::Untrusted));
        assert_eq!(ended("exit 3"), Some(TunnelEnd::NoDaemon));
        assert_eq!(ended("kill -9 $$"), Some(TunnelEnd::Ssh));
    }
}
