//! Users of this host: their numbers and names.
//!
//! Decides nothing; the name service is asked by functions that come from outside.
//! Names are those of *this* host: of another host's users only numbers are known.

/// Who we are and how others are called.
#[derive(Debug, Clone, Copy)]
pub struct People {
    /// The user of this process.
    pub uid: u32,
    /// The number of a user by name, asked only where a stranger's socket is met.
    pub lookup_user: fn(&str) -> Option<u32>,
    /// The name of a user by number, asked only for jobs of others.
    pub user_name: fn(u32) -> Option<String>,
}

impl People {
    /// `alice`, or `uid 1000` where no name is known.
    pub(crate) fn name(&self, uid: u32, is_here: bool) -> String {
        let name = is_here.then(|| (self.user_name)(uid)).flatten();
        name.unwrap_or_else(|| format!("uid {uid}"))
    }
}
