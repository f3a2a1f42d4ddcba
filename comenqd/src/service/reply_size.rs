//! How large each endpoint's reply may be.
//!
//! Decides which replies the server must have room for before they are made. Called by [`super`];
//! an endpoint that is not named here has a reply of a few kilobytes: a job without its text.

use comenq_proto::{
    Forecast, Health, JobCheck, JobGet, JobList, JobRetryFailed, JobSubmitBatch, MAX_BODY_BYTES,
    MAX_FRAME, Metrics, Request as _, Status, StoreExport,
};

/// A job's record and its log, of which the store bounds every text.
const STORY: usize = 64 * 1024;

/// A few hundred lanes, each with its reasons.
const LANES: usize = 256 * 1024;

/// The most bytes that a reply of this endpoint has.
pub(super) fn of(endpoint: &str) -> usize {
    match endpoint {
        JobGet::ENDPOINT => MAX_BODY_BYTES + STORY,
        JobList::ENDPOINT
        | JobCheck::ENDPOINT
        | Forecast::ENDPOINT
        | StoreExport::ENDPOINT
        | JobSubmitBatch::ENDPOINT
        | JobRetryFailed::ENDPOINT => MAX_FRAME,
        Status::ENDPOINT | Health::ENDPOINT | Metrics::ENDPOINT => LANES,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use comenq_proto::Ping;

    use super::*;

    #[test]
    fn only_what_may_be_large_needs_room_first() {
        assert!(of(JobGet::ENDPOINT) > MAX_BODY_BYTES);
        assert_eq!(of(JobList::ENDPOINT), MAX_FRAME);
        assert_eq!((of(Ping::ENDPOINT), of("no_such_endpoint")), (0, 0));
    }
}
