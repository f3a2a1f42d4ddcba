//! Requests: the envelope, and the table of endpoints.
//!
//! Decides which struct each endpoint takes and gives and which may be repeated.
//! The structs stand in `submit`, `verbs`, `admin`, `daemon`, `event`, `forecast` and `health`. Their fields stay plain
//! text and numbers: the daemon's service parses them, so that a wrong target is
//! told as `InvalidTarget` and not as an unreadable request.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

use crate::{
    admin::{
        JobPurge, JobPurgeReply, PostNow, QueueChangeReply, QueueDrain, QueuePause, QueueResume,
    },
    body::Hidden,
    cbor::{self, EncodeError},
    daemon::{
        AccountResume, AccountResumeReply, Ping, Pong, Status, StatusReply, StoreExport,
        StoreExportReply,
    },
    event::{Subscribe, SubscribeReply},
    forecast::{Forecast, ForecastReply},
    health::{Health, HealthReply, Metrics, MetricsReply},
    submit::{
        JobCheck, JobCheckReply, JobSubmit, JobSubmitBatch, JobSubmitBatchReply, JobSubmitReply,
    },
    verbs::{
        JobBump, JobCancel, JobCancelReply, JobChangeReply, JobEdit, JobGet, JobGetReply, JobHold,
        JobList, JobListReply, JobRelease, JobRetry, JobRetryFailed, JobRetryFailedReply,
    },
    version::ProtocolVersion,
};

/// One request as it travels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEnvelope {
    /// The negotiated protocol version.
    pub v: u16,
    /// Chosen by the client, echoed in the response.
    pub request_id: u64,
    /// Which endpoint; it names the struct in `body`.
    pub endpoint: String,
    /// The endpoint's struct as embedded CBOR, so that an unreadable one still
    /// leaves the request id readable.
    #[serde(deserialize_with = "cbor::embedded")]
    pub body: ByteBuf,
}

impl RequestEnvelope {
    /// Wraps a request.
    ///
    /// # Errors
    /// The request cannot be encoded.
    pub fn new<R: Request>(
        version: ProtocolVersion,
        request_id: u64,
        request: &R,
    ) -> Result<Self, EncodeError> {
        Ok(Self {
            v: version.0,
            request_id,
            endpoint: R::ENDPOINT.to_owned(),
            body: ByteBuf::from(cbor::to_bytes(request)?),
        })
    }
}

impl fmt::Debug for RequestEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestEnvelope")
            .field("v", &self.v)
            .field("request_id", &self.request_id)
            .field("endpoint", &self.endpoint)
            .field("body", &Hidden(self.body.len()))
            .finish()
    }
}

/// A request and the reply it gets.
pub trait Request: Serialize + DeserializeOwned {
    /// The endpoint's name on the wire.
    const ENDPOINT: &'static str;
    /// Whether any such request may be sent again when its reply was lost.
    const IDEMPOTENT: bool;
    /// What a successful response carries.
    type Reply: Serialize + DeserializeOwned;

    /// Whether *this* request may be sent again when its reply was lost.
    fn is_repeatable(&self) -> bool {
        Self::IDEMPOTENT
    }
}

macro_rules! endpoint {
    ($request:ty => $reply:ty, $name:literal) => {
        impl Request for $request {
            const ENDPOINT: &'static str = $name;
            const IDEMPOTENT: bool = true;
            type Reply = $reply;
        }
    };
}

