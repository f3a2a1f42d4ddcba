//! CBOR: one message in, one plain struct out.
//!
//! Decides what is refused whatever the struct: nesting beyond
//! [`RECURSION_LIMIT`], more than [`MAX_ITEMS`] items, bytes left over, lists longer than their bound. Called
//! for every message on either side. Only plain structs with text keys go
//! through here: tagged enums, untyped values and flattened fields buffer their
//! input, which once turned a frame of 1 MiB into 48 MiB of memory.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_bytes::ByteBuf;

use crate::limits::{MAX_ENTRIES, MAX_ITEMS, RECURSION_LIMIT};

/// A value that CBOR cannot express; none of the protocol's types is one.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode as CBOR: {reason}")]
pub struct EncodeError {
    reason: String,
}

/// Why bytes are not the message they should be. The texts name positions and
/// fields, never contents: they go to logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside the message.
    #[error("message ends too early")]
    Truncated,
    /// Not CBOR.
    #[error("message is not CBOR at byte {offset}")]
    Malformed {
        /// Where reading stopped.
        offset: usize,
    },
    /// CBOR, but not the expected struct.
    #[error("message has not the expected fields: {reason}")]
    Shape {
        /// Which field is missing, doubled or of the wrong type.
        reason: String,
    },
    /// Maps or arrays nested too deep.
    #[error("message is nested deeper than {RECURSION_LIMIT} levels")]
    TooDeep,
    /// More than [`MAX_ITEMS`] items, most of them in fields nobody knows.
    #[error("message has more than {MAX_ITEMS} items")]
    TooMany,
    /// Bytes follow the message.
    #[error("{left} bytes follow the message")]
    Trailing {
        /// How many.
        left: usize,
    },
}

/// Encodes one message.
///
/// # Errors
/// The value has a part that CBOR cannot express.
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    match ciborium::into_writer(value, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(EncodeError {
            reason: error.to_string(),
        }),
    }
}

/// Decodes one message that fills `bytes` to the last one.
///
/// # Errors
/// The bytes are not CBOR, not this struct, nested too deep, of too many items,
/// or more than one message.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    if has_too_many_items(bytes) {
        return Err(DecodeError::TooMany);
    }
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, RECURSION_LIMIT)
        .map_err(decode_error)?;
    match rest.len() {
        0 => Ok(value),
        left => Err(DecodeError::Trailing { left }),
    }
}

/// Whether there are more than [`MAX_ITEMS`] items, which is told by their heads
/// alone: whatever they are, the content of strings is passed over. What is no
/// CBOR ends the count; reading it will say so.
fn has_too_many_items(bytes: &[u8]) -> bool {
    const BYTES: u8 = 2;
    const TEXT: u8 = 3;
    // Each has one byte at least, so most messages need not be looked at.
    if bytes.len() <= MAX_ITEMS {
        return false;
    }
    let mut rest = bytes;
    for _ in 0..=MAX_ITEMS {
        let Some((head, tail)) = rest.split_first() else {
            return false;
        };
        let (major, info) = (head >> 5, head & 0b1_1111);
        let argument_len = match info {
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => 0,
        };
        let Some((argument, tail)) = tail.split_at_checked(argument_len) else {
            return false;
        };
        let is_string = matches!(major, BYTES | TEXT);
        let content = match (is_string, info) {
            (true, 0..24) => usize::from(info),
            (true, 24..28) => argument
                .iter()
                .fold(0_usize, |len, byte| len << 8 | usize::from(*byte)),
            _ => 0,
        };
        let Some(next) = tail.get(content..) else {
            return false;
        };
        rest = next;
    }
    true
}

fn decode_error<E>(error: ciborium::de::Error<E>) -> DecodeError {
    use ciborium::de::Error;
    match error {
        Error::Io(_) => DecodeError::Truncated,
        Error::Syntax(offset) => DecodeError::Malformed { offset },
        Error::Semantic(_, reason) => DecodeError::Shape { reason },
        Error::RecursionLimitExceeded => DecodeError::TooDeep,
    }
}

/// Reads an embedded message and gives back what growing left over.
///
/// A byte string is read in steps and its buffer doubles, so it may end twice
/// as large as its content; the decoded message beside it would double that.
pub(crate) fn embedded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteBuf, D::Error> {
    let mut bytes = ByteBuf::deserialize(deserializer)?.into_vec();
    bytes.shrink_to_fit();
    Ok(ByteBuf::from(bytes))
}

/// Whether a value is what its absence means; such a field is left out, so that
/// messages from before it existed keep their bytes.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a number that may be absent, or null, which is the same.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a list of at most `MAX` elements, growing it as they come.
///
/// serde's own `Vec` trusts the declared length for up to a megabyte; here a
/// few bytes on the wire must not make anybody allocate that much.
pub(crate) fn list<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    /// Lists are short; doubling would cost more memory than this costs time.
    const STEP: usize = 16;

    struct List<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = seq.next_element()? {
                if items.len() == MAX {
                    return Err(A::Error::custom(format_args!("list longer than {MAX}")));
                }
                if items.len() == items.capacity() {
                    items.reserve_exact(STEP.min(MAX - items.len()));
                }
                items.push(item);
            }
            Ok(items)
        }
    }

    deserializer.deserialize_seq(List::<T, MAX>(PhantomData))
}

