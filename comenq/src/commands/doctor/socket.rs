//! The units and the socket of this host, before anything is said.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::{Gid, Group, User, getegid, geteuid, getgroups};

use super::{Finding, Verdict};
use crate::{
    address::{Address, SYSTEM_SOCKET, answers, units_of},
    commands::Context,
    units::Units,
};

/// The packaged units.
const UNITS: [&str; 2] = ["comenq.socket", "comenqd.service"];

/// What there is to see of where the daemon should be; of another host, nothing.
pub(super) fn look(context: &Context<'_>) -> Vec<Finding> {
    let sockets: Vec<PathBuf> = match context.client.address() {
        Address::Far { host, .. } => {
            return vec![Finding::good("host", format!("{host}, over ssh"))];
        }
        Address::Sockets(sockets) => sockets.clone(),
    };
    // The last is the one that is spoken of where none answers.
    let Some((last, before)) = sockets.split_last() else {
        return Vec::new();
    };
    let used = before
        .iter()
        .find(|path| answers(path).is_ok())
        .unwrap_or(last);
    let mut findings = Vec::new();
    let found = socket(used);
    let is_answered = found.verdict == Verdict::Good;
    // Of one that was named there are none that could be asked.
    if sockets.len() > 1 || used == Path::new(SYSTEM_SOCKET) {
        findings.extend(states(units_of(used), is_answered));
    }
    findings.push(found);
    findings
}

/// How systemd finds the units; nothing where it cannot be asked.
fn states(units: Units, is_answered: bool) -> Vec<Finding> {
    let state = |unit: &str| {
        let command = units.look("is-active");
        let mut words = command.split(' ');
        let asked = Command::new(words.next()?)
            .args(words)
            .arg(unit)
            .output()
            .ok()?;
        let state = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        (!state.is_empty()).then_some(state)
    };
    let [socket, service] = UNITS;
    let mut findings = Vec::new();
    match state(socket).as_deref() {
        None => {}
        Some("active") => findings.push(Finding::good("units", format!("{socket} is active"))),
        Some("failed") => findings.push(Finding::bad(
            "units",
            format!("{socket} has failed"),
            format!(
                "{}; {}",
                units.systemctl(&format!("status {socket}")),
                units.systemctl(&format!("restart {socket}"))
            ),
        )),
        Some(state) => {
            let what = format!("{socket} is {state}");
            let mend = units.systemctl(&format!("enable --now {socket}"));
            // Somebody else may have started a daemon by hand.
            findings.push(if is_answered {
                Finding::warning("units", what, mend)
            } else {
                Finding::bad("units", what, mend)
            });
        }
    }
    if state(service).as_deref() == Some("failed") {
        findings.push(Finding::bad(
            "units",
            format!("{service} has failed"),
            format!(
                "{}; {}",
                units.journalctl(&format!("-u {service} -n 20")),
                units.systemctl(&format!("restart {service}"))
            ),
        ));
    }
    findings
}

fn socket(path: &Path) -> Finding {
    let shown = path.display();
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let units = units_of(path);
            let mend = if units == Units::User || path == Path::new(SYSTEM_SOCKET) {
                units.systemctl("enable --now comenq.socket")
            } else {
                "name the daemon's socket with --socket or COMENQ_SOCKET".to_owned()
            };
            return Finding::bad("socket", format!("{shown} does not exist"), mend);
        }
        Err(error) => {
            return Finding::bad(
                "socket",
                format!("{shown} cannot be looked at: {error}"),
                membership(None),
            );
        }
    };
    if !found.file_type().is_socket() {
        let what = format!("{shown} is no socket");
        return Finding::bad(
            "socket",
            what,
            "name the daemon's socket with --socket or COMENQ_SOCKET",
        );
    }
    match answers(path) {
        Ok(()) => Finding::good("socket", format!("{shown} can be used")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let group = Gid::from_raw(found.gid());
            Finding::bad(
                "socket",
                format!("{shown} may not be used"),
                membership(Some(group)),
            )
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Finding::bad(
            "socket",
            format!("{shown}: nobody listens"),
            units_of(path).systemctl("restart comenq.socket"),
        ),
        Err(error) => Finding::bad(
            "socket",
            format!("{shown}: {error}"),
            units_of(path).look("status comenq.socket comenqd"),
        ),
    }
}

/// How to get into the socket's group: join it, or only log in anew.
fn membership(group: Option<Gid>) -> String {
    let name = group
        .and_then(|group| Group::from_gid(group).ok().flatten())
        .map_or_else(|| "comenq".to_owned(), |group| group.name);
    let user = User::from_uid(geteuid())
        .ok()
        .flatten()
        .map(|user| user.name);
    let listed = Group::from_name(&name).ok().flatten();
    let is_listed = user.as_ref().is_some_and(|user| {
        listed
            .as_ref()
            .is_some_and(|group| group.mem.contains(user))
    });
    let mine = getgroups().unwrap_or_default();
    let is_held = listed.is_some_and(|group| group.gid == getegid() || mine.contains(&group.gid));
    let user = user.unwrap_or_else(|| "\"$USER\"".to_owned());
    match (is_listed, is_held) {
        (true, false) => {
            format!("log in anew: you were put into the group {name} after this login")
        }
        _ => format!("sudo usermod -aG {name} {user}, then log in anew"),
    }
}
