use super::*;

fn access(text: &str) -> Access {
    Room::with_file(text).load().unwrap().access
}

#[test]
fn nothing_given_means_no_groups_and_nothing_dangerous() {
    assert_eq!(access(""), Access::default());
}

#[test]
fn groups_are_given_by_name_or_number() {
    let named = access("admin_group = 'wheel'");
    assert_eq!(named.admin_group, Some(10));
    let numbered = access("admin_group = 4711\nallow_dangerous = true");
    assert_eq!(numbered.admin_group, Some(4711));
    assert!(numbered.allow_dangerous);
    let room = Room::new().env("COMENQD_ADMIN_GROUP", "12");
    assert_eq!(room.load().unwrap().access.admin_group, Some(12));
}

#[test]
fn the_operators_group_is_looked_up_only_where_it_counts() {
    assert_eq!(access("").operator_group, None);
    assert_eq!(access("public_status = true").operator_group, Some(990));
    let other = access("public_status = true\noperator_group = 'wheel'");
    assert_eq!(other.operator_group, Some(10));

    let mut room = Room::with_file("public_status = true");
    room.sources.lookup_group = |_| Ok(None);
    let error = room.error();
    assert!(
        error.contains("operator_group = \"comenq\": there is no such group"),
        "{error}"
    );
    assert!(error.contains("only its members can post"), "{error}");
}

#[test]
fn a_group_that_does_not_exist_is_an_error() {
    for (text, why) in [
        (
            "admin_group = 'wheeel'",
            "there is no such group on this host",
        ),
        (
            "operator_group = 'nope'",
            "there is no such group on this host",
        ),
        ("admin_group = 'slow'", "the name service is asleep"),
        ("admin_group = ''", "is no group's name"),
        ("admin_group = -1", "is no group's number"),
        ("admin_group = 4294967295", "is no group's number"),
        (
            "admin_group = ['wheel']",
            "must be a group's name in quotes",
        ),
        ("public_status = 'yes'", "must be true or false"),
        ("allow_dangerous = 1", "must be true or false"),
    ] {
        let error = Room::with_file(text).error();
        assert!(error.contains(why), "{text}: {error}");
        assert!(error.contains("config.toml line 1"), "{text}: {error}");
    }
}

#[test]
fn what_is_in_force_is_shown_and_can_be_read_again() {
    let text = "admin_group = 'wheel'\npublic_status = true\nallow_dangerous = true";
    let config = Room::with_file(text).load().unwrap();
    let shown = config.render();
    for line in [
        "admin_group = \"wheel\" # ",
        "operator_group = \"comenq\" # default",
        "public_status = true # ",
        "allow_dangerous = true # ",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert_eq!(access(&shown), config.access);
    let none = Room::new().load().unwrap().render();
    assert!(none.contains("# admin_group: none"), "{none}");
    assert!(none.contains("allow_dangerous = false # default"), "{none}");
}

#[test]
fn a_reload_changes_the_groups_but_not_who_may_connect() {
    let running = Room::with_file("public_status = true").load().unwrap();
    let new = Room::with_file("admin_group = 'wheel'\nallow_dangerous = true");
    let new = new.load().unwrap();
    let said = running.unreloadable_differences(&new);
    assert!(
        said[0].starts_with("public_status stays true until a restart"),
        "{said:?}"
    );
    let taken = new.as_reloaded(&running).access;
    assert_eq!(taken.admin_group, Some(10));
    assert!(taken.allow_dangerous && taken.public_status);
    assert_eq!(taken.operator_group, Some(990), "nobody became an operator");
}
