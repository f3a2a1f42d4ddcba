//! `comenq ping`: whether the daemon answers, and as whom it sees us.

use comenq_proto::{Ping, Role};

use super::Session;
use crate::{failure::Failure, json::PingJson, output::plain_line};

pub(super) fn run(session: &mut Session<'_>) -> Result<(), Failure> {
    session.ask(&Ping {})?;
    let Some(ack) = session.client.ack() else {
        return session.output.text("comenqd answers\n");
    };
    if session.output.is_json() {
        return session.output.json(PingJson {
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
    session.output.text(&format!("{}\n", plain_line(&text)))
}
