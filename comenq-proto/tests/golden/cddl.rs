//! `comenq.cddl` says what the code reads: every vector follows its rule, and what the rule
//! refuses the code refuses too.
//!
//! The library that reads CDDL is nobody's of this project, so that both may be trusted to
//! mean RFC 8610.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use cddl_cat::{cbor::validate_cbor, context::BasicContext, flatten::flatten_from_str};
use ciborium::Value;
use comenq_proto::from_slice;
use serde::de::DeserializeOwned;

use super::{bytes, vectors};

const CDDL: &str = include_str!("../../comenq.cddl");

/// The rules of each vector: `vector: rule`, where the names differ. The first one is what the
/// Rust type of the vector takes.
const RULES: &[(&str, &[&str])] = &[
    ("hello_reply_ack", &["hello_reply"]),
    ("hello_reply_err", &["hello_reply"]),
    ("hello_reply_features", &["hello_reply"]),
    ("request_envelope", &["request_envelope", "request"]),
    ("frame", &["request_envelope", "request"]),
    ("response_ok", &["response_envelope", "response_ok"]),
    ("response_err", &["response_envelope", "response_err"]),
    ("response_event", &["response_envelope", "response_event"]),
    ("error_minimal", &["error"]),
    ("error_full", &["error"]),
    ("job_submit_minimal", &["job_submit"]),
    ("job_submit_full", &["job_submit"]),
    ("job_submit_options", &["job_submit"]),
    ("job_submit_relative", &["job_submit"]),
    ("job_submit_reply_minimal", &["job_submit_reply"]),
    ("job_submit_reply_full", &["job_submit_reply"]),
    ("job_submit_reply_superseding", &["job_submit_reply"]),
    ("job_get_reply_log", &["job_get_reply"]),
    ("job_get_reply_in_line", &["job_get_reply"]),
    ("job_check_reply_duplicate", &["job_check_reply"]),
    ("job_list_first", &["job_list"]),
    ("job_list_next", &["job_list"]),
    ("job_list_history", &["job_list"]),
    ("job_list_filtered", &["job_list"]),
    ("job_list_reply_last", &["job_list_reply"]),
    ("job_retry_failed_first", &["job_retry_failed"]),
    ("job_retry_failed_next", &["job_retry_failed"]),
    ("job_retry_failed_reply_last", &["job_retry_failed_reply"]),
    ("store_export_first", &["store_export"]),
    ("store_export_next", &["store_export"]),
    ("store_export_reply_last", &["store_export_reply"]),
    ("status_reply_degraded", &["status_reply"]),
    ("status_reply_full", &["status_reply"]),
    ("status_reply_expiring", &["status_reply"]),
    ("status_reply_halted", &["status_reply"]),
    ("queue_pause_account", &["queue_pause"]),
    ("queue_resume_account", &["queue_resume"]),
    ("queue_drain_off", &["queue_drain"]),
    ("subscribe_all", &["subscribe"]),
    ("subscribe_mine", &["subscribe"]),
    ("subscribe_jobs", &["subscribe"]),
    ("event_posted", &["event"]),
    ("event_failed", &["event"]),
    ("event_lane", &["event"]),
    ("event_heartbeat", &["event"]),
    ("event_lagged", &["event"]),
    ("health_reply_well", &["health_reply"]),
    ("health_reply_full", &["health_reply"]),
    ("health_reply_clock", &["health_reply"]),
    ("forecast_all", &["forecast"]),
    ("forecast_account", &["forecast"]),
];

static CONTEXT: LazyLock<BasicContext> =
    LazyLock::new(|| BasicContext::new(flatten_from_str(CDDL).unwrap()));

/// The rules that a vector follows.
fn rules(vector: &str) -> Vec<&str> {
    let renamed = RULES.iter().find(|(name, _)| *name == vector);
    renamed.map_or_else(|| vec![vector], |(_, rules)| rules.to_vec())
}

fn follows(value: &Value, rule: &str) -> Result<(), String> {
    let definition = CONTEXT.rules.get(rule);
    let definition = definition.ok_or_else(|| format!("there is no rule {rule}"))?;
    validate_cbor(definition, value, &*CONTEXT).map_err(|error| error.to_string())
}

fn value(hex: &str) -> Value {
    ciborium::from_reader(&*bytes(hex)).unwrap()
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// The payload of each vector.
fn messages() -> BTreeMap<&'static str, Value> {
    let payload = |(name, hex): (&'static str, String)| match name {
        "frame" => (name, value(&hex[8..])),
        _ => (name, value(&hex)),
    };
    vectors().into_iter().map(payload).collect()
}

#[test]
fn every_vector_follows_its_rules() {
    for (name, message) in messages() {
        for rule in rules(name) {
            assert_eq!(follows(&message, rule), Ok(()), "{name} as {rule}");
        }
    }
}

/// What can be said differently in a message, at every place of it.
fn variants(value: &Value) -> Vec<(Change, Value)> {
    let mut all = Vec::new();
    match value {
        Value::Map(entries) => {
            for (at, (key, held)) in entries.iter().enumerate() {
                let with = |change, new| {
                    let mut entries = entries.clone();
                    entries.get_mut(at).unwrap().1 = new;
                    (change, Value::Map(entries))
                };
                let mut fewer = entries.clone();
                fewer.remove(at);
                all.push((Change::Absent(key.clone()), Value::Map(fewer)));
                // No field of the protocol is a fraction.
                all.push(with(Change::WrongType, Value::Float(1.5)));
                all.push(with(Change::Null, Value::Null));
                if held.is_integer() {
                    all.push(with(Change::Number, u64::MAX.into()));
                    all.push(with(Change::Number, (-1).into()));
                }
                all.extend(
                    variants(held)
                        .into_iter()
                        .map(|(change, new)| with(change, new)),
                );
            }
            let mut more = entries.clone();
            let unknown = vec![Value::from(1), Value::Map(vec![])];
            more.push((Value::from("zone"), Value::Array(unknown)));
            all.push((Change::Unknown, Value::Map(more)));
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                all.extend(variants(item).into_iter().map(|(change, new)| {
                    let mut items = items.clone();
                    *items.get_mut(at).unwrap() = new;
                    (change, Value::Array(items))
                }));
            }
        }
        _ => {}
    }
    all
}

