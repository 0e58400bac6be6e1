//! An entry as bytes, for disk and Redis: a version, a checksum, the key, the times, and the answer, compressed where
//! that pays.
//!
//! Whatever does not read back exactly is no entry: damage, another version and another key's bytes are all a miss.

use crate::entry::{Entry, Label, Times, Value};
use crate::key::Key;
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use std::sync::Arc;

/// The first bytes of every entry; the last of them is the version of the format.
const MAGIC: &[u8; 4] = b"ALC\x01";
const CHECK_BYTES: usize = 8;
/// Answers above this are compressed.
const PLAIN_MAX: usize = 1_024;
/// Little is gained by more, and it takes several times as long.
const ZSTD_LEVEL: i32 = 1;
/// No entry unfolds to more than this: settings allow less.
const BODY_MAX: usize = 1 << 28;

/// The entry as bytes; `None` for one that stays in memory.
pub(crate) fn encode<V: Value>(key: &Key, entry: &Entry<V>) -> Option<Bytes> {
    let body = entry.value.pack()?;
    let label = serde_json::to_vec(&entry.label).ok()?;
    let packed = (body.len() > PLAIN_MAX).then(|| zstd::bulk::compress(&body, ZSTD_LEVEL).ok()).flatten();
    let packed = packed.filter(|packed| packed.len() < body.len());
    let mut out = Vec::with_capacity(packed.as_ref().map_or(body.len(), Vec::len) + label.len() + 96);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[0; CHECK_BYTES]);
    out.extend_from_slice(&key.0);
    for number in [entry.times.stored_ms, entry.times.fresh_ms, entry.times.dead_ms, entry.seen] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&u32::try_from(label.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&label);
    out.extend_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
    out.push(u8::from(packed.is_some()));
    out.extend_from_slice(packed.as_deref().unwrap_or(&body));
    let from = MAGIC.len() + CHECK_BYTES;
    let check = check(&out[from..]);
    out[MAGIC.len()..from].copy_from_slice(&check);
    Some(Bytes::from(out))
}

/// The entry that [`encode`] made of it.
pub(crate) fn decode<V: Value>(key: &Key, bytes: &[u8]) -> Option<Arc<Entry<V>>> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (sum, rest) = rest.split_first_chunk::<CHECK_BYTES>()?;
    if check(rest) != *sum {
        return None;
    }
    let rest = rest.strip_prefix(&key.0)?;
    let (stored_ms, rest) = number(rest)?;
    let (fresh_ms, rest) = number(rest)?;
    let (dead_ms, rest) = number(rest)?;
    let (seen, rest) = number(rest)?;
    let (len, rest) = length(rest)?;
    let (label, rest) = rest.split_at_checked(len)?;
    let label: Label = serde_json::from_slice(label).ok()?;
    let (len, rest) = length(rest)?;
    let (packed, body) = rest.split_first()?;
    let body = match packed {
        0 => Bytes::copy_from_slice(body),
        _ if len > BODY_MAX => return None,
        _ => Bytes::from(zstd::bulk::decompress(body, len).ok()?),
    };
    let value = (body.len() == len).then(|| V::unpack(body)).flatten()?;
    Some(Entry::new(value, label, Times { stored_ms, fresh_ms, dead_ms }, seen))
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    for (byte, digest) in check.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *byte = *digest;
    }
    check
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*number), rest))
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number) as usize, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Text;
    use crate::key::KeyMaker;
    use proptest::prelude::*;

    fn key(text: &str) -> Key {
        KeyMaker::default().with(text.as_bytes()).key()
    }

    fn entry(text: &str) -> Arc<Entry<Text>> {
        let label = Label { tenant: "t".into(), tags: Box::new(["a".into(), "b".into()]) };
        Entry::new(Text::from(text), label, Times { stored_ms: 1, fresh_ms: 2, dead_ms: 3 }, 4)
    }

    #[test]
    fn long_answers_are_compressed_and_short_ones_are_not() {
        let short = encode(&key("k"), &entry("hello")).unwrap();
        assert!(short.ends_with(b"hello"), "{short:?}");
        let long = encode(&key("k"), &entry(&"hello ".repeat(1_000))).unwrap();
        assert!(long.len() < 500, "{}", long.len());
    }

    proptest! {
        #[test]
        fn whatever_is_written_reads_back_alike(text in "(?s).{0,3000}") {
            let before = entry(&text);
            let after = decode::<Text>(&key("k"), &encode(&key("k"), &before).unwrap()).unwrap();
            prop_assert_eq!(&after.value, &before.value);
            prop_assert_eq!((&after.label, after.times, after.seen), (&before.label, before.times, before.seen));
        }

        #[test]
        fn damage_is_no_entry(at in 0_usize..200, bit in 0_u8..8, cut in 0_usize..200) {
            let good = encode(&key("k"), &entry("an answer of some length")).unwrap();
            let mut bad = good.to_vec();
            let at = at % bad.len();
            bad[at] ^= 1 << bit;
            prop_assert!(decode::<Text>(&key("k"), &bad).is_none());
            prop_assert!(decode::<Text>(&key("k"), &good[..cut % good.len()]).is_none());
        }
    }

    #[test]
    fn the_bytes_of_another_key_are_no_entry() {
        let bytes = encode(&key("k"), &entry("mine")).unwrap();
        assert!(decode::<Text>(&key("other"), &bytes).is_none());
    }
}
