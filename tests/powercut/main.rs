//! The durable store while the power goes, and while the disk is full.
//!
//! The failure: a machine loses its power in the middle of anything, so that all
//! that was written but not synced is gone. After it comes back nothing
//! acknowledged may be missing or changed, no number given twice, no comment
//! posted twice, and the store must open without a complaint.
//!
//! The power is that of an ext4 file system in a file: the kernel is told to
//! drop what it has not written (`shutdown.py`), then it is mounted again. The
//! kernel reorders and holds back what a file system may; a drive that forgets
//! its own cache is not played. All this needs root, so these tests are ignored
//! unless asked for: `tests/run powercut`. Each runs in namespaces of its own
//! and leaves nothing behind, however it ends. It prints its seed;
//! `COMENQ_POWERCUT_SEED` repeats the choices, though not the scheduling.

#[cfg(test)]
mod clients;
#[cfg(test)]
mod creation;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod full;
#[cfg(test)]
mod namespace;
#[cfg(test)]
mod posting;
#[cfg(test)]
mod promise;
#[cfg(test)]
mod random;
#[cfg(test)]
mod world;

#[test]
#[ignore = "needs root"]
fn what_was_acknowledged_survives_power_cuts() {
    namespace::run("what_was_acknowledged_survives_power_cuts", cuts::run);
}

#[test]
#[ignore = "needs root"]
fn a_store_may_lose_power_while_it_is_made() {
    namespace::run("a_store_may_lose_power_while_it_is_made", creation::run);
}

#[test]
#[ignore = "needs root"]
fn nothing_is_posted_twice_over_power_cuts() {
    namespace::run("nothing_is_posted_twice_over_power_cuts", posting::run);
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_loses_nothing_and_says_why() {
    namespace::run("a_full_disk_loses_nothing_and_says_why", full::run);
}
