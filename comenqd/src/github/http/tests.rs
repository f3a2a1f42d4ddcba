//! Real sockets: a server that answers, or fails, as a test tells it.

use std::sync::Mutex;

use comenq_proto::Target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::api_url::ApiUrl;
use crate::clock::UnixMs;
use crate::github::credential::Credential;
use crate::github::{GitHub as _, ListError, Outcome, TroubleKind};
use crate::secret::Secret;

pub(crate) const SHORT: Duration = Duration::from_millis(400);
pub(crate) const LONG: Duration = Duration::from_secs(20);
pub(crate) const ID: &str =
    "x-github-request-id: C0DE:1\r\ndate: Fri, 20 Nov 2026 12:00:00 GMT\r\n";
pub(crate) const NOON: UnixMs = UnixMs(1_795_176_000_000);

/// How the server treats a request it has read.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Answers with these bytes and closes.
    Answer(String),
    /// Closes at once.
    Close,
    /// Holds the connection and says nothing more than this.
    Hang(String),
    /// Says this, and then bytes without end.
    Flood(String),
}

pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server that treats the n-th request by the n-th fault, and further ones by the last.
    pub(crate) async fn start(faults: &[Fault]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (faults, seen) = (faults.to_vec(), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, faults.clone(), Arc::clone(&seen)));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn client(&self, timeout: Duration) -> Http {
        client(&format!("http://{}", self.address), timeout)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, faults: Vec<Fault>, seen: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read_request(&mut stream).await else {
        return;
    };
    let nth = {
        let mut seen = seen.lock().unwrap();
        seen.push(request);
        seen.len() - 1
    };
    match faults.get(nth).or(faults.last()).unwrap() {
        Fault::Answer(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
        Fault::Close => {}
        Fault::Hang(bytes) => {
            stream.write_all(bytes.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        }
        Fault::Flood(bytes) => {
            stream.write_all(bytes.as_bytes()).await.unwrap();
            while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
        }
    }
}

/// Head and body of one request; `None` where the client hung up before.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").map_or(0, |n| n.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut all = headers(head, name);
    let first = all.next();
    assert!(all.next().is_none(), "{name} came twice: {head}");
    first
}

fn headers<'a>(head: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Fault {
    let length = body.len();
    Fault::Answer(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    ))
}

pub(crate) fn settings(api_url: &str, timeout: Duration) -> Settings {
    Settings {
        api_url: ApiUrl::parse(api_url).unwrap(),
        credential: Credential::Token(Secret::parse("ghp_secret1").unwrap()),
        timeout,
        user_agent: "comenqd/0.1.0".to_owned(),
    }
}

pub(crate) fn client(api_url: &str, timeout: Duration) -> Http {
    Http::new(settings(api_url, timeout), Arc::new(Clock::system())).unwrap()
}

pub(crate) fn target() -> Target {
    Target::parse("Octo-Org", "hello.world", 7).unwrap()
}

fn page(ids: std::ops::Range<u64>) -> String {
    let comments: Vec<serde_json::Value> = ids
        .map(|id| {
            serde_json::json!({"id": id, "html_url": format!("https://github.com/x#{id}"),
                "user": {"id": 9, "login": "me"}, "created_at": "2026-11-20T12:00:00Z",
                "body": "hi"})
        })
        .collect();
    serde_json::to_string(&comments).unwrap()
}

