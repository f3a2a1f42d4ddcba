//! Requests: the envelope, and one plain struct per endpoint and reply.
//!
//! Decides what each endpoint takes and gives. Fields stay plain text and
//! numbers: the daemon's service parses them, so that a wrong target is told as
//! `InvalidTarget` and not as an unreadable request.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

use crate::{
    body::Hidden,
    cbor::{self, EncodeError},
    job::Job,
    limits::{MAX_ENTRIES, MAX_PAGE},
    version::ProtocolVersion,
};

/// [`MAX_PAGE`] as a bound for reading lists; `as` is the only conversion a
/// constant can make, and it widens.
const MAX_PAGE_LEN: usize = MAX_PAGE as usize;

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
endpoint!(JobCancel => JobCancelReply, "job_cancel");
endpoint!(Status => StatusReply, "status");
endpoint!(Ping => Pong, "ping");

impl Request for JobSubmit {
    const ENDPOINT: &'static str = "job_submit";
    const IDEMPOTENT: bool = false;
    type Reply = JobSubmitReply;

    fn is_repeatable(&self) -> bool {
        self.key.is_some()
    }
}

/// Queue a comment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSubmit {
    /// The owner of the repository.
    pub owner: String,
    /// The repository.
    pub repo: String,
    /// The issue or pull request.
    pub number: u64,
    /// The host of the URL the user gave, with its port, if one was given; the
    /// daemon refuses a host its account does not post to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The comment.
    pub body: String,
    /// Makes the submission repeatable: same user, key and content, same job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl fmt::Debug for JobSubmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSubmit")
            .field("owner", &self.owner)
            .field("repo", &self.repo)
            .field("number", &self.number)
            .field("host", &self.host)
            .field("body", &Hidden(self.body.len()))
            .field("key", &self.key)
            .finish()
    }
}

/// The comment is durably queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSubmitReply {
    /// The job.
    pub job: Job,
    /// The key was known: this is the job of the earlier submission.
    pub duplicate: bool,
    /// Its place among those waiting, 1 for the next; an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// When it will probably be posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at_ms: Option<i64>,
    /// What the user should know, such as that no token is configured.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub notes: Vec<String>,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobGet {
    /// Its number.
    pub id: u64,
}

/// The job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobGetReply {
    /// The job, with its body when the reader may see it.
    pub job: Job,
    /// What an unfinished job waits for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
}

/// Jobs in pages: unfinished ones by id, then those finished within a day,
/// newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobList {
    /// Where the page before ended; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Most jobs on the page, up to [`MAX_PAGE`]; the daemon may give fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Whether to send bodies.
    #[serde(default)]
    pub include_body: bool,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobListReply {
    /// The jobs.
    #[serde(deserialize_with = "cbor::list::<_, _, MAX_PAGE_LEN>")]
    pub jobs: Vec<Job>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Never post this job (again).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCancel {
    /// Its number.
    pub id: u64,
}

/// The job after cancelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCancelReply {
    /// The job.
    pub job: Job,
    /// Its outcome is open: it will not be posted again, but may be already.
    pub may_have_been_posted: bool,
}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReply {
    /// Its version.
    pub daemon_version: String,
    /// When it started.
    pub started_at_ms: i64,
    /// Whether the queue can be read and written.
    pub store: StoreStatus,
    /// Jobs per state, by the state's text.
    #[serde(default, deserialize_with = "cbor::counts")]
    pub counts: BTreeMap<String, u64>,
    /// One per account.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub lanes: Vec<LaneStatus>,
    /// What does not work, in words; empty when all is well.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub degraded: Vec<String>,
}

/// Whether the queue can be read and written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// It can.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One account and its pace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// The account's name.
    pub account: String,
    /// The host it posts to.
    pub host: String,
    /// Its login there, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Where its token came from; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_source: Option<String>,
    /// The pause between two posts.
    pub cooldown_ms: u64,
    /// `idle`, `waiting_for_pace`, `posting`, `looking`, `limited`, `blocked`,
    /// `offline` or `no_token`; a newer daemon may know more.
    pub phase: String,
    /// Why it waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the next post may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_post_at_ms: Option<i64>,
}

/// Are you there?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {}

/// Yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit(key: Option<&str>) -> JobSubmit {
        JobSubmit {
            owner: "o".into(),
            repo: "r".into(),
            number: 1,
            host: None,
            body: "secret".into(),
            key: key.map(Into::into),
        }
    }

    #[test]
    fn a_submission_is_repeatable_only_with_a_key() {
        assert!(!submit(None).is_repeatable());
        assert!(submit(Some("k")).is_repeatable());
        assert!(Ping {}.is_repeatable());
    }

    #[test]
    fn debug_never_shows_a_body() {
        let request = submit(None);
        assert!(format!("{request:?}").contains("<6 bytes>"));
        let envelope = RequestEnvelope::new(ProtocolVersion::CURRENT, 9, &request).unwrap();
        for shown in [format!("{request:?}"), format!("{envelope:?}")] {
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
