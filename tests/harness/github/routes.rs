//! What GitHub itself would answer: authorisation, limits, conditions, then
//! the endpoint. Faults are not known here, only what they do to a creation.

use bytes::Bytes;
use serde_json::{Value, json};

use super::app_routes;
use super::apps::{App, Claim};
use super::clock::http_date;
use super::comment::{changed, user_json};
use super::fault::Fault;
use super::listing::listing;
use super::moves::redirect;
use super::refusal::Refusal;
use super::refusal_text::{Setting, problem, requires_authentication, validation_failed, write};
use super::reply::{Author, RateView, Reply, seal};
use super::shared::Shared;
use super::target::{Kind, Route, Target};
use super::world::{Account, Draft, Issue, Place, World};

/// The most a comment may hold, measured (the error text names another number).
const MAX_BODY_BYTES: usize = 262_144;

/// Who asks.
#[derive(Debug)]
pub(super) enum Caller {
    /// No token came.
    Anonymous,
    /// A token came that belongs to nobody.
    Stranger,
    /// The token of this account came.
    Known(Account),
    /// The token of an App's installation came; the App posts as this bot.
    Installation(App, Account),
    /// A JSON Web Token came.
    App(Claim),
}

impl Caller {
    /// The name, empty where there is none.
    pub(super) fn login(&self) -> &str {
        match self {
            Self::Known(account) | Self::Installation(_, account) => &account.login,
            Self::App(Claim::Good(app)) => &app.slug,
            Self::Anonymous | Self::Stranger | Self::App(Claim::Bad { .. }) => "",
        }
    }

    fn id(&self) -> u64 {
        match self {
            Self::Known(account) | Self::Installation(_, account) => account.id,
            Self::Anonymous | Self::Stranger | Self::App(_) => 0,
        }
    }
}

/// A request, read.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) seq: usize,
    pub(super) route: Route,
    pub(super) target: Option<Target>,
    pub(super) query: String,
    pub(super) body: Bytes,
    pub(super) caller: Caller,
    pub(super) has_user_agent: bool,
}

/// Answers a request as GitHub would, with all of GitHub's headers.
pub(super) fn answer(shared: &Shared, asked: &Asked, fault: &Fault) -> Reply {
    let mut world = shared.world();
    let now = shared.clock.epoch_seconds();
    let rate = world.spend(asked.caller.login(), now);
    let request_id = request_id(asked.seq, now);
    let setting = setting(shared, asked, &request_id, now);
    let reply = match (&asked.caller, rate) {
        _ if !asked.has_user_agent => administrative(),
        (Caller::Anonymous, _) => requires_authentication(),
        (Caller::Stranger, _) => write(&Refusal::BadCredentials, &setting),
        (_, Err(view)) => {
            let reset_in_seconds = view.reset.saturating_sub(now);
            write(
                &Refusal::RateLimited {
                    reset_in_seconds,
                    status: 403,
                },
                &setting,
            )
        }
        (Caller::App(claim), Ok(_)) => {
            app_routes::answer(&mut world, &asked.route, claim, &setting)
        }
        (Caller::Installation(app, bot), Ok(_)) => {
            app_routes::installation(&world, asked.route.kind, app)
                .unwrap_or_else(|| endpoint(shared, &mut world, asked, fault, bot, &setting))
        }
        (Caller::Known(account), Ok(_)) => {
            endpoint(shared, &mut world, asked, fault, account, &setting)
        }
    };
    finish(
        &world,
        reply,
        asked,
        now,
        rate.unwrap_or_else(|spent| spent),
    )
}

/// A refusal in place of the real answer, with GitHub's headers.
pub(super) fn refuse(shared: &Shared, asked: &Asked, refusal: &Refusal) -> Reply {
    let now = shared.clock.epoch_seconds();
    let request_id = request_id(asked.seq, now);
    let reply = write(refusal, &setting(shared, asked, &request_id, now));
    dress_at(shared, asked, reply, now)
}

/// Completes an answer that stands in place of the real one.
pub(super) fn dress(shared: &Shared, asked: &Asked, reply: Reply) -> Reply {
    dress_at(shared, asked, reply, shared.clock.epoch_seconds())
}

fn dress_at(shared: &Shared, asked: &Asked, reply: Reply, now: i64) -> Reply {
    let world = shared.world();
    let rate = world.rate(asked.caller.login(), now);
    finish(&world, reply, asked, now, rate)
}

fn setting<'a>(shared: &'a Shared, asked: &Asked, request_id: &'a str, now: i64) -> Setting<'a> {
    Setting {
        base_url: &shared.base_url,
        request_id,
        now,
        user_id: asked.caller.id(),
    }
}

/// All times in one answer are the same moment.
fn finish(world: &World, reply: Reply, asked: &Asked, now: i64, rate: RateView) -> Reply {
    let mut reply = reply;
    if reply.author == Author::GitHub {
        reply
            .headers
            .extend(world.warnings_for(asked.caller.login()));
    }
    seal(reply, &http_date(now), &request_id(asked.seq, now), rate)
}

