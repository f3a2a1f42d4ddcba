//! The stand-in's own API under `/_standin/`, for scripts that cannot call it
//! from Rust. JSON in, JSON out; its requests are not recorded.
//!
//! | verb | body |
//! |---|---|
//! | `GET health` | |
//! | `GET comments`, `GET requests`, `GET faults` | |
//! | `POST token` | `{"token":…,"login":…,"id":…}` |
//! | `POST revoke` | `{"token":…}` |
//! | `POST issue` | `{"issue":"owner/repo#1","pull_request":false}` |
//! | `POST comment` | `{"target":"owner/repo#1","login":…,"body":…}` |
//! | `POST condition` | `{"scope":{"issue":"owner/repo#1"},"refusal":"locked"}`; no refusal lifts it |
//! | `POST fault` | a [`Fault`] |
//! | `POST clear` | drops the faults still waiting |
//! | `POST clock` | `{"offset_seconds":-60}` |
//! | `POST rate` | `{"login":…,"remaining":0,"reset_in_seconds":30}` |
//! | `POST release` | lets held requests go on |
//! | `POST app` | an [`App`] |
//! | `POST installation` | `{"installation_id":…,"suspended":true,"token_seconds":60,"expire_tokens":true}`, each optional but the first |
//! | `POST rename` | `{"from":"owner/repo","to":"owner/repo"}` |
//! | `POST transfer` | `{"from":"owner/repo#1","to":"owner/repo#2"}` |
//! | `POST state` | `{"issue":"owner/repo#1","open":false}` |
//! | `POST header` | `{"login":…,"name":"sunset","value":…}`; no login: on all answers, no value: lifts it |

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::apps::App;
use super::clock::rfc3339;
use super::fault::Fault;
use super::refusal::Refusal;
use super::reply::Reply;
use super::shared::Shared;
use super::target::{Kind, Target};
use super::world::{Account, Draft, Issue, Scope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    token: String,
    login: String,
    id: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeBody {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssueBody {
    issue: String,
    #[serde(default)]
    pull_request: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommentBody {
    target: Target,
    login: String,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionBody {
    scope: Scope,
    #[serde(default)]
    only: Option<Kind>,
    #[serde(default)]
    refusal: Option<Refusal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    offset_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateBody {
    login: String,
    remaining: u64,
    reset_in_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstallationBody {
    installation_id: u64,
    #[serde(default)]
    suspended: Option<bool>,
    #[serde(default)]
    token_seconds: Option<i64>,
    #[serde(default)]
    expire_tokens: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RenameBody {
    from: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferBody {
    from: Target,
    to: Target,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateBody {
    issue: Target,
    open: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderBody {
    #[serde(default)]
    login: Option<String>,
    name: String,
    #[serde(default)]
    value: Option<String>,
}

/// Answers a request to the stand-in itself.
pub(super) fn answer(shared: &Shared, method: &str, verb: &str, body: &[u8]) -> Reply {
    let result = match method {
        "GET" => read(shared, verb),
        _ => change(shared, verb, body).map(|()| json!({"ok": true})),
    };
    match result {
        Ok(value) => Reply::json(200, &value).by_proxy(),
        Err(message) => Reply::json(400, &json!({"error": message})).by_proxy(),
    }
}

fn read(shared: &Shared, verb: &str) -> Result<Value, String> {
    let world = shared.world();
    match verb {
        "health" => Ok(json!({
            "ok": true,
            "url": shared.base_url,
            "now": rfc3339(shared.clock.epoch_seconds()),
            "comments": world.comments.len(),
            "requests": world.records.len(),
        })),
        "comments" => Ok(json!(world.comments)),
        "requests" => Ok(json!(world.records)),
        "faults" => Ok(json!(world.script.waiting())),
        _ => Err(format!("nothing to read under `{verb}`")),
    }
}

fn change(shared: &Shared, verb: &str, body: &[u8]) -> Result<(), String> {
    match verb {
        "token" => parse(body).map(|body: TokenBody| {
            let account = Account {
                login: body.login,
                id: body.id,
            };
            shared.world().accounts.insert(body.token, account);
        }),
        "revoke" => parse(body).map(|body: RevokeBody| {
            shared.world().accounts.remove(&body.token);
        }),
        "issue" => parse(body)
            .and_then(|body: IssueBody| add_issue(shared, &body.issue, body.pull_request)),
        "comment" => parse(body).map(|body: CommentBody| {
            let mut world = shared.world();
            let account = &world.account_of(&body.login);
            let draft = Draft {
                target: &body.target,
                account,
                body: body.body,
                hide: None,
            };
            shared.create(&mut world, draft);
        }),
        "condition" => parse(body).map(|body: ConditionBody| {
            shared
                .world()
                .set_condition(body.scope, body.only, body.refusal);
        }),
        "fault" => parse(body).map(|fault: Fault| shared.world().script.push(fault)),
        "clear" => {
            shared.world().script.clear();
            Ok(())
        }
        "clock" => {
            parse(body).map(|body: ClockBody| shared.clock.set_offset_seconds(body.offset_seconds))
        }
        "rate" => parse(body).map(|body: RateBody| {
            let reset = shared
                .clock
                .epoch_seconds()
                .saturating_add(body.reset_in_seconds);
            shared.world().set_rate(&body.login, body.remaining, reset);
        }),
        "release" => {
            shared.release();
            Ok(())
        }
        _ => change_more(shared, verb, body),
    }
}

/// What came to the stand-in with GitHub Apps and renamed repositories.
fn change_more(shared: &Shared, verb: &str, body: &[u8]) -> Result<(), String> {
    let mut world = shared.world();
    match verb {
        "app" => parse(body).and_then(|app: App| world.apps.add(app)),
        "installation" => parse(body).map(|body: InstallationBody| {
            let (id, apps) = (body.installation_id, &mut world.apps);
            if let Some(suspended) = body.suspended {
                apps.suspend(id, suspended);
            }
            if let Some(seconds) = body.token_seconds {
                apps.set_token_seconds(id, seconds);
            }
            if body.expire_tokens {
                apps.expire(id);
            }
        }),
        "rename" => parse(body).and_then(|body: RenameBody| world.rename(&body.from, &body.to)),
        "transfer" => {
            parse(body).and_then(|body: TransferBody| world.transfer(&body.from, &body.to))
        }
        "state" => parse(body).and_then(|body: StateBody| world.set_open(&body.issue, body.open)),
        "header" => parse(body).map(|body: HeaderBody| {
            world.warn(body.login.as_deref(), &body.name, body.value.as_deref());
        }),
        _ => Err(format!("nothing to change under `{verb}`")),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// Adds an issue named `Owner/Repo#1`; its repository keeps the case given.
pub(super) fn add_issue(shared: &Shared, name: &str, pull_request: bool) -> Result<(), String> {
    let target: Target = name.parse()?;
    let full_name = name.split('#').next().unwrap_or_default();
    shared.world().add_issue(
        full_name,
        &target,
        Issue {
            pull_request,
            closed: false,
        },
    );
    Ok(())
}
