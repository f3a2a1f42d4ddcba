//! `store_export`: everything in the queue as lines of JSON, page by page.
//!
//! Decides how much goes on one page: with the longest line that the store writes it fits a frame.

use comenq_proto::{ErrorCode, MAX_FRAME, MAX_PAGE, StoreExport, StoreExportReply, WireError};

use super::{Answer, Service, error};

/// A page ends behind the line that passes this. With the longest line it fits a frame.
const MAX_LINES_BYTES: usize = MAX_FRAME / 4;

/// Gives one page.
pub(super) async fn store_export(
    service: &Service,
    request: StoreExport,
) -> Result<Answer<StoreExportReply>, WireError> {
    let Ok(cursor) = request.cursor.map(|text| text.parse()).transpose() else {
        let text = "the cursor is not one this daemon gave for an export";
        return Err(WireError::new(ErrorCode::InvalidCursor, text)
            .with_detail("begin again without a cursor"));
    };
    let max_lines = usize::try_from(MAX_PAGE).unwrap_or(1);
    let page = service
        .queue
        .export(cursor, max_lines, MAX_LINES_BYTES)
        .await
        .map_err(|it| error::to_wire(&it))?;
    let changed = page.next.is_none().then(|| "exported the queue".to_owned());
    let reply = StoreExportReply {
        lines: page.lines,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    };
    Ok(Answer::of(reply).changing(changed))
}
