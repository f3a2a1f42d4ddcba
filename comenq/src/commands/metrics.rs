//! `comenq metrics`: what the daemon counts, as text for monitoring.
//!
//! Decides that all of it is written or the exit code says that it was not: half a file would be
//! taken for the truth. The text is the daemon's as it is.

use comenq_proto::Metrics;

use super::Context;
use crate::{failure::Failure, json::MetricsJson};

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = context.ask(&Metrics {})?;
    if context.output.is_json() {
        return context.output.json(MetricsJson {
            metrics: &reply.text,
        });
    }
    context.output.all(&reply.text)
}
