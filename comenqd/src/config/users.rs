//! From users' names to their numbers.
//!
//! Decides what counts as a number. The name service is asked here, which may take seconds: whoever
//! loads a configuration while connections are served does so on another thread. Called by the
//! files for accounts and policy.

use std::io;

/// How a name is looked up: [`lookup`], or what a test has in its place.
pub type Lookup = fn(&str) -> io::Result<Option<u32>>;

/// The number that means "no user" to the kernel.
const NO_UID: u32 = u32::MAX;

/// Why a user cannot be told.
#[derive(Debug, thiserror::Error)]
pub(super) enum UserError {
    #[error(
        "there is no user \"{0}\" on this host; correct the name, or write the user's number (id -u \
         tells it)"
    )]
    Unknown(String),
    #[error("an empty name is nobody's; write a user's name or number")]
    Empty,
    #[error("{0} is no user's number; write one from 0 to 4294967294, or a name")]
    Number(String),
    #[error(
        "user \"{name}\" cannot be looked up ({source}); write the user's number (id -u tells it)"
    )]
    Lookup { name: String, source: io::Error },
}

/// Asks the host's name service.
///
/// # Errors
/// Where it cannot answer.
pub fn lookup(name: &str) -> io::Result<Option<u32>> {
    let user = nix::unistd::User::from_name(name).map_err(io::Error::from)?;
    Ok(user.map(|user| user.uid.as_raw()))
}

/// The number of a user that is given by name or number.
pub(super) fn resolve(user: &str, lookup: Lookup) -> Result<u32, UserError> {
    if user.is_empty() {
        return Err(UserError::Empty);
    }
    if user.contains('\0') {
        return Err(UserError::Unknown(user.escape_default().to_string()));
    }
    let digits = user.strip_prefix('-').unwrap_or(user);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let uid = user.parse().ok().filter(|uid| *uid != NO_UID);
        return uid.ok_or_else(|| UserError::Number(user.to_owned()));
    }
    match lookup(user) {
        Ok(Some(uid)) => Ok(uid),
        Ok(None) => Err(UserError::Unknown(user.to_owned())),
        Err(source) => Err(UserError::Lookup {
            name: user.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_knows_root_and_not_everybody() {
        assert_eq!(resolve("root", lookup).unwrap(), 0);
        let error = resolve("no-such-user-here", lookup).unwrap_err();
        assert!(error.to_string().contains("there is no user"), "{error}");
    }

    #[test]
    fn a_number_needs_no_lookup() {
        let fails: Lookup = |_| Err(io::Error::other("no name service"));
        assert_eq!(resolve("1000", fails).unwrap(), 1000);
        for wrong in ["4294967295", "99999999999", "-1"] {
            let error = resolve(wrong, fails).unwrap_err();
            assert!(matches!(error, UserError::Number(_)), "{wrong}: {error}");
        }
        let error = resolve("alice", fails).unwrap_err().to_string();
        assert!(error.contains("no name service"), "{error}");
        assert!(error.contains("write the user's number"), "{error}");
        assert!(matches!(resolve("", fails), Err(UserError::Empty)));
        assert!(matches!(resolve("a\0b", fails), Err(UserError::Unknown(_))));
    }
}
