//! A response, as a client meets it whose daemon may be newer, or an impostor.

use comenq_proto::{
    JobGetReply, JobListReply, JobSubmitReply, Kind, ResponseEnvelope, StatusReply,
    StoreExportReply, WireError, from_slice, to_bytes,
};

/// What was read can be sent, and is the same again.
pub(super) fn response(data: &[u8]) -> bool {
    let Ok(envelope) = from_slice::<ResponseEnvelope>(data) else {
        return false;
    };
    let body = envelope.body.as_slice();
    if envelope.kind == Kind::Err {
        let error = from_slice::<WireError>(body);
        let exit = error.map(|error| error.code.exit_code());
        assert!(matches!(exit, Err(_) | Ok(1 | 2 | 4 | 5 | 8)));
        return same::<WireError>(body);
    }
    // Which of them it is only the request tells; each must do with any.
    let read = [
        same::<JobGetReply>(body),
        same::<JobListReply>(body),
        same::<JobSubmitReply>(body),
        same::<StatusReply>(body),
        same::<StoreExportReply>(body),
    ];
    read.contains(&true)
}

fn same<T: serde::Serialize + serde::de::DeserializeOwned>(body: &[u8]) -> bool {
    let Ok(message) = from_slice::<T>(body) else {
        return false;
    };
    let bytes = to_bytes(&message).unwrap_or_default();
    let again = from_slice::<T>(&bytes).map(|again| to_bytes(&again).unwrap_or_default());
    assert_eq!(again.as_ref(), Ok(&bytes));
    true
}
