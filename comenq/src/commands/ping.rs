//! `comenq ping`: whether the daemon answers, and as whom it sees us.

use comenq_proto::{Ping, Role};

use super::Context;
use crate::{failure::Failure, json::PingJson, output::plain_line};

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Failure> {
    context.ask(&Ping {})?;
    let Some(ack) = context.client.ack() else {
        return context.output.text("comenqd answers\n");
    };
    if context.output.is_json() {
        return context.output.json(PingJson {
            daemon_version: &ack.daemon_version,
            protocol_version: ack.protocol_version.0,
            role: ack.authz.role.as_str(),
        });
    }
    let allowed = match ack.authz.role {
        Role::Admin => "you may do everything",
        Role::Operator => "you may post, and see and change your own jobs",
        Role::ReadOnly => "you may look only",
        Role::Unknown => "what you may do it says in words this client does not know",
    };
    let text = format!(
        "comenqd {} answers (protocol {}); {allowed}",
        ack.daemon_version, ack.protocol_version
    );
    context.output.text(&format!("{}\n", plain_line(&text)))
}
