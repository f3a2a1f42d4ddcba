//! `ping`: the daemon answers; nothing else is touched.

use std::future::{Ready, ready};

use comenq_proto::{Pong, WireError};

use super::Answer;

/// "Yes."
pub(super) fn ping() -> Ready<Result<Answer<Pong>, WireError>> {
    ready(Ok(Answer::of(Pong {})))
}
