//! What the daemon says of itself: versions, store, accounts, clock.

use std::time::Duration;

use comenq_proto::{Health, HealthReply, LaneStatus, Ping, Role, Status, StatusReply};

use super::Finding;
use crate::{
    client::CallError,
    commands::{Context, words::size},
    failure::Failure,
    times::{Times, span},
    units::Units,
};

/// A token is spoken of so long before it expires.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// From this on a clock is wrong: times that are shown would be, and expiry would come late.
const CLOCK_OFF: Duration = Duration::from_secs(60);

/// What is wrong with the daemon, if it can be asked.
pub(super) fn look(context: &mut Context<'_>) -> Vec<Finding> {
    if let Err(error) = context.client.call(&Ping {}) {
        return vec![unreachable(error, context)];
    }
    let mut findings = vec![versions(context), role(context)];
    let times = context.output.times();
    let units = context.client.address().units();
    match context.ask(&Status {}) {
        Ok(status) => findings.extend(of_status(&status, times, units)),
        Err(failure) => findings.push(refused("status", &failure, units)),
    }
    match context.ask(&Health {}) {
        Ok(health) => findings.extend(of_health(&health, units)),
        Err(failure) => findings.push(refused("health", &failure, units)),
    }
    findings
}

fn unreachable(error: CallError, context: &Context<'_>) -> Finding {
    let failure = Failure::of_call(error, &context.client);
    refused("daemon", &failure, context.client.address().units())
}

fn refused(name: &'static str, failure: &Failure, units: Units) -> Finding {
    let mend = failure
        .detail
        .clone()
        .unwrap_or_else(|| units.journalctl("-u comenqd"));
    Finding::bad(name, failure.message.clone(), mend)
}

fn versions(context: &Context<'_>) -> Finding {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    let Some(ack) = context.client.ack() else {
        return Finding::good("versions", format!("comenq {OWN}"));
    };
    let what = format!(
        "comenq {OWN}, comenqd {}, protocol {}",
        ack.daemon_version, ack.protocol_version.0
    );
    if ack.daemon_version == OWN {
        return Finding::good("versions", what);
    }
    let restart = context
        .client
        .address()
        .units()
        .systemctl("restart comenqd");
    let mend = format!("install the same version of both, then: {restart}");
    Finding::warning("versions", what, mend)
}

fn role(context: &Context<'_>) -> Finding {
    let role = context
        .client
        .ack()
        .map_or(Role::Unknown, |ack| ack.authz.role);
    match role {
        Role::ReadOnly => Finding::warning(
            "role",
            "you may look, but not post",
            "sudo usermod -aG comenq \"$USER\", then log in anew",
        ),
        role => Finding::good("role", format!("you are {role} for the daemon")),
    }
}

fn of_status(status: &StatusReply, times: Times, units: Units) -> Vec<Finding> {
    let mut findings = vec![store(status, units)];
    for lane in &status.lanes {
        let said = format!("account {} ", lane.account);
        let said = status.degraded.iter().find(|what| what.contains(&said));
        findings.extend(account(lane, said, times, units));
    }
    if status.lanes.is_empty() {
        let reload = units.systemctl("reload comenqd");
        let mend = format!("see ACCOUNTS in man comenqd.toml; then: {reload}");
        findings.push(Finding::bad(
            "account",
            "there is no account to post with",
            mend,
        ));
    }
    findings.extend(limits(status, units));
    findings
}

/// What keeps jobs from being taken or posted, though everything works.
fn limits(status: &StatusReply, units: Units) -> Vec<Finding> {
    let own = status.own.as_ref();
    let quota = own
        .filter(|own| own.queued_jobs >= own.max_queued_jobs)
        .map(|own| {
            let (jobs, most) = (own.queued_jobs, own.max_queued_jobs);
            let what = format!("{jobs} of your {most} jobs are unfinished: no more are taken");
            Finding::warning("quota", what, "wait, or cancel some: comenq list")
        });
    let config = status
        .config
        .as_ref()
        .and_then(|config| config.error.as_ref());
    let config = config.map(|error| {
        let what = format!("the newest was not taken: {error}");
        Finding::bad(
            "config",
            what,
            format!("correct it, then: {}", units.systemctl("reload comenqd")),
        )
    });
    let halted =
        |is_so: bool, what: &str, mend: &str| is_so.then(|| Finding::warning("queue", what, mend));
    let queue = status.queue.as_ref();
    let is_paused = queue.is_some_and(|queue| queue.paused.is_some());
    let is_draining = queue.is_some_and(|queue| queue.draining.is_some());
    let paused = halted(is_paused, "paused: nothing is posted", "comenq resume");
    let draining = halted(
        is_draining,
        "draining: no jobs are taken",
        "comenq drain --off",
    );
    [quota, config, paused, draining]
        .into_iter()
        .flatten()
        .collect()
}