endpoint!(JobGet => JobGetReply, "job_get");
endpoint!(JobList => JobListReply, "job_list");
endpoint!(JobCheck => JobCheckReply, "job_check");
endpoint!(JobCancel => JobCancelReply, "job_cancel");
endpoint!(JobEdit => JobChangeReply, "job_edit");
endpoint!(JobHold => JobChangeReply, "job_hold");
endpoint!(JobRelease => JobChangeReply, "job_release");
endpoint!(JobRetry => JobChangeReply, "job_retry");
endpoint!(JobRetryFailed => JobRetryFailedReply, "job_retry_failed");
endpoint!(JobBump => JobChangeReply, "job_bump");
endpoint!(PostNow => JobChangeReply, "post_now");
endpoint!(JobPurge => JobPurgeReply, "job_purge");
endpoint!(QueuePause => QueueChangeReply, "queue_pause");
endpoint!(QueueResume => QueueChangeReply, "queue_resume");
endpoint!(QueueDrain => QueueChangeReply, "queue_drain");
endpoint!(AccountResume => AccountResumeReply, "account_resume");
endpoint!(StoreExport => StoreExportReply, "store_export");
endpoint!(Status => StatusReply, "status");
endpoint!(Ping => Pong, "ping");
endpoint!(Subscribe => SubscribeReply, "subscribe");
endpoint!(Health => HealthReply, "health");
endpoint!(Metrics => MetricsReply, "metrics");
endpoint!(Forecast => ForecastReply, "forecast");

impl Request for JobSubmit {
    const ENDPOINT: &'static str = "job_submit";
    const IDEMPOTENT: bool = false;
    type Reply = JobSubmitReply;

    fn is_repeatable(&self) -> bool {
        self.key.is_some()
    }
}

impl Request for JobSubmitBatch {
    const ENDPOINT: &'static str = "job_submit_batch";
    const IDEMPOTENT: bool = false;
    type Reply = JobSubmitBatchReply;

    fn is_repeatable(&self) -> bool {
        self.jobs.iter().all(Request::is_repeatable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit(key: Option<&str>) -> JobSubmit {
        JobSubmit {
            owner: "o".into(),
            repo: "r".into(),
            number: 1,
            body: "secret".into(),
            key: key.map(Into::into),
            ..JobSubmit::default()
        }
    }

    #[test]
    fn a_submission_is_repeatable_only_with_a_key() {
        assert!(!submit(None).is_repeatable());
        assert!(submit(Some("k")).is_repeatable());
        assert!(Ping {}.is_repeatable());
    }

    #[test]
    fn a_batch_is_repeatable_only_when_every_job_has_a_key() {
        let batch = |jobs| JobSubmitBatch { jobs };
        assert!(batch(vec![submit(Some("k")), submit(Some("l"))]).is_repeatable());
        assert!(!batch(vec![submit(Some("k")), submit(None)]).is_repeatable());
    }

    #[test]
    fn debug_never_shows_a_body() {
        let request = submit(None);
        assert!(format!("{request:?}").contains("<6 bytes>"));
        let envelope = RequestEnvelope::new(ProtocolVersion::CURRENT, 9, &request).unwrap();
        let batch = JobSubmitBatch {
            jobs: vec![request.clone()],
        };
        let check = JobCheck {
            jobs: vec![request.clone()],
        };
        let edit = JobEdit {
            id: 1,
            body: "secret".into(),
        };
        let export = StoreExportReply {
            lines: vec!["secret".into()],
            next_cursor: None,
        };
        for shown in [
            format!("{request:?}"),
            format!("{envelope:?}"),
            format!("{batch:?}"),
            format!("{check:?}"),
            format!("{edit:?}"),
            format!("{export:?}"),
        ] {
            assert!(!shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn an_envelope_embeds_the_request_of_its_endpoint() {
        let envelope = RequestEnvelope::new(ProtocolVersion(1), 9, &JobGet { id: 7 }).unwrap();
        assert_eq!(envelope.endpoint, "job_get");
        assert_eq!(&envelope.body[..], b"\xa1\x62id\x07");
        let bytes = cbor::to_bytes(&envelope).unwrap();
        assert_eq!(
            cbor::from_slice::<RequestEnvelope>(&bytes).unwrap(),
            envelope
        );
    }

    #[test]
    fn an_empty_request_is_an_empty_map_and_may_grow_fields() {
        assert_eq!(cbor::to_bytes(&Ping {}).unwrap(), b"\xa0");
        assert_eq!(cbor::from_slice::<Ping>(b"\xa1\x61x\x01").unwrap(), Ping {});
        let list: JobList = cbor::from_slice(b"\xa0").unwrap();
        assert_eq!(
            (list.cursor, list.limit, list.include_body),
            (None, None, false)
        );
    }
}
