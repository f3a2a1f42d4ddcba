//! The contract between `comenq` and `comenqd`: types, limits, frames,
//! versions, error codes.
//!
//! Both sides use this crate and nothing else of each other. It does no I/O,
//! knows no runtime and reads no clock, so that an answer depends on its input
//! alone. `PROTOCOL.md` beside the sources says the same in prose, for clients
//! written in other languages.
//!
//! One connection, start to end:
//!
//! 1. every message is a frame ([`FrameCodec`]): a `u32` length, then CBOR;
//! 2. the client sends [`Hello`], the daemon answers [`HelloReply`];
//! 3. the client sends [`RequestEnvelope`]s, whose `body` is the embedded CBOR
//!    of the one struct that the `endpoint` names (see [`Request`]);
//! 4. the daemon answers each, in order, with a [`ResponseEnvelope`];
//! 5. after a [`Subscribe`] the connection carries [`Event`]s, and nothing else.

#![forbid(unsafe_code)]

mod admin;
mod body;
mod cbor;
mod daemon;
mod endpoint;
mod error;
mod event;
mod forecast;
mod frame;
mod health;
mod hello;
mod history;
mod job;
pub mod limits;
mod request;
mod response;
mod submit;
mod target;
mod target_ref;
mod text;
mod verbs;
mod version;

pub use admin::{
    Halt, JobPurge, JobPurgeReply, PostNow, QueueChangeReply, QueueDrain, QueuePause, QueueResume,
    QueueStatus,
};
pub use body::{BodyError, CommentBody};
pub use cbor::{DecodeError, EncodeError, from_slice, to_bytes};
pub use daemon::{
    AccountResume, AccountResumeReply, ConfigStatus, LaneStatus, OwnUsage, OwnerStatus, Ping, Pong,
    Status, StatusReply, StoreExport, StoreExportReply, StoreStatus,
};
pub use endpoint::{ENDPOINTS, Effect, Endpoint};
pub use error::{ErrorCode, WireError};
pub use event::{Event, EventKind, Position, Subscribe, SubscribeReply};
pub use forecast::{Forecast, ForecastPost, ForecastReply, LaneForecast};
pub use frame::{FrameCodec, FrameError};
pub use health::{
    Degraded, DegradedCode, Health, HealthReply, LaneHealth, Metrics, MetricsReply, OldestJob,
    PartHealth, StoreHealth,
};
pub use hello::{
    Authz, FEATURE_CHECK, FEATURE_EVENTS, FEATURE_FORECAST, FEATURE_LIST_FILTER, FEATURES, Hello,
    HelloAck, HelloReply, Role,
};
pub use history::{FailureCode, LogEntry, LogKind};
pub use job::{Job, JobId, JobIdError, JobState, SubmitKey, SubmitKeyError};
pub use limits::*;
pub use request::{Request, RequestEnvelope};
pub use response::{EventEnvelope, Kind, ResponseEnvelope};
pub use serde_bytes::ByteBuf;
pub use submit::{
    JobCheck, JobCheckReply, JobChecked, JobSubmit, JobSubmitBatch, JobSubmitBatchReply,
    JobSubmitReply,
};
pub use target::{IssueNumber, Owner, Repo, Target, TargetError};
pub use target_ref::TargetRef;
pub use verbs::{
    JobBump, JobCancel, JobCancelReply, JobChangeReply, JobEdit, JobGet, JobGetReply, JobHold,
    JobList, JobListReply, JobRelease, JobRetry, JobRetryFailed, JobRetryFailedReply,
};
pub use version::{Incompatible, Older, ProtocolVersion, VersionRange, negotiate};
