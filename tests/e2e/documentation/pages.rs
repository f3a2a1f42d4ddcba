//! What the manual pages name is what the programs have: keys with their bounds, codes, metrics,
//! options.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use comenq_proto::{DegradedCode, ENDPOINTS, ErrorCode, FailureCode};
use harness::needs;
use harness::programs::program;
use harness::setup::Setup;
use tempfile::TempDir;

use crate::world::standin;

use super::shown;
use super::texts::{TEXTS, read, repository};

const CONFIG: &str = "systemd/man/comenqd.toml.5";
const OPERATIONS: &str = "systemd/man/comenq-operations.7";
const PROTOCOL: &str = "systemd/man/comenq-protocol.7";

/// The configuration is checked with this one, in a directory of its own.
fn check(config: &str) -> Output {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("config.toml");
    write_private(&path, config);
    let mut process = Command::new(program("comenqd"));
    process.env_clear().arg("--check-config");
    process.arg("--config").arg(path).output().unwrap()
}

fn write_private(path: &Path, text: &str) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The keys that the daemon knows in a table: it lists them for one that is like none of them.
fn known(table: &str) -> BTreeSet<String> {
    let text = said(&check(&format!("{table}\nzzzz = 1\n")));
    let (_, keys) = text.trim().split_once("there are: ").unwrap();
    let tables = ["accounts", "policy", "users"];
    let keys = keys.split(", ").filter(|key| !tables.contains(key));
    keys.map(str::to_owned).collect()
}

/// A key of the page, with its first line.
struct Documented {
    key: String,
    first: String,
    section: String,
}

fn documented() -> Vec<Documented> {
    let page = read(CONFIG);
    let mut section = String::new();
    let mut keys = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix(".Sh ") {
            title.clone_into(&mut section);
        }
        if let Some(key) = line.strip_prefix(".It Ic ") {
            keys.push(Documented {
                key: key.to_owned(),
                first: lines.peek().unwrap().replace("\\(dq", "\""),
                section: section.clone(),
            });
        }
    }
    keys
}

#[test]
fn the_page_has_every_key_and_no_other() {
    let in_section = |section: &str| {
        let keys = documented().into_iter();
        let keys = keys.filter(|it| it.section == section).map(|it| it.key);
        keys.collect::<BTreeSet<_>>()
    };
    let of_accounts = in_section("ACCOUNTS");
    let mut of_table = of_accounts.clone();
    of_table.remove("github_token");
    assert_eq!(of_table, known("[accounts.a]"));
    // Outside the tables two have other names, and all are said to stand there too.
    let renamed = [("api_url", "github_api_url"), ("marker", "comment_marker")];
    let mut flat = in_section("KEYS OF THE DAEMON");
    for key in of_accounts {
        let flat_name = renamed.iter().find(|(name, _)| *name == key);
        let name = flat_name.map_or(key.as_str(), |(_, name)| name);
        assert!(read(CONFIG).contains(name));
        flat.insert(name.to_owned());
    }
    assert_eq!(flat, known(""));
    assert_eq!(in_section("POLICY"), known("[policy]"));
}

/// `Unit, LEAST to MOST; default VALUE.`
fn bounds(first: &str) -> Option<(u64, u64, &str)> {
    let (range, default) = first.split_once("; default ")?;
    let (_, range) = range.split_once(", ")?;
    let (least, most) = range.split_once(" to ")?;
    let default = default.strip_suffix('.')?;
    Some((least.parse().ok()?, most.parse().ok()?, default))
}

#[test]
fn bounds_and_defaults_are_as_the_page_says() {
    let defaults = String::from_utf8(check("").stdout).unwrap();
    let mut count = 0;
    for Documented {
        key,
        first,
        section,
    } in documented()
    {
        let table = if section == "POLICY" { "[policy]" } else { "" };
        let Some((least, most, default)) = bounds(&first) else {
            continue;
        };
        count += 1;
        // What must go with it, so that it alone can be wrong.
        let beside = match &*key {
            "app_id" => "installation_id = 1",
            "installation_id" => "app_id = 1",
            "backoff_min_seconds" => "backoff_max_seconds = 86400",
            _ => "",
        };
        let accepts = |value: u64| {
            let output = check(&format!("{beside}\n{table}\n{key} = {value}\n"));
            assert!(
                output.status.success() || said(&output).contains("line"),
                "{output:?}"
            );
            output.status.success()
        };
        assert!(accepts(least) && accepts(most), "{key}: {least} to {most}");
        assert!(!accepts(most.saturating_add(1)), "{key}: more than {most}");
        if least > 0 {
            assert!(!accepts(least - 1), "{key}: less than {least}");
        }
        if default != "none" {
            let line = format!("\n{key} = {default} # default");
            assert!(defaults.contains(&line), "{key}: default {default}");
        }
    }
    assert!(count > 20, "only {count} keys have bounds");
}

