//! The daemon killed with SIGKILL at chosen and at random moments.
//!
//! The failure: a machine loses its daemon in the middle of anything. After the
//! restart nothing acknowledged may be missing, GitHub may hold no comment
//! twice, and none may have come early. Each test takes its moments from
//! another source: `chosen` from the stand-in (it holds the request while the
//! daemon dies), `syscalls` from strace (it kills at the n-th sync), `compaction`
//! likewise while a store is copied, `random`
//! from a seed that it prints (`COMENQ_CRASH_SEED` repeats it).

#[cfg(test)]
mod chosen;
#[cfg(test)]
mod compaction;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod random;
#[cfg(test)]
mod syscalls;
