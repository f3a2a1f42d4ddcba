//! An entry of the store: a byte with the length of its key, the key, the value behind version and
//! checksum. Those two are made right, or nothing else would ever be read.

use comenqd::store::read_entry;

const VERSION: u8 = 1;

/// Any record is read or refused, the same each time; with a wrong checksum it is refused.
pub(super) fn record(data: &[u8]) -> bool {
    let Some((len, rest)) = data.split_first() else {
        return false;
    };
    let Some((key, payload)) = rest.split_at_checked(usize::from(*len)) else {
        return false;
    };
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(payload);
    let mut value = vec![VERSION];
    value.extend(hasher.finalize().to_be_bytes());
    value.extend(payload);
    let is_well = read_entry(key, &value).is_ok();
    assert_eq!(read_entry(key, &value).is_ok(), is_well);
    // As it stands the payload is a record too, though hardly ever a good one.
    drop(read_entry(key, payload));
    if let Some(byte) = value.get_mut(4) {
        *byte ^= 1;
    }
    assert!(
        read_entry(key, &value).is_err(),
        "a wrong checksum was taken"
    );
    is_well
}
