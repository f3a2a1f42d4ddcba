//! What GitHub answers to an App: about itself, and a token of its installation.
//!
//! Called by `routes` for requests that come with a JSON Web Token, and for tokens of
//! installations where these differ from a user's.

use serde_json::json;

use super::apps::{App, Claim};
use super::clock::rfc3339;
use super::refusal::Refusal;
use super::refusal_text::{Setting, problem, write};
use super::reply::Reply;
use super::target::{Kind, Route};
use super::world::{Place, World};

const APPS: &str = "https://docs.github.com/rest/apps/apps";

/// The answer to a request with a JSON Web Token.
pub(super) fn answer(
    world: &mut World,
    route: &Route,
    claim: &Claim,
    setting: &Setting<'_>,
) -> Reply {
    let app = match claim {
        Claim::Good(app) => app,
        Claim::Bad { status, message } => return problem(*status, message, APPS),
    };
    let nowhere = Place {
        slug: None,
        target: None,
    };
    if let Some(refusal) = world.refusal(route.kind, &app.slug, &nowhere) {
        return write(refusal, setting);
    }
    match route.kind {
        Kind::App => Reply::json(
            200,
            &json!({
                "id": app.id,
                "slug": app.slug,
                "name": app.slug,
                "html_url": format!("https://github.com/apps/{}", app.slug),
                "permissions": {"issues": "write", "metadata": "read"},
                "events": [],
            }),
        ),
        Kind::AppToken => token(world, route, app, setting),
        // Only these are the App's own to ask.
        _ => write(&Refusal::BadCredentials, setting),
    }
}

fn token(world: &mut World, route: &Route, app: &App, setting: &Setting<'_>) -> Reply {
    if route.number != Some(app.installation_id) {
        return write(&Refusal::NotFound, setting);
    }
    if world.apps.is_suspended(app.installation_id) {
        return suspended();
    }
    let (token, expires_at) = world.apps.issue(app, setting.now);
    Reply::json(
        201,
        &json!({
            "token": token,
            "expires_at": rfc3339(expires_at),
            "permissions": {"issues": "write", "metadata": "read"},
            "repository_selection": "all",
        }),
    )
}

/// What meets an installation's token before its request is looked at.
pub(super) fn installation(world: &World, kind: Kind, app: &App) -> Option<Reply> {
    if world.apps.is_suspended(app.installation_id) {
        return Some(suspended());
    }
    // An installation is nobody whom /user could name.
    (kind == Kind::User).then(|| problem(403, "Resource not accessible by integration", APPS))
}

/// 401 for a token where only a JSON Web Token will do.
pub(super) fn needs_jwt() -> Reply {
    problem(401, "A JSON web token could not be decoded", APPS)
}

fn suspended() -> Reply {
    problem(403, "This installation has been suspended", APPS)
}
