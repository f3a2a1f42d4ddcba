//! `GET …/comments`: `since`, pages and the `Link` header, as GitHub does them.

use std::time::Instant;

use serde_json::Value;
use url::form_urlencoded;

use super::clock::parse_rfc3339;
use super::reply::Reply;
use super::target::Target;
use super::world::World;

/// The parameters of a listing.
struct Wanted {
    since: Option<i64>,
    per_page: usize,
    page: usize,
    /// All parameters but `page`, as they came: the `Link` header repeats them.
    others: Vec<(String, String)>,
}

fn wanted(query: &str) -> Wanted {
    let mut page = Wanted {
        since: None,
        per_page: 30,
        page: 1,
        others: Vec::new(),
    };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "page" => page.page = value.parse().unwrap_or(1).max(1),
            "per_page" => page.per_page = value.parse().unwrap_or(30).clamp(1, 100),
            "since" => page.since = parse_rfc3339(&value),
            _ => {}
        }
        if name != "page" {
            page.others.push((name.into_owned(), value.into_owned()));
        }
    }
    page
}

/// The page of a listing that a query asks for.
pub(super) fn listing(
    world: &mut World,
    target: &Target,
    repo_id: u64,
    query: &str,
    base_url: &str,
) -> Reply {
    let page = wanted(query);
    let now = Instant::now();
    let found: Vec<Value> = world
        .comments
        .iter_mut()
        .filter(|comment| comment.target == *target)
        .filter(|comment| page.since.is_none_or(|since| comment.updated_at >= since))
        .filter_map(|comment| {
            (!comment.stays_out(now, page.page == 1)).then(|| comment.json(base_url))
        })
        .collect();
    let shown: Vec<Value> = found
        .iter()
        .skip((page.page - 1) * page.per_page)
        .take(page.per_page)
        .cloned()
        .collect();
    let path = format!(
        "{base_url}/repositories/{repo_id}/issues/{}/comments",
        target.number
    );
    let reply = Reply::json(200, &Value::Array(shown));
    match link(&path, &page, found.len().div_ceil(page.per_page)) {
        Some(link) => reply.with("link", link),
        None => reply,
    }
}

/// GitHub's `Link` header: absent where one page holds everything.
fn link(path: &str, page: &Wanted, last: usize) -> Option<String> {
    let mut links = Vec::new();
    let mut add = |rel: &str, number: usize| {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&page.others)
            .append_pair("page", &number.to_string())
            .finish();
        links.push(format!("<{path}?{query}>; rel=\"{rel}\""));
    };
    if page.page > 1 {
        add("prev", page.page - 1);
    }
    if page.page < last {
        add("next", page.page + 1);
        add("last", last);
    }
    if page.page > 1 {
        add("first", 1);
    }
    (!links.is_empty()).then(|| links.join(", "))
}
