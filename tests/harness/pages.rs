//! Lists in pages, walked to their end, and how large their replies are.

use std::io::{self, ErrorKind};

use comenq_proto::{
    Job, JobList, JobRetryFailed, MAX_FRAME, Request, ResponseEnvelope, StoreExport, from_slice,
};

use crate::connection::{Connection, read};

/// An endpoint whose reply is a page.
pub trait Paged: Request {
    /// What is on a page.
    type Item;
    /// Asks for the page at a cursor.
    fn go_to(&mut self, cursor: String);
    /// What a page holds, and where the next one begins.
    fn open(page: Self::Reply) -> (Vec<Self::Item>, Option<String>);
}

macro_rules! paged {
    ($request:ty, $items:ident: $item:ty) => {
        impl Paged for $request {
            type Item = $item;

            fn go_to(&mut self, cursor: String) {
                self.cursor = Some(cursor);
            }

            fn open(page: Self::Reply) -> (Vec<$item>, Option<String>) {
                (page.$items, page.next_cursor)
            }
        }
    };
}

paged!(JobList, jobs: Job);
paged!(StoreExport, lines: String);
paged!(JobRetryFailed, retried: u64);

/// What walking through all pages met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Walk {
    /// How many pages there were.
    pub pages: usize,
    /// How much was on them.
    pub items: usize,
    /// The longest payload of a response.
    pub largest: usize,
}

/// Walks through all pages and shows each item.
///
/// # Errors
/// When the connection ends, a request is refused, or a response is longer than a frame.
pub fn walk<P: Paged>(
    connection: &mut Connection,
    mut request: P,
    mut visit: impl FnMut(P::Item),
) -> io::Result<Walk> {
    let mut walk = Walk::default();
    loop {
        let (page, size) = sized(connection, &request)?;
        let (items, next) = P::open(page);
        walk.pages += 1;
        walk.items += items.len();
        walk.largest = walk.largest.max(size);
        items.into_iter().for_each(&mut visit);
        match next {
            Some(cursor) => request.go_to(cursor),
            None => return Ok(walk),
        }
    }
}

/// One reply, and how long its response was.
///
/// # Errors
/// When the connection ends, the request is refused, or the response is longer than a frame.
pub fn sized<R: Request>(
    connection: &mut Connection,
    request: &R,
) -> io::Result<(R::Reply, usize)> {
    connection.send(request)?;
    let frame = connection.frame()?.ok_or(ErrorKind::UnexpectedEof)?;
    if frame.len() > MAX_FRAME {
        return Err(io::Error::other(format!("{} bytes", frame.len())));
    }
    let response: ResponseEnvelope = from_slice(&frame).map_err(io::Error::other)?;
    let reply = read(&response)?.map_err(io::Error::other)?;
    Ok((reply, frame.len()))
}
