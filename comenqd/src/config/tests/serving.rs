//! What a client may take of the server.

use super::*;

#[test]
fn the_servers_limits_have_the_protocols_defaults() {
    let serving = Room::new().load().unwrap().serving;
    let expected = Serving {
        max_connections: 1024,
        max_connections_per_user: 256,
        max_requests_per_second: 2000,
        max_violations_per_minute: 20,
        refusal: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(300),
    };
    assert_eq!(serving, expected);
}

#[test]
fn each_of_them_can_be_changed_and_is_shown() {
    let text = "max_connections = 64\nmax_connections_per_user = 8\nmax_requests_per_second = 10\n\
                max_violations_per_minute = 1\nrefusal_seconds = 5\nidle_timeout_seconds = 30\n";
    let config = Room::with_file(text).load().unwrap();
    let expected = Serving {
        max_connections: 64,
        max_connections_per_user: 8,
        max_requests_per_second: 10,
        max_violations_per_minute: 1,
        refusal: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(30),
    };
    assert_eq!(config.serving, expected);
    let shown = config.render();
    for line in text.lines() {
        assert!(
            shown.contains(&format!("{line} # ")),
            "{line}\n---\n{shown}"
        );
    }
}

#[test]
fn limits_that_would_serve_nobody_are_refused() {
    for (text, reason) in [
        ("max_connections = 15", "connections from 16 to 65536"),
        (
            "max_connections_per_user = 0",
            "connections from 1 to 65536",
        ),
        ("max_requests_per_second = 0", "requests from 1 to"),
        ("max_violations_per_minute = 0", "violations from 1 to"),
        ("refusal_seconds = 0", "seconds from 1 to 86400"),
        ("idle_timeout_seconds = 86401", "seconds from 1 to 86400"),
    ] {
        let error = Room::with_file(text).error();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
