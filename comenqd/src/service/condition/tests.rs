use super::*;
use crate::clock::UnixMs;
use crate::queue::sample_lane;

fn settings() -> Settings {
    Settings {
        accounts: Vec::new(),
        max_body_chars: 1,
        own_uid: 0,
        access: crate::policy::Access::default(),
        started_at: UnixMs(0),
        loaded_at: UnixMs(0),
        config_error: Some("line 3: token \"secret\" is no key".to_owned()),
        waits_for_restart: vec!["socket_path stays".to_owned()],
    }
}

fn part(name: &'static str, account: Option<&str>, alive: bool) -> PartState {
    PartState {
        name,
        account: account.map(str::to_owned),
        alive,
    }
}

#[test]
fn everything_that_is_wrong_has_its_code_and_its_account() {
    let settings = settings();
    let lanes: Vec<_> = [
        Phase::NoToken,
        Phase::Blocked,
        Phase::Limited,
        Phase::Offline,
        Phase::Idle,
        Phase::Posting,
    ]
    .map(|phase| LaneReport {
        account: format!("of {}", phase.as_str()),
        ..sample_lane(phase)
    })
    .into();
    let parts = [
        part("accept", None, true),
        part("worker", Some("bot"), false),
    ];
    let found = Found {
        store: Some(stalled()),
        low_space: true,
        parts: &parts,
        config_error: config_error(&settings, true),
        draining: Some(Halt {
            since: UnixMs(0),
            uid: 7,
            reason: None,
        }),
        stranded: [("gone".to_owned(), 3)].into(),
        settings: &settings,
        lanes: &lanes,
    };
    let list = found.list();
    let codes: Vec<_> = list
        .iter()
        .map(|it| (it.code.as_str(), it.account.as_deref()))
        .collect();
    let expected = [
        ("store_stalled", None),
        ("low_space", None),
        ("part_stalled", Some("bot")),
        ("config_refused", None),
        ("draining", None),
        ("jobs_stranded", Some("gone")),
        ("restart_needed", None),
        ("no_token", Some("of no_token")),
        ("account_blocked", Some("of blocked")),
        ("account_limited", Some("of limited")),
        ("account_offline", Some("of offline")),
    ];
    assert_eq!(codes, expected);
    assert!(list.iter().all(|it| !it.message.is_empty()));
    assert!(list[5].message.starts_with("3 unfinished jobs"));
}

#[test]
fn nothing_wrong_is_an_empty_list() {
    let settings = Settings {
        config_error: None,
        waits_for_restart: Vec::new(),
        ..settings()
    };
    let found = Found {
        store: None,
        low_space: false,
        parts: &[part("commit", None, true)],
        config_error: config_error(&settings, true),
        draining: None,
        stranded: Stranded::new(),
        settings: &settings,
        lanes: &[sample_lane(Phase::Idle)],
    };
    assert_eq!(found.list(), []);
}

#[test]
fn only_those_who_may_see_it_are_told_the_mistake() {
    let told = |details| config_error(&settings(), details).unwrap();
    assert!(told(true).contains("secret"));
    assert!(!told(false).contains("secret"));
}
