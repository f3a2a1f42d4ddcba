//! Clients that want the daemon's memory, places, time or patience, against the real daemon. Each
//! attack is a process of another user; beside it an honest client of a third user does what
//! `comenq post` does. Of each attack the daemon's memory and the honest client's wait are printed.
//!
//! Needs root, to be several users. The peers are the program `hostile-peer`, in `peer/`.

#[cfg(test)]
mod arena;
#[cfg(test)]
mod attacks;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod descriptors;
#[cfg(test)]
mod killed;
