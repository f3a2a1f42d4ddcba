//! The JSON contract: everything that is printed under `--json` fits `schema.json`.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::Ran;

const CONTRACT: &str = include_str!("../../schema.json");

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let mut schema: Value = serde_json::from_str(CONTRACT).unwrap();
    forbid_more(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
});

/// Users may meet more fields than they know; we may not print one that is not told.
fn forbid_more(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("properties").is_some() && !map.contains_key("allOf") {
                map.insert("additionalProperties".into(), false.into());
            }
            map.values_mut().for_each(forbid_more);
        }
        Value::Array(items) => items.iter_mut().for_each(forbid_more),
        _ => {}
    }
}

/// Called with each run of every test: whatever looks like our JSON is some.
pub(super) fn check(ran: &Ran) {
    for line in ran.stdout.lines().chain(ran.stderr.lines()) {
        if !line.starts_with("{\"schema\":") {
            continue;
        }
        let document: Value = serde_json::from_str(line).unwrap();
        let errors: Vec<_> = VALIDATOR
            .iter_errors(&document)
            .map(|it| it.to_string())
            .collect();
        assert!(errors.is_empty(), "{line}\n{}", errors.join("\n"));
    }
}