fn request_id(seq: usize, now: i64) -> String {
    format!(
        "57A0:D1{:04X}:{seq:06X}:{:06X}:{now:08X}",
        seq % 0xffff,
        seq + 0x00c0_ffee
    )
}

fn administrative() -> Reply {
    Reply::raw(
        403,
        "text/plain; charset=utf-8",
        "Request forbidden by administrative rules. Please make sure your request has a \
         User-Agent header (https://docs.github.com/en/rest/overview/\
         resources-in-the-rest-api#user-agent-required).\n",
    )
}

fn endpoint(
    shared: &Shared,
    world: &mut World,
    asked: &Asked,
    fault: &Fault,
    account: &Account,
    setting: &Setting<'_>,
) -> Reply {
    let slug = world.repo(&asked.route).map(|(slug, _)| slug.clone());
    let place = Place {
        slug: slug.as_ref(),
        target: asked.target.as_ref(),
    };
    if let Some(refusal) = world.refusal(asked.route.kind, &account.login, &place) {
        return write(refusal, setting);
    }
    if asked.route.kind == Kind::User {
        return Reply::json(
            200,
            &user_json(&account.login, account.id, setting.base_url),
        );
    }
    match asked.route.kind {
        Kind::App | Kind::AppToken => return app_routes::needs_jwt(),
        Kind::Account => return user(world, asked, setting),
        _ => {}
    }
    if let Some(path) = world.moved_to(&asked.route) {
        let is_get = asked.route.kind != Kind::Post;
        return redirect(is_get, format!("{}{path}", setting.base_url));
    }
    let Some((_, repo)) = world.repo(&asked.route) else {
        return write(&Refusal::NotFound, setting);
    };
    if asked.route.kind == Kind::Repo {
        return Reply::json(200, &json!({"id": repo.id, "full_name": repo.full_name}));
    }
    let (Some(target), repo_id) = (&asked.target, repo.id) else {
        return write(&Refusal::NotFound, setting);
    };
    let Some(&issue) = repo.issues.get(&target.number) else {
        return write(&Refusal::NotFound, setting);
    };
    match asked.route.kind {
        Kind::Issue => {
            let locked =
                world.refusal(Kind::Post, &account.login, &place) == Some(&Refusal::Locked);
            issue_json(target.number, issue, locked)
        }
        Kind::Listing => listing(world, target, repo_id, &asked.query, setting.base_url),
        Kind::Post => post(shared, world, target, account, &asked.body, fault),
        _ => write(&Refusal::NotFound, setting),
    }
}

fn user(world: &World, asked: &Asked, setting: &Setting<'_>) -> Reply {
    let login = asked.route.login.as_deref().unwrap_or_default();
    world.user(login).map_or_else(
        || write(&Refusal::NotFound, setting),
        |user| Reply::json(200, &user_json(&user.login, user.id, setting.base_url)),
    )
}

fn issue_json(number: u64, issue: Issue, locked: bool) -> Reply {
    let (state, reason) = if issue.closed {
        ("closed", Some("completed"))
    } else {
        ("open", None)
    };
    Reply::json(
        200,
        &json!({
            "number": number,
            "title": format!("issue {number}"),
            "state": state,
            "state_reason": reason,
            "locked": locked,
        }),
    )
}

fn post(
    shared: &Shared,
    world: &mut World,
    target: &Target,
    account: &Account,
    body: &[u8],
    fault: &Fault,
) -> Reply {
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return problem(400, "Problems parsing JSON", "https://docs.github.com/rest");
    };
    let setting = Setting {
        base_url: "",
        request_id: "",
        now: 0,
        user_id: 0,
    };
    let Some(body) = json.get("body").and_then(Value::as_str) else {
        return write(&Refusal::MissingField, &setting);
    };
    if body.trim().is_empty() {
        return validation_failed("unprocessable", "data", "Body cannot be blank");
    }
    if body.len() > MAX_BODY_BYTES {
        return write(&Refusal::BodyTooLong, &setting);
    }
    if let Some(intruder) = &fault.intruder {
        let who = intruder.login.as_ref().map(|login| world.account_of(login));
        let account = &who.unwrap_or_else(|| account.clone());
        shared.create(
            world,
            Draft {
                target,
                account,
                body: intruder.body.clone(),
                hide: None,
            },
        );
    }
    if !fault.create {
        return write(&Refusal::ServerError, &setting);
    }
    let body = changed(body, &fault.change);
    let comment = shared.create(
        world,
        Draft {
            target,
            account,
            body,
            hide: fault.hide,
        },
    );
    let json = comment.json(&shared.base_url);
    let url = json
        .get("url")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Reply::json(201, &json).with("location", url)
}
