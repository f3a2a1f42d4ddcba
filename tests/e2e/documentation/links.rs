//! Links between the texts lead somewhere.

use std::collections::BTreeSet;
use std::path::Path;

use super::texts::{read, repository};

const TEXTS: [&str; 4] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "comenq-proto/PROTOCOL.md",
];

/// The anchors of a text's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// What stands in the round brackets of links, but for addresses of the web.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("](").skip(1);
    let links = parts.filter_map(|part| part.split([')', '\n']).next());
    links.filter(|link| !link.contains("://"))
}

#[test]
fn links_lead_somewhere() {
    let mut count = 0;
    for source in TEXTS {
        let text = read(source);
        for link in links(&text) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let beside = Path::new(source).parent().unwrap().join(file);
            let beside = if file.is_empty() {
                source
            } else {
                beside.to_str().unwrap()
            };
            let there = repository().join(beside);
            assert!(there.exists(), "{source}: {link}");
            let known = anchor.is_empty() || anchors(&read(beside)).contains(anchor);
            assert!(known, "{source}: {link}: no such heading");
        }
    }
    assert!(count > 15, "only {count} links");
}
