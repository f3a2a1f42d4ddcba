//! Who may administer the daemon, and who may only look.
//!
//! Decides nothing: it is what the configuration says. Read by `service`, which makes a role of it
//! with what the kernel and the name service say of a peer.

/// Who may do what on the socket. The default: root administers, whoever can connect may post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Access {
    /// The group whose members are admins, as root and the daemon's own user are.
    pub admin_group: Option<u32>,
    /// With `public_status` its members alone may post. `None`: not needed, and not asked for.
    pub operator_group: Option<u32>,
    /// Everybody may connect and look; else whoever the kernel lets connect may post.
    pub public_status: bool,
    /// Admins may skip the cooldown and remove jobs.
    pub allow_dangerous: bool,
}
