//! Whose word counts, and which daemon answers.

use std::os::unix::net::UnixListener;

use super::*;

fn find(socket: Option<&str>, host: Option<&str>, set: &[(&str, &str)]) -> String {
    let environment = |name: &str| {
        let found = set.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| OsString::from(value))
    };
    let host = host.map(|host| host.parse().unwrap());
    match Address::find(socket.map(PathBuf::from), host, &environment).unwrap() {
        Address::Sockets(sockets) => {
            let shown = sockets.iter().map(|it| it.display().to_string());
            shown.collect::<Vec<_>>().join(" ")
        }
        Address::Far { host, program, .. } => format!("{} {host}", program.display()),
    }
}

#[test]
fn arguments_beat_the_environment_and_a_host_its_socket() {
    let own = ("XDG_RUNTIME_DIR", "/run/user/1000");
    let both = "/run/user/1000/comenq/comenq.sock /run/comenq/comenq.sock";
    assert_eq!(find(None, None, &[]), SYSTEM_SOCKET);
    assert_eq!(find(None, None, &[own]), both);
    let socket = ("COMENQ_SOCKET", "/s");
    let host = ("COMENQ_HOST", "ssh://ann@mybox");
    assert_eq!(find(None, None, &[own, socket]), "/s");
    assert_eq!(find(None, None, &[own, ("COMENQ_SOCKET", "")]), both);
    assert_eq!(find(None, None, &[socket, host]), "ssh ann@mybox");
    assert_eq!(find(Some("/t"), None, &[socket, host]), "/t");
    let ssh = ("COMENQ_SSH", "/opt/ssh");
    assert_eq!(find(None, Some("other"), &[host, ssh]), "/opt/ssh other");
    let wrong = |_: &str| Some(OsString::from("-x"));
    let error = Address::find(None, None, &wrong).unwrap_err();
    assert!(error.message.starts_with("COMENQ_HOST: \"-x\""));
}

#[test]
fn commands_are_those_of_the_units_that_listen() {
    let told = |socket: &str| {
        let address = Address::Sockets(vec![socket.into()]);
        address.units().systemctl("restart comenqd")
    };
    assert_eq!(told(SYSTEM_SOCKET), "sudo systemctl restart comenqd");
    assert_eq!(told("/tmp/sock"), "sudo systemctl restart comenqd");
    assert_eq!(
        told("/run/user/1000/comenq/comenq.sock"),
        "systemctl --user restart comenqd"
    );
    let own = "/run/user/1000/comenq/comenq.sock".into();
    let unanswered = Address::Sockets(vec![own, SYSTEM_SOCKET.into()]);
    assert_eq!(unanswered.units(), Units::System);
}

#[test]
fn the_first_that_answers_is_the_one_from_then_on() {
    let directory = tempfile::tempdir().unwrap();
    let (own, system) = (
        directory.path().join("own"),
        directory.path().join("system"),
    );
    let sockets = vec![own.clone(), system.clone()];
    let mut address = Address::Sockets(sockets.clone());
    let trust = Trust {
        anybody: true,
        own_uid: 0,
        lookup_user: |_| None,
    };
    let dial = |address: &mut Address| {
        let deadline = Instant::now() + Duration::from_secs(30);
        address.dial(&trust, deadline).map(drop)
    };
    assert!(dial(&mut address).is_err());
    let _system = UnixListener::bind(&system).unwrap();
    dial(&mut address).unwrap();
    assert_eq!(address.to_string(), system.display().to_string());
    let _own = UnixListener::bind(&own).unwrap();
    dial(&mut address).unwrap();
    assert_eq!(address.to_string(), system.display().to_string());
    let mut fresh = Address::Sockets(sockets);
    dial(&mut fresh).unwrap();
    assert_eq!(fresh.to_string(), own.display().to_string());
}