#[tokio::test]
async fn a_post_says_who_it_is_and_what_it_wants_once() {
    let created = r#"{"id":5,"html_url":"https://github.com/o/r/issues/7#issuecomment-5"}"#;
    let server = Server::start(&[answer("201 Created", ID, created)]).await;
    let http = server.client(LONG);
    let answered = http.post_comment(&target(), "say \"hi\"\n").await;
    assert_eq!(answered.request_id.as_deref(), Some("C0DE:1"));
    assert_eq!(
        answered.value,
        Outcome::Posted {
            comment_id: Some(5),
            url: Some("https://github.com/o/r/issues/7#issuecomment-5".into()),
        }
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /repos/Octo-Org/hello.world/issues/7/comments HTTP/1.1\r\n"));
    assert_eq!(body, r#"{"body":"say \"hi\"\n"}"#);
    for (name, value) in [
        ("user-agent", "comenqd/0.1.0"),
        ("authorization", "Bearer ghp_secret1"),
        ("x-github-api-version", "2022-11-28"),
        ("accept", "application/vnd.github+json"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(header(head, name), Some(value), "{head}");
    }
}

#[tokio::test]
async fn the_path_of_the_api_is_kept() {
    let user = r#"{"login":"octocat","id":9}"#;
    let server = Server::start(&[answer("200 OK", ID, user)]).await;
    for (path, want) in [
        ("/api/v3", "GET /api/v3/user HTTP/1.1"),
        ("/api/v3/", "GET /api/v3/user HTTP/1.1"),
        // octocrab's own joining would take this for the base already.
        ("/u", "GET /u/user HTTP/1.1"),
        ("", "GET /user HTTP/1.1"),
    ] {
        let http = client(&format!("http://{}{path}", server.address), LONG);
        assert_eq!(http.who_am_i().await.value.unwrap().user_id, 9);
        assert_eq!(server.requests().last().unwrap().lines().next(), Some(want));
    }
}

#[tokio::test]
async fn only_an_answer_of_githubs_teaches_the_clock() {
    let date = "date: Fri, 20 Nov 2026 12:00:00 GMT\r\n";
    let user = r#"{"login":"octocat","id":9}"#;
    let server = Server::start(&[answer("200 OK", date, user), answer("401 No", ID, "{}")]).await;
    let http = server.client(LONG);
    http.who_am_i().await.value.unwrap_err();
    assert_eq!(http.clock.github_now(), None);
    http.who_am_i().await.value.unwrap_err();
    let learned = http.clock.github_now().unwrap();
    assert!(learned >= NOON && learned.since(NOON) < LONG, "{learned:?}");
}

#[tokio::test]
async fn a_refused_connection_is_surely_not_sent() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let http = client(&format!("http://{address}"), LONG);
    let Outcome::NotSent(trouble) = http.post_comment(&target(), "hi").await.value else {
        panic!("nothing listens there");
    };
    assert_eq!(trouble.kind, TroubleKind::Offline);
    assert!(trouble.reason.contains("refused"), "{}", trouble.reason);
    assert!(
        trouble.reason.contains(&address.to_string()),
        "{}",
        trouble.reason
    );
}

#[tokio::test]
async fn a_name_that_nobody_has_is_surely_not_sent() {
    // Reserved for this: RFC 6761.
    let http = client("https://comenq.invalid", LONG);
    let outcome = http.post_comment(&target(), "hi").await.value;
    assert!(matches!(outcome, Outcome::NotSent(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_failed_handshake_is_surely_not_sent() {
    // Speaks no TLS.
    let server = Server::start(&[Fault::Close]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
    });
    let http = client(&format!("https://{address}"), LONG);
    let outcome = http.post_comment(&target(), "hi").await.value;
    assert!(matches!(outcome, Outcome::NotSent(_)), "{outcome:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_surely_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Half of it is for connecting; the rest must do for reading the machine's certificates, which
    // takes long on a busy machine.
    let http = client(&format!("https://{address}"), 8 * SHORT);
    let outcome = http.post_comment(&target(), "hi").await.value;
    assert!(matches!(outcome, Outcome::NotSent(_)), "{outcome:?}");
    drop(listener);
}

#[tokio::test]
async fn once_connected_every_failure_is_unknown() {
    for (name, fault, timeout) in [
        ("closed", Fault::Close, LONG),
        ("silent", Fault::Hang(String::new()), SHORT),
        ("half a head", Fault::Hang("HTTP/1.1 201 Cre".into()), SHORT),
        (
            "slow headers",
            Fault::Hang("HTTP/1.1 201 Created\r\nx: y\r\n".into()),
            SHORT,
        ),
        (
            "cut head",
            Fault::Answer("HTTP/1.1 201 Created\r\nx: y".into()),
            LONG,
        ),
        ("no http", Fault::Answer("hello\r\n\r\n".into()), LONG),
        (
            "endless head",
            Fault::Flood("HTTP/1.1 201 Created\r\nx: ".into()),
            LONG,
        ),
        ("bad gateway", answer("502 Bad Gateway", ID, "<html>"), LONG),
        ("odd success", answer("200 OK", ID, "{\"id\":5}"), LONG),
        ("accepted", answer("202 Accepted", ID, ""), LONG),
    ] {
        let server = Server::start(&[fault]).await;
        let outcome = server
            .client(timeout)
            .post_comment(&target(), "hi")
            .await
            .value;
        assert!(
            matches!(outcome, Outcome::Unknown { .. }),
            "{name}: {outcome:?}"
        );
        assert_eq!(server.requests().len(), 1, "{name} was sent again");
    }
}

#[tokio::test]
async fn a_created_line_counts_whatever_becomes_of_the_body() {
    let head = format!("HTTP/1.1 201 Created\r\ncontent-length: 99999999\r\n{ID}\r\n");
    for (name, fault, timeout) in [
        ("cut off", Fault::Answer(head.clone() + "{\"id\":"), LONG),
        ("slow", Fault::Hang(head.clone() + "{\"id\":"), SHORT),
        ("endless", Fault::Flood(head.clone()), LONG),
    ] {
        let server = Server::start(&[fault]).await;
        let answered = server.client(timeout).post_comment(&target(), "hi").await;
        let posted = Outcome::Posted {
            comment_id: None,
            url: None,
        };
        assert_eq!(answered.value, posted, "{name}");
        assert_eq!(answered.request_id.as_deref(), Some("C0DE:1"), "{name}");
    }
}

#[tokio::test]
async fn an_endless_body_of_any_status_is_bounded() {
    for status in ["200 OK", "404 Not Found", "502 Bad Gateway"] {
        let head = format!("HTTP/1.1 {status}\r\n{ID}\r\n");
        let server = Server::start(&[Fault::Flood(head)]).await;
        let http = server.client(LONG);
        http.who_am_i().await.value.unwrap_err();
        let authorization = http.authority.header(http.clock.boottime()).unwrap();
        let answer = http
            .get("/user", authorization, 100_000, http.deadline())
            .await
            .unwrap();
        let Body::Unreadable(reason) = answer.body else {
            panic!("{status}: an endless body was read");
        };
        assert!(reason.contains("more than"), "{reason}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = Server::start(&[answer("201 Created", ID, "{\"id\":5}")]).await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let headers = format!("{ID}location: http://{}/x\r\n", elsewhere.address);
        let server = Server::start(&[answer(status, &headers, "{}")]).await;
        let outcome = server
            .client(LONG)
            .post_comment(&target(), "hi")
            .await
            .value;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
        assert_eq!(server.requests().len(), 1);
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_listing_is_read_to_its_end() {
    let next = format!("{ID}link: <http://evil.example/?page=2>; rel=\"next\"\r\n");
    let server = Server::start(&[
        answer("200 OK", &next, &page(1..31)),
        // Short, and yet there is more; one comment slid over from the page before.
        answer("200 OK", &next, &page(30..33)),
        answer("200 OK", ID, &page(33..63)),
        answer("200 OK", ID, "[]"),
    ])
    .await;
    let since = UnixMs(NOON.0 + 999);
    let listed = server.client(LONG).comments_since(&target(), since).await;
    let ids: Vec<u64> = listed
        .value
        .unwrap()
        .iter()
        .map(|comment| comment.id)
        .collect();
    assert_eq!(ids, (1..63).collect::<Vec<u64>>());
    let lines: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.lines().next().unwrap().to_owned())
        .collect();
    let route = "GET /repos/Octo-Org/hello.world/issues/7/comments";
    let want: Vec<String> = (1..=4)
        .map(|n| format!("{route}?since=2026-11-20T12:00:00Z&per_page=30&page={n} HTTP/1.1"))
        .collect();
    assert_eq!(lines, want);
}

#[tokio::test]
async fn a_listing_with_one_bad_page_is_none() {
    let next = format!("{ID}link: <http://x/?page=2>; rel=\"next\"\r\n");
    for (name, second) in [
        ("gateway", answer("502 Bad Gateway", ID, "")),
        (
            "limit",
            answer("403 Forbidden", ID, r#"{"message":"rate limit"}"#),
        ),
        ("not a list", answer("200 OK", ID, "{}")),
        ("closed", Fault::Close),
        (
            "cut off",
            Fault::Answer(format!("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n{ID}\r\n[")),
        ),
    ] {
        let server = Server::start(&[answer("200 OK", &next, &page(1..31)), second]).await;
        let listed = server
            .client(LONG)
            .comments_since(&target(), NOON)
            .await
            .value;
        assert!(
            matches!(listed, Err(ListError::Trouble(_))),
            "{name}: {listed:?}"
        );
        assert_eq!(server.requests().len(), 2, "{name}");
    }
    let missing = answer("404 Not Found", ID, r#"{"message":"Not Found"}"#);
    let server = Server::start(&[missing]).await;
    let listed = server
        .client(LONG)
        .comments_since(&target(), NOON)
        .await
        .value;
    assert!(matches!(listed, Err(ListError::Gone { .. })), "{listed:?}");
}

#[tokio::test]
async fn a_listing_without_end_is_given_up() {
    let next = format!("{ID}link: <http://x/?page=2>; rel=\"next\"\r\n");
    let server = Server::start(&[answer("200 OK", &next, &page(1..31))]).await;
    let listed = server
        .client(LONG)
        .comments_since(&target(), NOON)
        .await
        .value;
    let Err(ListError::Gone { reason }) = listed else {
        panic!("a listing without end was taken for complete");
    };
    assert!(reason.contains("too many"), "{reason}");
    assert_eq!(server.requests().len(), 20);
}

#[tokio::test]
async fn a_whole_listing_ends_within_the_timeout() {
    let next = format!("{ID}link: <http://x/?page=2>; rel=\"next\"\r\n");
    let slow = Fault::Hang(String::new());
    let server = Server::start(&[answer("200 OK", &next, &page(1..31)), slow]).await;
    let begun = Instant::now();
    let listed = server
        .client(SHORT)
        .comments_since(&target(), NOON)
        .await
        .value;
    assert!(matches!(listed, Err(ListError::Trouble(_))), "{listed:?}");
    assert!(begun.elapsed() < LONG / 2);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = Server::start(&[answer("201 Created", ID, "{}")]).await;
    let mut settings = settings(&format!("http://{}", server.address), LONG);
    settings.credential = Credential::None;
    let http = Http::new(settings, Arc::new(Clock::system())).unwrap();
    let outcome = http.post_comment(&target(), "hi").await.value;
    assert!(matches!(outcome, Outcome::NotSent(_)), "{outcome:?}");
    http.who_am_i().await.value.unwrap_err();
    http.comments_since(&target(), NOON)
        .await
        .value
        .unwrap_err();
    assert!(server.requests().is_empty());
}

#[test]
fn no_debug_output_shows_the_token() {
    let settings = settings("https://api.github.com", LONG);
    let shown = format!("{settings:?}");
    let http = Http::new(settings, Arc::new(Clock::system())).unwrap();
    assert!(!format!("{shown} {http:?}").contains("ghp_secret1"));
}

#[test]
fn a_user_agent_must_fit_a_header() {
    let mut settings = settings("https://api.github.com", LONG);
    settings.user_agent = "a\nb".to_owned();
    let error = Http::new(settings, Arc::new(Clock::system())).unwrap_err();
    assert!(matches!(error, SettingsError::UserAgent { .. }));
}
