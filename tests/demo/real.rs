//! One comment to the real GitHub, with the token of whoever runs the demo.

use std::env;
use std::time::Duration;

use comenq_proto::{Job, JobState};
use harness::setup::{Setup, Token};

use crate::Failure;
use crate::world::World;

const TOKEN: &str = "COMENQD_GITHUB_TOKEN";
/// For an enterprise server, or a rehearsal.
const API: &str = "COMENQD_GITHUB_API_URL";
const GITHUB: &str = "https://api.github.com";
/// Long enough for a slow network and a look after a timeout.
const PATIENCE: Duration = Duration::from_secs(300);

/// The queue is new, so its first job is ours.
const JOB: u64 = 1;

/// Posts what the arguments say; they are those of `comenq post`.
pub(crate) fn post(arguments: &[String]) -> Result<(), Failure> {
    let token = env::var(TOKEN).map_err(|_| {
        format!(
            "{TOKEN} is not set: to post to the real GitHub, put a token there that may comment; \
             without arguments the demo needs none"
        )
    })?;
    let api = env::var(API).unwrap_or_else(|_| GITHUB.to_owned());
    println!("GitHub    {api}: this comment will really be posted\n");
    let world = World::new(as_shipped(&api).token(Token::Environment(token)))?;
    let mut words = vec!["post"];
    words.extend(arguments.iter().map(String::as_str));
    let done = world.comenq(&words)?;
    if done.code != 0 {
        return Err(format!("comenq ended with exit code {}", done.code).into());
    }
    let job = follow(&world)?;
    println!();
    world.comenq(&["show", "1"])?;
    match job.state {
        JobState::Posted => Ok(()),
        state => Err(format!("the comment is {}", state.as_str()).into()),
    }
}

/// The set-up for tests is in a hurry; towards GitHub the defaults hold.
fn as_shipped(api: &str) -> Setup {
    Setup::new(api)
        .number("cooldown_period_seconds", 960)
        .number("look_delay_seconds", 60)
        .number("backoff_min_seconds", 5)
        .number("backoff_max_seconds", 60)
}

/// Says what is waited for, until the job has ended or its account is stuck.
fn follow(world: &World) -> Result<Job, Failure> {
    let mut said = String::new();
    world.watch(PATIENCE, || {
        let job = world.job(JOB)?;
        if job.state.is_finished() {
            return Ok(Some(job));
        }
        let lane = world.lane()?;
        let reason = lane.reason.or_else(|| job.last_error.clone());
        let now = format!("  {}, {}", job.state.as_str(), lane.phase);
        let now = reason.map_or_else(|| now.clone(), |reason| format!("{now}: {reason}"));
        if now != said && lane.phase != "idle" {
            println!("{now}");
            said = now;
        }
        Ok(matches!(lane.phase.as_str(), "blocked" | "no_token").then_some(job))
    })
}
