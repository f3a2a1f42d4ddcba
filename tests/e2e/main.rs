//! End to end with the real binaries: `comenq` and `comenqd` as processes, the
//! GitHub stand-in on loopback. One file per theme; each test has a stand-in,
//! a daemon and a directory of its own, so they all run at once
//! (`RUST_TEST_THREADS=16`: they wait more than they work).
//!
//! What is asserted is what a user or GitHub can see: exit codes, texts, the
//! exact number of comments, and the spacing of requests.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod activation;
#[cfg(test)]
mod apps;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod badconfig;
#[cfg(test)]
mod barred;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod blocked;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod checkout;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod dangerous;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod documentation;
#[cfg(test)]
mod editing;
#[cfg(test)]
mod events;
#[cfg(test)]
mod exits;
#[cfg(test)]
mod fair;
#[cfg(test)]
mod far;
#[cfg(test)]
mod far_trouble;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod foresight;
#[cfg(test)]
mod halts;
#[cfg(test)]
mod health;
#[cfg(test)]
mod history;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod input;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod look;
#[cfg(test)]
mod marker;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod quota;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod screen;
#[cfg(test)]
mod shells;
#[cfg(test)]
mod small_disk;
#[cfg(test)]
mod start;
#[cfg(test)]
mod store;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tiers;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod unreachable;
#[cfg(test)]
mod users;
#[cfg(test)]
mod verbs;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod when;
#[cfg(test)]
mod world;
