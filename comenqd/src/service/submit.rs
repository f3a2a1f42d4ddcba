//! `job_submit`: a comment becomes a durable job.
//!
//! Decides what is acceptable: target, host, comment and key are parsed here, once; behind this
//! file they are types.

use comenq_proto::{
    BodyError, CommentBody, ErrorCode, JobSubmit, JobSubmitReply, SubmitKey, Target, WireError,
};

use super::{Answer, Service, Settings, error, view};
use crate::queue::NewJob;
use crate::server::Peer;

/// Stores the comment; durable when it returns.
pub(super) async fn submit(
    service: &Service,
    peer: &Peer,
    request: JobSubmit,
) -> Result<Answer<JobSubmitReply>, WireError> {
    let new = parse(request, peer, &service.settings)?;
    let target = new.target.clone();
    let queue = &service.queue;
    let stored = queue.submit(new).await.map_err(|it| error::to_wire(&it))?;
    let id = stored.job.id;
    let changed = (!stored.duplicate).then(|| format!("queued #{id} for {target}"));
    let position = stored.position;
    let notes = view::trouble(&queue.lane()).into_iter().collect();
    let reply = JobSubmitReply {
        job: view::job(stored.job, None, true),
        duplicate: stored.duplicate,
        position,
        expected_at_ms: position
            .and_then(|position| queue.expected_at(position))
            .map(|time| time.0),
        notes,
    };
    Ok(Answer::about(id, reply).changing(changed))
}

/// From plain fields to types, or what is wrong with the first wrong one.
fn parse(request: JobSubmit, peer: &Peer, settings: &Settings) -> Result<NewJob, WireError> {
    let invalid = |code, reason: String| WireError::new(code, reason);
    let target = Target::parse(&request.owner, &request.repo, request.number)
        .map_err(|reason| invalid(ErrorCode::InvalidTarget, reason.to_string()))?;
    check_host(request.host.as_deref(), settings.web_host.as_deref())?;
    let body = CommentBody::parse(request.body).map_err(|reason| {
        let code = match reason {
            BodyError::TooLarge { .. } => ErrorCode::BodyTooLong,
            BodyError::Blank | BodyError::Nul { .. } => ErrorCode::InvalidBody,
        };
        invalid(code, reason.to_string())
    })?;
    check_length(&body, settings.max_body_chars)?;
    let key = request
        .key
        .map(SubmitKey::parse)
        .transpose()
        .map_err(|reason| invalid(ErrorCode::InvalidKey, reason.to_string()))?;
    Ok(NewJob {
        uid: peer.uid,
        account: settings.account.clone(),
        target,
        body,
        key,
        priority: 0,
        not_before: None,
    })
}

/// A link must lead to where the account posts: a comment meant for one host must not end up
/// under the same name on another.
fn check_host(given: Option<&str>, ours: Option<&str>) -> Result<(), WireError> {
    match (given, ours) {
        (Some(given), Some(ours)) if !given.eq_ignore_ascii_case(ours) => {
            let shown: String = given.chars().take(80).collect();
            let text = format!("the link leads to {shown:?}, and this daemon posts to {ours}");
            Err(WireError::new(ErrorCode::WrongHost, text)
                .with_detail("use a link to that host, or the daemon that posts to the other"))
        }
        _ => Ok(()),
    }
}

fn check_length(body: &CommentBody, most: usize) -> Result<(), WireError> {
    // A character has at least one byte, so the count is seldom needed.
    if body.as_str().len() <= most {
        return Ok(());
    }
    let chars = body.chars();
    if chars <= most {
        return Ok(());
    }
    let text = format!("comment has {chars} characters; the limit is {most}");
    Err(WireError::new(ErrorCode::BodyTooLong, text)
        .with_detail("shorten it or split it; the daemon's key max_body_chars sets the limit"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixMs;

    fn settings(web_host: Option<&str>) -> Settings {
        Settings {
            account: "default".to_owned(),
            web_host: web_host.map(str::to_owned),
            max_body_chars: 5,
            own_uid: 1,
            started_at: UnixMs(0),
        }
    }

    fn request() -> JobSubmit {
        JobSubmit {
            owner: "Owner".to_owned(),
            repo: "repo".to_owned(),
            number: 12,
            host: None,
            body: "häh?!".to_owned(),
            key: Some("k1".to_owned()),
        }
    }

    fn parsed(request: JobSubmit) -> Result<NewJob, WireError> {
        let peer = Peer {
            uid: 1000,
            gid: 1000,
            pid: 1,
        };
        parse(request, &peer, &settings(Some("github.com")))
    }

    fn refusal(change: impl FnOnce(&mut JobSubmit)) -> (ErrorCode, String) {
        let mut request = request();
        change(&mut request);
        let error = parsed(request).err().unwrap();
        (error.code, error.message)
    }

    #[test]
    fn a_good_request_becomes_types() {
        let new = parsed(request()).unwrap();
        assert_eq!(new.target.to_string(), "Owner/repo#12");
        assert_eq!((new.uid, new.account.as_str()), (1000, "default"));
        assert_eq!(new.body.as_str(), "häh?!");
        assert_eq!(new.key.unwrap().as_str(), "k1");
    }

    #[test]
    fn each_bad_field_has_its_code() {
        assert_eq!(refusal(|it| it.owner.push(' ')).0, ErrorCode::InvalidTarget);
        assert_eq!(refusal(|it| it.number = 0).0, ErrorCode::InvalidTarget);
        assert_eq!(
            refusal(|it| it.body = " \n".into()).0,
            ErrorCode::InvalidBody
        );
        assert_eq!(
            refusal(|it| it.body = "\0".into()).0,
            ErrorCode::InvalidBody
        );
        assert_eq!(
            refusal(|it| it.key = Some("a b".into())).0,
            ErrorCode::InvalidKey
        );
        let huge = "x".repeat(comenq_proto::MAX_BODY_BYTES + 1);
        assert_eq!(refusal(|it| it.body = huge).0, ErrorCode::BodyTooLong);
        assert_eq!(
            refusal(|it| it.body = "123456".into()),
            (
                ErrorCode::BodyTooLong,
                "comment has 6 characters; the limit is 5".to_owned()
            )
        );
    }

    #[test]
    fn a_link_to_another_host_is_refused_except_by_an_api_on_this_machine() {
        let other = refusal(|it| it.host = Some("ghe.example".into()));
        assert_eq!(
            other,
            (
                ErrorCode::WrongHost,
                "the link leads to \"ghe.example\", and this daemon posts to github.com".to_owned()
            )
        );
        assert!(check_host(Some("GitHub.com"), Some("github.com")).is_ok());
        assert!(check_host(Some("anything:8080"), None).is_ok());
        assert!(check_host(None, Some("github.com")).is_ok());
    }
}
