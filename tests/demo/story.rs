//! Three comments to a stand-in of GitHub: queued at once, posted one by one.

use std::time::{Duration, Instant};

use harness::github::{Account, Config, GithubStandin, LOGIN, TOKEN, USER_ID};
use harness::setup::Setup;

use crate::Failure;
use crate::world::World;

/// Short, so that one can watch it; 16 minutes is what comenqd does by itself.
const COOLDOWN: Duration = Duration::from_secs(4);
/// For one comment: the cooldown, and a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each form in which one can name a pull request.
const COMMENTS: [&[&str]; 3] = [
    &[
        "post",
        "octo/hello",
        "1",
        "First: stored before this command returns.",
    ],
    &["post", "octo/hello#2", "Second: waits its turn."],
    &[
        "https://github.com/octo/hello/pull/3",
        "Third: `post` may be left out.",
    ],
];

/// Tells it.
pub(crate) fn tell() -> Result<(), Failure> {
    let github = stand_in()?;
    let setup = Setup::for_standin(&github).number("cooldown_period_seconds", COOLDOWN.as_secs());
    let world = World::new(setup)?;
    println!(
        "GitHub    a stand-in at {}; nothing leaves this machine",
        github.url()
    );
    println!("socket    {}; comenqd does not run yet", world.socket());
    println!("cooldown  {} s between two comments\n", COOLDOWN.as_secs());

    queue(&world)?;
    println!();
    world.comenq(&["list"])?;
    println!("\nNow comenqd posts them, at its pace:");
    watch_them_arrive(&world, &github)?;
    println!();
    world.comenq(&["list"])?;
    println!();
    world.comenq(&["show", "1"])?;
    println!(
        "\nAll of it was real but GitHub. For one real comment:\n  \
         COMENQD_GITHUB_TOKEN=… cargo demo -- owner/repo 123 \"text\""
    );
    Ok(())
}

fn stand_in() -> Result<GithubStandin, Failure> {
    let account = Account {
        login: LOGIN.to_owned(),
        id: USER_ID,
    };
    Ok(GithubStandin::start(Config {
        tokens: vec![(TOKEN.to_owned(), account)],
        issues: (1..=COMMENTS.len())
            .map(|number| format!("octo/hello#{number}"))
            .collect(),
        ..Config::default()
    })?)
}

fn queue(world: &World) -> Result<(), Failure> {
    for arguments in COMMENTS {
        let first = world.daemon_pid().is_none();
        let done = world.comenq(arguments)?;
        if done.code != 0 {
            return Err(world.with_log(&format!("comenq ended with exit code {}", done.code)));
        }
        if let Some(pid) = world.daemon_pid().filter(|_| first) {
            println!("  (this connect started comenqd, process {pid}: socket activation)");
        }
    }
    Ok(())
}

fn watch_them_arrive(world: &World, github: &GithubStandin) -> Result<(), Failure> {
    let mut last: Option<Instant> = None;
    for seen in 0..COMMENTS.len() {
        let comment = world.watch(PATIENCE, || Ok(github.comments().into_iter().nth(seen)))?;
        let wait = last.map_or_else(
            || "at once".to_owned(),
            |last| format!("{:.1} s later", last.elapsed().as_secs_f64()),
        );
        last = Some(Instant::now());
        println!(
            "  {wait:>11}  {} by {}: {}",
            comment.html_url, comment.login, comment.body
        );
    }
    Ok(())
}
