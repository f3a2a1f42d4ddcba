//! What the tests of the real binaries share: the GitHub stand-in, the daemon
//! and the client as processes, raw protocol connections, and the one way to
//! wait for something.

pub mod activation;
pub mod cli;
pub mod connection;
pub mod daemon;
pub mod github;
mod group;
pub mod needs;
pub mod pages;
pub mod programs;
pub mod pty;
pub mod script;
pub mod setup;
pub mod sshd;
pub mod wait;
