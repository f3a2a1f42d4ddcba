//! A request: the envelope, its body as the endpoint's type, and the values in it.

use comenq_proto::{
    AccountResume, CommentBody, Forecast, Health, JobBump, JobCancel, JobCheck, JobEdit, JobGet,
    JobHold, JobId, JobList, JobRelease, JobRetry, JobRetryFailed, JobSubmit, JobSubmitBatch,
    Metrics, Ping, Request, RequestEnvelope, Status, StoreExport, SubmitKey, Subscribe, Target,
    from_slice, to_bytes,
};

/// What was read is what would be sent; the values are checked without harm.
pub(super) fn request(data: &[u8]) -> bool {
    let Ok(envelope) = from_slice::<RequestEnvelope>(data) else {
        return false;
    };
    let bytes = to_bytes(&envelope).unwrap_or_default();
    assert!(from_slice::<RequestEnvelope>(&bytes).is_ok_and(|again| again == envelope));
    let body = envelope.body.as_slice();
    match envelope.endpoint.as_str() {
        JobSubmit::ENDPOINT => read(body, submission),
        JobSubmitBatch::ENDPOINT => read(body, |batch: JobSubmitBatch| {
            batch.jobs.into_iter().for_each(submission);
        }),
        JobCheck::ENDPOINT => read(body, |check: JobCheck| {
            check.jobs.into_iter().for_each(submission);
        }),
        JobGet::ENDPOINT => read(body, |it: JobGet| drop(JobId::new(it.id))),
        JobList::ENDPOINT => read::<JobList>(body, drop),
        JobEdit::ENDPOINT => read::<JobEdit>(body, |it| drop(CommentBody::parse(it.body))),
        JobHold::ENDPOINT => read::<JobHold>(body, drop),
        JobRelease::ENDPOINT => read::<JobRelease>(body, drop),
        JobCancel::ENDPOINT => read::<JobCancel>(body, drop),
        JobRetry::ENDPOINT => read::<JobRetry>(body, drop),
        JobRetryFailed::ENDPOINT => read::<JobRetryFailed>(body, drop),
        JobBump::ENDPOINT => read::<JobBump>(body, drop),
        AccountResume::ENDPOINT => read::<AccountResume>(body, drop),
        StoreExport::ENDPOINT => read::<StoreExport>(body, drop),
        Status::ENDPOINT => read::<Status>(body, drop),
        Health::ENDPOINT => read::<Health>(body, drop),
        Metrics::ENDPOINT => read::<Metrics>(body, drop),
        Forecast::ENDPOINT => read::<Forecast>(body, drop),
        Subscribe::ENDPOINT => read::<Subscribe>(body, drop),
        _ => read::<Ping>(body, drop),
    }
}

fn read<R: Request>(body: &[u8], checked: impl Fn(R)) -> bool {
    let Ok(request) = from_slice::<R>(body) else {
        return false;
    };
    // Not every type compares; their bytes do.
    let bytes = to_bytes(&request).unwrap_or_default();
    let again = from_slice::<R>(&bytes).map(|again| to_bytes(&again).unwrap_or_default());
    assert_eq!(again.as_ref(), Ok(&bytes));
    checked(request);
    true
}

fn submission(it: JobSubmit) {
    if let Ok(target) = Target::parse(&it.owner, &it.repo, it.number) {
        // As it is shown it is read again.
        let shown = target.to_string();
        let again = shown
            .split_once('#')
            .map(|(slug, number)| Target::from_slug(slug, number));
        assert!(again.is_some_and(|again| again.is_ok_and(|it| it.to_string() == shown)));
    }
    if let Ok(body) = CommentBody::parse(it.body) {
        assert!(!body.as_str().trim().is_empty() && !body.as_str().contains('\0'));
    }
    if let Some(Ok(key)) = it.key.map(SubmitKey::parse) {
        assert!(key.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
