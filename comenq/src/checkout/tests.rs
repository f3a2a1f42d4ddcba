//! Which repository is meant.

use super::*;

fn chosen(remotes: &[(&str, &str)], resolved: &str, enterprise: Option<&str>) -> String {
    let lines = remotes
        .iter()
        .map(|(name, url)| format!("{name}\t{url} (fetch)\n{name}\t{url} (push)\n"));
    let checkout = Checkout {
        remotes: lines.collect(),
        resolved: resolved.to_owned(),
    };
    let remotes = checkout.remotes(enterprise);
    let chosen = checkout.choose(remotes);
    chosen.map_or_else(String::new, |(host, slug)| format!("{host} {slug}"))
}

#[test]
fn every_form_of_a_url_is_understood() {
    for url in [
        "https://github.com/o/r.git",
        "https://token@github.com/o/r",
        "https://www.github.com/o/r/",
        "git@github.com:o/r.git",
        "github.com:o/r",
        "ssh://git@github.com/o/r.git",
        "ssh://git@ssh.github.com:443/o/r.git",
        "git://GitHub.com/o/r",
    ] {
        let expected = Some(("github.com".to_owned(), "o/r".to_owned()));
        assert_eq!(place(url), expected, "{url}");
    }
    for no in ["/srv/git/r.git", "../r", "./o:r/x", "file:///srv/r"] {
        assert!(place(no).is_none_or(|(host, _)| host != GITHUB), "{no}");
    }
}

#[test]
fn ghs_choice_beats_origin_and_origin_the_others() {
    let two = [
        ("up", "git@github.com:a/r"),
        ("origin", "git@github.com:me/r"),
    ];
    assert_eq!(chosen(&two, "", None), "github.com me/r");
    assert_eq!(
        chosen(&two, "remote.up.gh-resolved base\n", None),
        "github.com a/r"
    );
    assert_eq!(
        chosen(&two, "remote.origin.gh-resolved x/y\n", None),
        "github.com x/y"
    );
    assert_eq!(
        chosen(&two, "remote.gone.gh-resolved base\n", None),
        "github.com me/r"
    );
    let no_origin = [
        ("z", "git@github.com:z/r"),
        ("upstream", "git@github.com:a/r"),
    ];
    assert_eq!(chosen(&no_origin, "", None), "github.com a/r");
}

#[test]
fn gh_names_a_host_too_and_a_partial_clone_says_more() {
    let one = [("origin", "git@github.com:me/r")];
    let named = "remote.origin.gh-resolved acme.ghe.com/x/y\n";
    assert_eq!(chosen(&one, named, None), "acme.ghe.com x/y");
    let checkout = Checkout {
        remotes: "origin\tgit@github.com:o/r (fetch) [blob:none]\n".to_owned(),
        resolved: String::new(),
    };
    assert_eq!(checkout.remotes(None).len(), 1);
    let set = |name: &str| (name == "GH_REPO").then(|| OsString::from("a/b"));
    assert_eq!(target("7", &set).unwrap().target.to_string(), "a/b#7");
}

#[test]
fn only_hosts_of_githubs_count() {
    let mixed = [
        ("origin", "git@gitlab.com:o/r"),
        ("mirror", "https://github.com/o/m"),
    ];
    assert_eq!(chosen(&mixed, "", None), "github.com o/m");
    assert_eq!(chosen(&mixed[..1], "", None), "");
    let own = [("origin", "git@git.example.org:o/r")];
    assert_eq!(chosen(&own, "", None), "");
    assert_eq!(
        chosen(&own, "", Some("git.example.org")),
        "git.example.org o/r"
    );
    let cloud = [("origin", "https://acme.ghe.com/o/r")];
    assert_eq!(chosen(&cloud, "", None), "acme.ghe.com o/r");
}