/// Reads a map from text to number of at most [`MAX_ENTRIES`] entries.
pub(crate) fn counts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, u64>, D::Error> {
    struct Counts;

    impl<'de> Visitor<'de> for Counts {
        type Value = BTreeMap<String, u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a map of at most {MAX_ENTRIES}")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut counts = BTreeMap::new();
            while let Some((name, count)) = map.next_entry()? {
                if counts.len() == MAX_ENTRIES {
                    return Err(A::Error::custom(format_args!("map over {MAX_ENTRIES}")));
                }
                counts.insert(name, count);
            }
            Ok(counts)
        }
    }

    deserializer.deserialize_map(Counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        a: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        b: Option<String>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Listing {
        #[serde(deserialize_with = "list::<_, _, 2>")]
        items: Vec<u64>,
    }

    const A7: &[u8] = b"\xa1\x61a\x07";

    #[test]
    fn too_many_items_are_refused_before_anything_is_read() {
        let list = |items: usize| {
            let mut bytes = vec![0x9a];
            bytes.extend(u32::try_from(items).unwrap().to_be_bytes());
            bytes.resize(bytes.len() + items, 0x01);
            bytes
        };
        // The list itself is an item too.
        assert!(!has_too_many_items(&list(MAX_ITEMS - 1)));
        assert!(has_too_many_items(&list(MAX_ITEMS)));
        let error = from_slice::<Vec<u8>>(&list(MAX_ITEMS)).unwrap_err();
        assert_eq!(error, DecodeError::TooMany);
        // Chunks of a string without an end count, and so does nesting.
        let mut endless = vec![0x7f];
        endless.extend([0x61, b'a'].repeat(MAX_ITEMS));
        assert!(has_too_many_items(&endless));
        assert!(has_too_many_items(&vec![0x81; MAX_ITEMS + 1]));
    }

    #[test]
    fn the_content_of_strings_is_no_item() {
        for head in [&[0x5a, 0, 2, 0, 0][..], &[0x7a, 0, 2, 0, 0]] {
            let mut bytes = head.to_vec();
            bytes.resize(head.len() + 0x2_0000, 0x01);
            assert!(!has_too_many_items(&bytes));
            // One that promises more than there is ends the count.
            bytes.truncate(bytes.len() - 1);
            assert!(!has_too_many_items(&bytes));
        }
    }

    #[test]
    fn a_struct_is_a_map_with_text_keys() {
        let sample = Sample { a: 7, b: None };
        assert_eq!(to_bytes(&sample).unwrap(), A7);
        assert_eq!(from_slice::<Sample>(A7).unwrap(), sample);
    }

    #[test]
    fn unknown_fields_are_ignored_whatever_they_hold() {
        let sample: Sample = from_slice(b"\xa2\x61x\x82\xa1\x61k\xf6\x01\x61a\x07").unwrap();
        assert_eq!(sample, Sample { a: 7, b: None });
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let wrong = |bytes| from_slice::<Sample>(bytes).unwrap_err();
        assert_eq!(wrong(b""), DecodeError::Truncated);
        assert_eq!(wrong(b"\xa1\x61a"), DecodeError::Truncated);
        assert_eq!(
            wrong(b"\xff\x00"),
            DecodeError::Shape {
                reason: shape_of_break()
            }
        );
        assert!(matches!(wrong(b"\x1c"), DecodeError::Malformed { .. }));
        assert!(matches!(wrong(b"\xa0"), DecodeError::Shape { .. }));
        assert!(matches!(wrong(b"\x81\x07"), DecodeError::Shape { .. }));
        assert!(matches!(
            wrong(b"\xa2\x61a\x07\x61a\x08"),
            DecodeError::Shape { .. }
        ));
        assert_eq!(
            wrong(b"\xa1\x61a\x07\x00"),
            DecodeError::Trailing { left: 1 }
        );
    }

    fn shape_of_break() -> String {
        "invalid type: break, expected map".to_owned()
    }

    #[test]
    fn nesting_stops_at_the_limit() {
        let mut bytes = b"\xa1\x61x".to_vec();
        bytes.extend(vec![0x81; 100]);
        bytes.push(0);
        assert_eq!(
            from_slice::<Sample>(&bytes).unwrap_err(),
            DecodeError::TooDeep
        );
    }

    #[test]
    fn a_list_is_bounded_by_its_elements_not_by_its_promise() {
        assert_eq!(
            from_slice::<Listing>(b"\xa1\x65items\x82\x01\x02")
                .unwrap()
                .items,
            [1, 2]
        );
        assert!(from_slice::<Listing>(b"\xa1\x65items\x83\x01\x02\x03").is_err());
        let promise = b"\xa1\x65items\x9b\x00\x00\x00\xff\xff\xff\xff\xff\x01";
        assert_eq!(
            from_slice::<Listing>(promise).unwrap_err(),
            DecodeError::Truncated
        );
    }
}
