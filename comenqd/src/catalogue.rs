//! Which lines of the log the journal explains.
//!
//! Decides their message ids: 128 random bits each, as
//! <https://www.freedesktop.org/wiki/Software/systemd/catalog/> asks for (read 2026-11-30). What is said of
//! each is in `systemd/comenq.catalog`, which `journalctl -x` shows below the line. An id never
//! changes its meaning: operators' filters have it. Used by whoever logs such a line, as the field
//! `message_id`.

/// A comment may have been posted or not.
pub const JOB_UNCERTAIN: &str = "0643c94df0ee435d843108e9516a7b0c";
/// A job was given up.
pub const JOB_FAILED: &str = "7086633f954a496bb63ce89d49d58f9b";
/// The queue came from another host.
pub const JOBS_RESTORED: &str = "1e47607c4f124ba9869b53abd404836a";
/// An owner bars an account.
pub const OWNER_BARS: &str = "20046bf4ccd64437bdd848f36bde1b96";

/// The store cannot be opened.
pub const STORE_UNAVAILABLE: &str = "b807a351da904b9789a2559eb19b8243";
/// The store does not answer.
pub const STORE_STALLED: &str = "a7239c3c9c6a42f986e6c5b74d61448a";
/// The disk is nearly full.
pub const LOW_SPACE: &str = "7235c15f595244f09daa286aec40c345";
/// A part of the daemon does not answer.
pub const PART_STALLED: &str = "dcd6e3fe46194c6eb640c8a09317e9f1";
/// A configuration was not taken.
pub const CONFIG_REFUSED: &str = "529bb55ece6b4e0a9ed9d05750d2874d";
/// A change of the configuration waits for a restart.
pub const RESTART_NEEDED: &str = "d36cb8120b974966b57358d81670878c";
/// Jobs are for an account that is not configured.
pub const JOBS_STRANDED: &str = "281f44519cf4485eba3784f562486c0b";
/// An account has no credential.
pub const NO_TOKEN: &str = "1e8bab9201eb4e32bf234f0179bd9be5";
/// An account posts nothing until somebody acts.
pub const ACCOUNT_BLOCKED: &str = "6300a74ca10c470db2c7473fb844ac5e";
/// GitHub limits an account.
pub const ACCOUNT_LIMITED: &str = "5afb19a6b30645ff80c206c24b34c522";
/// An account cannot reach GitHub.
pub const ACCOUNT_OFFLINE: &str = "4be55a22238444c3b25cc78fa068e27c";
/// An administrator stopped the posting.
pub const PAUSED: &str = "d1b81f23ed72466b9f835fa35bf598a3";
/// An administrator lets the queue run empty.
pub const DRAINING: &str = "78787d165fc942e7b9b75954e3d4e507";

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: &str = include_str!("../../systemd/comenq.catalog");

    const IDS: [&str; 17] = [
        JOB_UNCERTAIN,
        JOB_FAILED,
        JOBS_RESTORED,
        OWNER_BARS,
        STORE_UNAVAILABLE,
        STORE_STALLED,
        LOW_SPACE,
        PART_STALLED,
        CONFIG_REFUSED,
        RESTART_NEEDED,
        JOBS_STRANDED,
        NO_TOKEN,
        ACCOUNT_BLOCKED,
        ACCOUNT_LIMITED,
        ACCOUNT_OFFLINE,
        PAUSED,
        DRAINING,
    ];

    #[test]
    fn the_catalogue_explains_each_id_once_and_no_other() {
        let mut ids = IDS.to_vec();
        let mut explained: Vec<_> = CATALOG
            .lines()
            .filter_map(|line| line.strip_prefix("-- "))
            .collect();
        ids.sort_unstable();
        explained.sort_unstable();
        assert_eq!(ids, explained);
        for entry in CATALOG.split("\n-- ").skip(1) {
            let (id, rest) = entry.split_once('\n').unwrap();
            assert!(rest.starts_with("Subject: "), "{id}");
            let text = rest.split_once("\n\n").map(|(_, text)| text.trim());
            assert!(
                text.is_some_and(|it| it.len() > 100),
                "{id} says too little"
            );
        }
    }
}