#[derive(Debug, Clone, PartialEq)]
enum Change {
    Absent(Value),
    WrongType,
    Null,
    Number,
    Unknown,
}

/// The rule and the Rust type of a vector refuse the same: a field that is missing, of another
/// type, or beyond its width. They take the same: a field more, an optional one less.
pub(super) fn agrees<T: DeserializeOwned>(name: &str, hex: &str) {
    let rules = rules(name);
    let rule = rules.first().unwrap();
    for (change, variant) in variants(&value(hex)) {
        let by_rule = follows(&variant, rule);
        let by_code = from_slice::<T>(&encoded(&variant)).map_err(|error| error.to_string());
        let told = (by_rule.is_ok(), by_code.is_ok());
        let expected: &[(bool, bool)] = match &change {
            Change::WrongType => &[(false, false)],
            // The code takes a reply without either, and its caller refuses it.
            Change::Absent(Value::Text(key)) if key == "ack" || key == "err" => &[(false, true)],
            // The rule promises that of texts and numbers alone.
            Change::Null => &[(false, false), (false, true), (true, true)],
            Change::Absent(_) | Change::Number | Change::Unknown => &[(false, false), (true, true)],
        };
        assert!(
            expected.contains(&told),
            "{name} with {change:?}: rule {by_rule:?}, code {:?}: {variant:?}",
            by_code.err()
        );
    }
}

#[test]
fn a_field_of_another_type_is_refused_and_an_unknown_one_is_not() {
    let job_get = |entries: &[(&str, Value)]| {
        let entries = entries
            .iter()
            .map(|(key, value)| (Value::from(*key), value.clone()));
        follows(&Value::Map(entries.collect()), "job_get").is_ok()
    };
    assert!(job_get(&[("id", 7.into())]));
    assert!(job_get(&[("id", 7.into()), ("later", Value::Bool(true))]));
    assert!(!job_get(&[("id", "7".into())]));
    assert!(!job_get(&[("id", (-7).into())]));
    assert!(!job_get(&[]));
}

#[test]
fn a_number_keeps_to_its_width() {
    let position = |epoch: u64| {
        let entries = [("epoch", epoch), ("seq", 1)];
        Value::Map(
            entries
                .map(|(key, value)| (key.into(), value.into()))
                .to_vec(),
        )
    };
    assert_eq!(follows(&position(u64::MAX), "position"), Ok(()));
    let wide = [
        ("u16", 65_536),
        ("u32", 4_294_967_296),
        ("i8", 128),
        ("i8", -129),
    ];
    for (rule, number) in wide {
        assert!(
            follows(&Value::from(number), rule).is_err(),
            "{number} as {rule}"
        );
        let within = number - i64::signum(number);
        assert_eq!(follows(&Value::from(within), rule), Ok(()));
    }
    assert_eq!(follows(&Value::from(-i64::MAX), "i64"), Ok(()));
    assert!(follows(&Value::from(u64::MAX), "i64").is_err());
    let many = |count| Value::Array(vec![Value::from("later"); count]);
    let hello = |count| {
        let mut hello = messages()["hello"].clone();
        let entries = hello.as_map_mut().unwrap();
        entries.retain(|(key, _)| *key != Value::from("supports"));
        entries.push(("supports".into(), many(count)));
        follows(&hello, "hello").is_ok()
    };
    assert!(hello(256));
    assert!(!hello(257));
}

/// The rules of the file and, for each, the words it uses.
fn defined() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut rules = BTreeMap::<_, BTreeSet<_>>::new();
    let mut current = "";
    for line in CDDL.lines() {
        let line = line.split(';').next().unwrap_or_default();
        if line.is_empty() {
            continue;
        }
        let mut right = line;
        if let Some((left, rest)) = line.split_once(" = ") {
            current = left.split('<').next().unwrap_or_default();
            right = rest;
            assert!(
                rules.insert(current, BTreeSet::new()).is_none(),
                "{current} twice"
            );
        }
        // A field's own name is no rule, nor is a text.
        let right = right.split_once(": ").map_or(right, |(_, kind)| kind);
        let words = right.split('"').step_by(2);
        let words = words.flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_'));
        let words = words.filter(|word| !word.is_empty());
        rules.entry(current).or_default().extend(words);
    }
    rules
}

#[test]
fn no_rule_is_idle() {
    let defined = defined();
    let mut reached = BTreeSet::new();
    let mut next: Vec<_> = messages().into_keys().flat_map(rules).collect();
    while let Some(rule) = next.pop() {
        assert!(defined.contains_key(rule), "there is no rule {rule}");
        if reached.insert(rule) {
            let used = defined[rule].iter().copied();
            next.extend(used.filter(|word| defined.contains_key(word)));
        }
    }
    let idle: Vec<_> = defined
        .keys()
        .filter(|rule| !reached.contains(*rule))
        .collect();
    assert!(idle.is_empty(), "no vector shows {idle:?}");
}
