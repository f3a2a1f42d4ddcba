//! Records as JSON, field by field, and back.
//!
//! Decides how what JSON does not have is written: bytes as `{"hex": …}`, numbers beyond 64 bits as
//! `{"u128": …}`. Knows no record: a field that is added tomorrow is exported tomorrow.

use ciborium::value::{Integer, Value as Cbor};
use serde_json::{Map, Value as Json, json};

use crate::store::StoreError;

fn cannot(what: &str) -> StoreError {
    StoreError::Damaged(format!("{what} cannot be exported"))
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of a text made by [`hex`].
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| {
        pairs
            .map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit))
            .collect()
    })
}

/// A record as JSON.
pub(super) fn from_cbor(value: &Cbor) -> Result<Json, StoreError> {
    Ok(match value {
        Cbor::Null => Json::Null,
        Cbor::Bool(is) => json!(is),
        Cbor::Text(text) => json!(text),
        Cbor::Bytes(bytes) => json!({"hex": hex(bytes)}),
        Cbor::Integer(number) => from_integer(*number)?,
        // ciborium writes a u128 beyond 64 bits as a tagged big number.
        Cbor::Tag(_, _) => {
            let number: u128 = value.deserialized().map_err(|_| cannot("a tagged value"))?;
            json!({"u128": number.to_string()})
        }
        Cbor::Array(items) => Json::Array(items.iter().map(from_cbor).collect::<Result<_, _>>()?),
        Cbor::Map(fields) => {
            let mut object = Map::new();
            for (name, value) in fields {
                let name = name
                    .as_text()
                    .ok_or_else(|| cannot("a field without a name"))?;
                object.insert(name.to_owned(), from_cbor(value)?);
            }
            Json::Object(object)
        }
        _ => return Err(cannot("a value of an unknown type")),
    })
}

fn from_integer(number: Integer) -> Result<Json, StoreError> {
    u64::try_from(number)
        .map(|number| json!(number))
        .or_else(|_| i64::try_from(number).map(|number| json!(number)))
        .map_err(|_| cannot("a number"))
}

/// The record that [`from_cbor`] wrote; `None` where it wrote no such thing.
pub(super) fn to_cbor(value: &Json) -> Option<Cbor> {
    Some(match value {
        Json::Null => Cbor::Null,
        Json::Bool(is) => Cbor::Bool(*is),
        Json::String(text) => Cbor::Text(text.clone()),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Cbor::from(number),
            (None, Some(number)) => Cbor::from(number),
            (None, None) => return None,
        },
        Json::Array(items) => Cbor::Array(items.iter().map(to_cbor).collect::<Option<_>>()?),
        Json::Object(fields) => match (fields.len(), fields.iter().next()) {
            (1, Some((name, value))) if name == "hex" => {
                Cbor::Bytes(value.as_str().and_then(unhex)?)
            }
            (1, Some((name, value))) if name == "u128" => {
                let number: u128 = value.as_str()?.parse().ok()?;
                Cbor::serialized(&number).ok()?
            }
            _ => Cbor::Map(
                fields
                    .iter()
                    .map(|(name, value)| Some((Cbor::Text(name.clone()), to_cbor(value)?)))
                    .collect::<Option<_>>()?,
            ),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_does_not_have_comes_back() {
        for value in [
            Cbor::Bytes(vec![0, 127, 255]),
            Cbor::serialized(&u128::MAX).unwrap(),
            Cbor::serialized(&(1_u128 << 64)).unwrap(),
            Cbor::serialized(&7_u128).unwrap(),
            Cbor::from(-5),
            Cbor::from(i64::MIN),
            Cbor::from(u64::MAX),
            Cbor::Array(vec![Cbor::Null, Cbor::Bool(true), Cbor::Text("ü".into())]),
            Cbor::Map(vec![
                (Cbor::Text("a".into()), Cbor::Bytes(vec![])),
                (Cbor::Text("b".into()), Cbor::from(1)),
            ]),
        ] {
            let json = from_cbor(&value).unwrap();
            let text = json.to_string();
            let back: Json = serde_json::from_str(&text).unwrap();
            assert_eq!(to_cbor(&back), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_hexadecimal_is_refused() {
        for text in ["0", "0g", "ü"] {
            assert_eq!(unhex(text), None, "{text}");
        }
        assert_eq!(unhex("00fF"), Some(vec![0, 255]));
    }
}