fn store(status: &StatusReply, units: Units) -> Finding {
    let store = &status.store;
    if !store.ok {
        let reason = store.reason.as_deref().unwrap_or("for no reason given");
        return Finding::bad(
            "store",
            format!("cannot be used: {reason}"),
            units.journalctl("-u comenqd -n 20"),
        );
    }
    let free = store
        .free_bytes
        .map(|bytes| format!(", {} free", size(bytes)));
    let free = free.unwrap_or_default();
    if store.low_space {
        return Finding::bad(
            "store",
            format!("low on space{free}: no jobs are taken"),
            "make room on the file system of /var/lib/comenq",
        );
    }
    Finding::good("store", format!("can be used{free}"))
}

/// How an account is; `said` is what the daemon says of it among what is degraded: it knows where
/// a token belongs.
fn account(lane: &LaneStatus, said: Option<&String>, times: Times, units: Units) -> Vec<Finding> {
    let name = &lane.account;
    let remedy = || {
        let remedy = lane.remedy.clone();
        remedy.unwrap_or_else(|| "comenq status".to_owned())
    };
    let reason = lane.reason.as_ref().map(|reason| format!(": {reason}"));
    let reason = reason.unwrap_or_default();
    let mut findings = vec![match lane.phase.as_str() {
        "no_token" => {
            // The reason says where it was looked for, so that only the command is left to say.
            let said = said.filter(|_| lane.reason.is_none());
            let mend = said.cloned().unwrap_or_else(remedy);
            Finding::bad("account", format!("{name} has no token{reason}"), mend)
        }
        "blocked" => Finding::bad("account", format!("{name} is blocked{reason}"), remedy()),
        "offline" => Finding::bad(
            "account",
            format!("{name} cannot reach {}{reason}", lane.host),
            format!("look at the network: curl -sI https://{}", lane.host),
        ),
        "limited" => Finding::warning(
            "account",
            format!("{name} is limited by GitHub{reason}"),
            "nothing: it tries again by itself, comenq status says when",
        ),
        "paused" => Finding::warning(
            "account",
            format!("{name} is paused{reason}"),
            format!("comenq resume {name}"),
        ),
        phase => {
            let token = lane.token_source.as_ref();
            let token = token
                .map(|from| format!(", token from {from}"))
                .unwrap_or_default();
            Finding::good(
                "account",
                format!("{name}: {}{token}", phase.replace('_', " ")),
            )
        }
    }];
    findings.extend(
        lane.token_expires_at_ms
            .map(|at| expiry(name, at, times, units)),
    );
    findings
}

fn expiry(name: &str, at_ms: i64, times: Times, units: Units) -> Finding {
    let left = times.until(at_ms);
    let mend = format!(
        "make a new token, put it where the old one is, then: {}",
        units.systemctl("restart comenqd")
    );
    if left.is_zero() {
        let what = format!("that of {name} expired {}", times.passed(at_ms));
        return Finding::bad("token", what, mend);
    }
    let what = format!("that of {name} expires {}", times.ahead(at_ms));
    if left < SOON {
        Finding::warning("token", what, mend)
    } else {
        Finding::good("token", what)
    }
}

fn of_health(health: &HealthReply, units: Units) -> Vec<Finding> {
    let mut findings = vec![clock(health)];
    let silent = health.parts.iter().filter(|part| !part.alive);
    findings.extend(silent.map(|part| {
        Finding::bad(
            "parts",
            format!("no answer from {}", part.part),
            units.systemctl("restart comenqd"),
        )
    }));
    findings
}

fn clock(health: &HealthReply) -> Finding {
    let Some(offset) = health.clock_offset_ms else {
        return Finding::good(
            "clock",
            "GitHub has not told the time yet, for nothing was asked of it",
        );
    };
    let off = Duration::from_millis(offset.unsigned_abs());
    let side = if offset < 0 { "behind" } else { "ahead of" };
    let what = format!("{} {side} GitHub's", span(off));
    if off < CLOCK_OFF {
        return Finding::good("clock", what);
    }
    Finding::warning("clock", what, "sudo timedatectl set-ntp true")
}
