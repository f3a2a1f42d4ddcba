//! A blocking HTTP/1.1 client: one request per connection, answer read to its end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use harness::github::{GithubStandin, TOKEN};
use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// How long the head took from its first byte to its last.
    pub(crate) head_took: Duration,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A connected socket on which the request has been sent.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let authorization = token.map_or_else(String::new, |token| {
        format!("authorization: Bearer {token}\r\n")
    });
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: test\r\n{authorization}\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Reads an answer to its end; an error when the connection broke before that.
pub(crate) fn receive(mut stream: TcpStream) -> std::io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut first = None;
    let mut head_took = Duration::ZERO;
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        let first = *first.get_or_insert_with(Instant::now);
        if !bytes.windows(4).any(|part| part == b"\r\n\r\n") {
            head_took = first.elapsed();
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
    let text = String::from_utf8(bytes).unwrap();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let answer = Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
        head_took,
    };
    match answer.header("content-length") {
        Some(length) if length.parse::<usize>().unwrap() != answer.body.len() => {
            Err(std::io::ErrorKind::UnexpectedEof.into())
        }
        _ => Ok(answer),
    }
}

/// A request with the example's token.
pub(crate) fn call(standin: &GithubStandin, method: &str, path: &str, body: &str) -> Answer {
    try_call(standin, method, path, body).unwrap()
}

/// The same, where no answer may come.
pub(crate) fn try_call(
    standin: &GithubStandin,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<Answer> {
    receive(send(standin.address(), method, path, Some(TOKEN), body))
}

/// A request with another token.
pub(crate) fn call_as(standin: &GithubStandin, token: &str, method: &str, path: &str) -> Answer {
    let body = if method == "POST" && path.ends_with("/comments") {
        r#"{"body":"hello"}"#
    } else {
        ""
    };
    receive(send(standin.address(), method, path, Some(token), body)).unwrap()
}

/// Posts a comment to `octo/demo#1`.
pub(crate) fn post(standin: &GithubStandin, body: &str) -> Answer {
    call(
        standin,
        "POST",
        PATH,
        &serde_json::json!({"body": body}).to_string(),
    )
}

/// The comments of `octo/demo#1`.
pub(crate) const PATH: &str = "/repos/octo/demo/issues/1/comments";
