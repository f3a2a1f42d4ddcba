//! What `journalctl -x` explains. That its commands exist is seen with those of sentences.

use std::collections::BTreeSet;

use super::texts::{CATALOGUE, read};

/// The fields that it may name, of those on the lines that it explains. Not `TARGET`: the journal's
/// library has one of its own, the module's name, which comes first and would be shown.
const FIELDS: [&str; 2] = ["ACCOUNT", "JOB_ID"];

#[test]
fn the_catalogue_names_fields_that_are_logged() {
    let catalogue = read(CATALOGUE);
    let mut named = BTreeSet::new();
    for line in catalogue.lines() {
        named.extend(line.split('@').skip(1).step_by(2));
    }
    assert_eq!(named, BTreeSet::from(FIELDS));
}
