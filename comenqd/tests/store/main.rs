//! The store as its callers see it, with files that somebody else has had in hand: of an older
//! format, grown large, damaged, exported and imported.

#[cfg(test)]
mod checking;
#[cfg(test)]
mod compaction;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transfer;
