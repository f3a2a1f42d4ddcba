use super::*;

/// As GitHub gives keys out.
pub(crate) const PKCS1: &str = include_str!("test-key-pkcs1.pem");
/// The same key as other tools write it.
const PKCS8: &str = include_str!("test-key-pkcs8.pem");
/// What OpenSSL signs with that key for App 12345 at noon.
const JWT: &str = include_str!("test-jwt.txt");
/// 2026-11-20T12:00:00Z.
const NOON: UnixMs = UnixMs(1_795_176_000_000);

/// 1024 bits.
const SMALL: &str = "\
-----BEGIN PRIVATE KEY-----
MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAJR4JvLOw8zX5mFs
AtblL9F3lItAxofWQzDaZl1RbuAzdodhZ4nFF+ar+n8A8GwMmgmqyYKW4Dre8tO0
qXx2hf+VUqb6X/pEonVYXtob1cBXUh4krCoK1ID8HU7QOcaIkzwsLI4PkpP3cacc
tKh4lBQ+m/LxC9TesdwXvykKzsdTAgMBAAECgYAS9i1zQTj8hm5j7tmF/ItY4z7T
chho7NJ0ANCmBmp0s93leGkyzTs6OKirY8FQ62MY7PkDdqV4n1S/+QjUXobKZckt
6fq6kM69frZ4OUNlAvx3ZpBt/8hOJ0JC2WSUQP/G+UdX73brRDS36Kfr6ooTi2s1
ZBbfSnTvu5EVKkNFEQJBAMQkMzhVnZ9Rcl3iOULat9eSoENBEJPiUA3VRyq0YMWY
xN0Amxu5tirUExnQ7hGgc2egvOggfsPmho/9ndLtO48CQQDBx4LFQ0uX4U3t8qjO
1oF7ugkikgxOcQ+6dPy1IxtUYWrb+i4UfHnfdOVjPSR1U7mhIL7F7d0BxLjLkc7k
rOX9AkBbLHiitymN5U5EVeRIL2NF0eKtYJFULN8JjxqFv1M8hsb79Ewlly4Wun4m
gfgoOW1rvkwRmwlSBtaGGF5ErgIBAkEAusTO984ax/JyKAugRGtfNZ9jOpzFm71B
SZeEEhoaN0QFuKvzSe+Hj6adiP7fau4dln13IlJWl2PCMQMCBEnZCQJBAJonWppO
yZx6BbnF+7RtPWve+se+OkmrvGI72DccfC2RowZ3cprIKr+rZb6TWV1ZfACbrqdH
coU2TDi7oL8RDsE=
-----END PRIVATE KEY-----
";
const ELLIPTIC: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgD/UU4wgPvS6arNOx
i+T4524Z5zVg7MZz8czimazeWoyhRANCAASRhwAIseaxpqacfvxEonHhZsQo5AaL
ZtkFnXhUQoLDymKK1Iw8JpjGTGMYj1ICagh1KWNfpp5Zr+3TqqG5yMJ7
-----END PRIVATE KEY-----
";

#[test]
fn a_token_is_signed_as_openssl_signs_it() {
    for pem in [PKCS1, PKCS8] {
        let key = AppKey::parse(pem).unwrap();
        assert_eq!(key.jwt(12345, NOON).unwrap(), JWT.trim());
    }
}

#[test]
fn a_key_may_come_with_other_line_ends_and_text_around_it() {
    let key = AppKey::parse(PKCS1).unwrap();
    for pem in [
        PKCS1.replace('\n', "\r\n"),
        format!("\u{feff}\n\n{PKCS1}\n\nnotes\n"),
        PKCS1.trim_end().to_owned(),
    ] {
        assert_eq!(AppKey::parse(&pem).unwrap(), key, "{pem}");
    }
}

#[test]
fn what_is_no_key_is_told_by_what_it_is() {
    let body = PKCS1.split_once("-----\n").unwrap().1;
    let cut = PKCS1.split_at(600).0;
    let no_begin = body.replace("-----END", "END");
    let begin = |kind: &str| format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n");
    for (text, want) in [
        (String::new(), "has no line -----BEGIN RSA PRIVATE KEY-----"),
        (
            "ghp_token".to_owned(),
            "is not a PEM private key: it has no line",
        ),
        (no_begin, "has no line"),
        (cut.to_owned(), "END line is missing"),
        (PKCS1.replacen("MII", "M!I", 1), "its text is cut"),
        (begin("RSA PRIVATE KEY"), "cannot be used"),
        (begin("PRIVATE KEY"), "cannot be used"),
        (begin("ENCRYPTED PRIVATE KEY"), "but an encrypted one"),
        (begin("OPENSSH PRIVATE KEY"), "but an OpenSSH key"),
        (begin("EC PRIVATE KEY"), "but an elliptic-curve key"),
        (begin("PUBLIC KEY"), "but a public key"),
        (begin("CERTIFICATE"), "but a certificate"),
        (SMALL.to_owned(), "RSA keys of 2048 bits or more"),
        (ELLIPTIC.to_owned(), "RSA keys of 2048 bits or more"),
    ] {
        let error = AppKey::parse(&text).unwrap_err().to_string();
        assert!(error.contains(want), "{want:?} is missing: {error}");
        assert!(
            error.starts_with("is "),
            "it is read after its source: {error}"
        );
        assert!(!error.contains("MII") && !error.contains("ghp_"), "{error}");
    }
}

#[test]
fn no_debug_output_shows_a_credential() {
    let key = AppKey::parse(PKCS1).unwrap();
    let app = Credential::App {
        app_id: 12345,
        installation_id: 678,
        key,
    };
    let token = Credential::Token(Secret::parse("ghp_topsecret").unwrap());
    let shown = format!("{app:?} {token:?} {:?}", Credential::None);
    assert_eq!(
        shown,
        "App { app_id: 12345, installation_id: 678, key: AppKey(hidden) } Token(Secret(hidden)) \
         None"
    );
}

#[test]
fn another_credential_has_another_tag_and_the_same_one_the_same() {
    let token = |text| Credential::Token(Secret::parse(text).unwrap());
    let app = |app_id, installation_id, pem| Credential::App {
        app_id,
        installation_id,
        key: AppKey::parse(pem).unwrap(),
    };
    let all = [
        Credential::None,
        token("ghp_a"),
        token("ghp_b"),
        app(1, 2, PKCS1),
        app(2, 2, PKCS1),
        app(1, 1, PKCS1),
        app(1, 2, PKCS8),
    ];
    let tags: std::collections::BTreeSet<u64> = all.iter().map(Credential::tag).collect();
    assert_eq!(tags.len(), all.len());
    assert_eq!(token("ghp_a").tag(), token(" ghp_a\n").tag());
    // Kept with a wait on disk: it must not change from one release to the next.
    assert_eq!(token("ghp_a").tag(), 0x4958_a17a_0e3f_a03f);
    assert_eq!(Credential::None.tag(), 0);
}