/// Every example of a configuration is one, once what it names is there.
#[test]
fn examples_of_the_configuration_are_accepted() {
    let directory = TempDir::new().unwrap();
    let mut count = 0;
    for shown in shown() {
        if !shown.text.contains("\n[policy") && !shown.text.contains("\n[accounts.") {
            continue;
        }
        count += 1;
        let path = directory.path().display().to_string();
        let text = shown.text.replace("/var/lib/comenq", &path);
        let text = text
            .replace("\"alice\"", "\"root\"")
            .replace("users.alice", "users.root");
        let token = directory.path().join("docs-bot-token");
        let key = directory.path().join("app.pem");
        if count == 1 {
            write_private(&token, "ghp_0000");
            write_private(&key, harness::github::APP_KEY);
        }
        let flat = "github_token = \"ghp_0001\"\n".to_owned();
        let output = check(&(flat + &text));
        assert!(
            output.status.success(),
            "{}: {}",
            shown.source,
            said(&output)
        );
    }
    assert!(count >= 2, "only {count} examples");
}

#[test]
fn operations_explain_every_code_and_metric() {
    let page = read(OPERATIONS);
    let items = page.lines().filter_map(|line| line.strip_prefix(".It "));
    let items = items.collect::<Vec<_>>().join(" ");
    let has = |word: &str| items.split([' ', '.', '{']).any(|it| it == word);
    for code in DegradedCode::ALL {
        assert!(has(code.as_str()), "degraded: {code}");
    }
    for code in FailureCode::ALL {
        assert!(has(code.as_str()), "failure: {code}");
    }
    let daemon = Setup::for_standin(&standin()).start();
    let metrics = daemon.cli(&["metrics"]).ok().stdout;
    let families = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let families = families.map(|line| line.split(' ').next().unwrap());
    let families: BTreeSet<_> = families.map(str::to_owned).collect();
    let base = |name: &str| name.strip_suffix("_total").unwrap_or(name).to_owned();
    let named = items
        .split([' ', '{'])
        .filter(|it| it.starts_with("comenqd_"));
    let named: BTreeSet<_> = named.map(base).collect();
    assert_eq!(named, families);
}

#[test]
fn the_protocol_in_short_names_every_endpoint_and_error() {
    let page = read(PROTOCOL);
    let words: BTreeSet<_> = page.split([' ', '\n', ',', ';']).collect();
    for endpoint in ENDPOINTS {
        assert!(words.contains(endpoint.name), "{}", endpoint.name);
    }
    for code in ErrorCode::ALL {
        let number = code.number().to_string();
        assert!(words.contains(&*number), "{number} {}", code.name());
        assert!(words.contains(code.name()), "{number} {}", code.name());
    }
}

#[test]
fn the_daemons_page_has_its_options() {
    let output = Command::new(program("comenqd"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let options = help
        .split([' ', ',', ':', '\n'])
        .filter(|it| it.starts_with("--"));
    let options: BTreeSet<_> = options.map(str::to_owned).collect();
    let page = read("systemd/man/comenqd.8");
    let (_, section) = page.split_once(".Ss Options").unwrap();
    let (section, _) = section.split_once(".Ss Commands").unwrap();
    let items = section.lines().filter(|line| line.starts_with(".It Fl "));
    let named = items.flat_map(|line| line.split(' '));
    let named = named.filter(|it| it.starts_with('-') && it.len() > 2);
    let named: BTreeSet<_> = named
        .map(|it| format!("-{}", it.trim_end_matches(':')))
        .collect();
    assert_eq!(named, options);
}

#[test]
fn the_pages_are_clean() {
    if !needs::program("mandoc") {
        return;
    }
    for page in TEXTS.iter().filter(|text| text.starts_with("systemd/man/")) {
        let mut mandoc = Command::new("mandoc");
        mandoc.args(["-T", "lint", "-W", "warning"]);
        let output = mandoc.arg(repository().join(page)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.is_empty(), "{said}");
    }
}

/// Every page of ours that a page refers to, by hand or as `comenq man-pages` writes it, is there.
#[test]
fn pages_refer_to_pages_that_there_are() {
    let directory = TempDir::new().unwrap();
    let mut process = Command::new(program("comenq"));
    let done = process.arg("man-pages").arg(directory.path()).output();
    assert!(done.unwrap().status.success());
    let by_hand = repository().join("systemd/man");
    let of = |directory: &Path| {
        let files = fs::read_dir(directory).unwrap();
        files.map(|file| file.unwrap().path()).collect::<Vec<_>>()
    };
    let files = [of(&by_hand), of(directory.path())].concat();
    let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
    let names: BTreeSet<_> = files.iter().map(name).collect();
    let mut referred = BTreeSet::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap().replace("\\-", "-");
        for line in text.lines() {
            if let Some(page) = line.strip_prefix(".Xr comenq") {
                let mut words = page.split(' ');
                let name = words.next().unwrap();
                referred.insert(format!("comenq{name}.{}", words.next().unwrap()));
            }
            let words = line.split([' ', ',']).filter(|it| it.starts_with("comenq"));
            let pages = words.filter_map(|it| it.strip_suffix(')')?.split_once('('));
            referred.extend(pages.map(|(name, section)| format!("{name}.{section}")));
        }
    }
    let missing: Vec<_> = referred.difference(&names).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(referred.len() > 10, "{referred:?}");
}
