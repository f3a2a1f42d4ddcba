//! Whether a process group has ended: what a harness must know that kills a
//! program together with the one it was started through.

use std::fs;
use std::path::Path;

use nix::unistd::Pid;

/// Whether a thread of the group still runs. The dead whom nobody has waited
/// for do not count; threads that outlive their process's first one do, for
/// until they end its files stay open.
pub(crate) fn is_alive(group: Pid) -> bool {
    entries("/proc".as_ref()).any(|process| {
        member(&process) == Some(group.as_raw())
            && entries(&process.join("task")).any(|thread| !is_dead(&thread))
    })
}

fn entries(directory: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| entry.path())
}

/// What follows the name, which may hold anything: state, parent, group.
fn fields(process: &Path) -> Option<Vec<String>> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn member(process: &Path) -> Option<i32> {
    fields(process)?.get(2)?.parse().ok()
}

fn is_dead(thread: &Path) -> bool {
    let state = fields(thread).and_then(|fields| fields.first().cloned());
    state.is_none_or(|state| state == "Z" || state == "X")
}
