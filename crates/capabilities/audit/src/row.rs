//! A row of the log and its hash. What is hashed is written down in `docs/access.md`, and never changed.

use super::Entry;
use ring::digest::{SHA256, digest};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use store::{Row, StoreError, Value, args};

/// What the first row follows: 32 bytes, as a hash has.
pub(crate) const GENESIS: &[u8; 32] = b"althing-audit-v1: before any row";
/// The columns of a row, in the order in which they are read.
pub(crate) const COLUMNS: &str = "seq, at_ms, actor, tenant, action, target, detail, prev, hash";
/// The most bytes of detail.
const DETAIL_BYTES_MAX: usize = 4_096;
/// The deepest nesting of detail.
const DETAIL_DEPTH_MAX: usize = 16;
/// What is kept of detail beyond that.
const TRUNCATED: &str = r#"{"truncated":true}"#;
/// The most characters of each other text.
const TEXT_CHARS_MAX: usize = 512;

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) seq: i64,
    pub(crate) at_ms: i64,
    pub(crate) actor: String,
    pub(crate) tenant: String,
    pub(crate) action: String,
    pub(crate) target: String,
    pub(crate) detail: String,
    pub(crate) prev: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl Stored {
    /// The row that follows the one whose hash is `prev`.
    pub(crate) fn new(seq: i64, at_ms: i64, entry: &Entry, prev: Vec<u8>) -> Self {
        let mut row = Self {
            seq,
            at_ms,
            actor: text(&entry.actor),
            tenant: text(&entry.tenant),
            action: text(entry.action),
            target: text(&entry.target),
            detail: detail(&entry.detail),
            prev,
            hash: Vec::new(),
        };
        row.hash = row.digest();
        row
    }

    /// The hash that the row ought to have.
    pub(crate) fn digest(&self) -> Vec<u8> {
        let hashed = [self.prev.as_slice(), self.canonical().as_bytes()].concat();
        digest(&SHA256, &hashed).as_ref().to_vec()
    }

    fn canonical(&self) -> String {
        // Whether a JSON object keeps its order or sorts its keys, this comes out the same.
        let row = json!({
            "action": self.action,
            "actor": self.actor,
            "at_ms": self.at_ms,
            "detail": self.detail,
            "seq": self.seq,
            "target": self.target,
            "tenant": self.tenant,
        });
        row.to_string()
    }

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.get(0)?,
            at_ms: row.get(1)?,
            actor: row.get(2)?,
            tenant: row.get(3)?,
            action: row.get(4)?,
            target: row.get(5)?,
            detail: row.get(6)?,
            prev: row.get(7)?,
            hash: row.get(8)?,
        })
    }

    pub(crate) fn into_args(self) -> Vec<Value> {
        let Self { seq, at_ms, actor, tenant, action, target, detail, prev, hash } = self;
        args![seq, at_ms, actor, tenant, action, target, detail, prev, hash]
    }
}

/// Text that both databases can keep: PostgreSQL has no room for the character 0.
fn text(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn detail(value: &Json) -> String {
    let mut out = String::new();
    match canonical(value, 0, &mut out) {
        Some(()) => out,
        None => TRUNCATED.to_owned(),
    }
}

/// Writes JSON with sorted keys and without white space; `None` if that is too long or too deep.
fn canonical(value: &Json, depth: usize, out: &mut String) -> Option<()> {
    if depth > DETAIL_DEPTH_MAX {
        return None;
    }
    match value {
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                out.push(if at == 0 { '[' } else { ',' });
                canonical(item, depth + 1, out)?;
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            for (at, (name, member)) in members.iter().enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                write!(out, "{}:", Json::from(name.as_str())).ok()?;
                canonical(member, depth + 1, out)?;
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
        plain => write!(out, "{plain}").ok()?,
    }
    (out.len() <= DETAIL_BYTES_MAX).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: &str, detail: Json) -> Entry {
        Entry { actor: "k_1".into(), tenant: "acme".into(), action: "key.created", target: target.to_owned(), detail }
    }

    #[test]
    fn the_hash_is_the_one_in_the_documentation() {
        let detail = json!({"role": "user", "budget": {"usd": 5, "per": "day"}});
        let row = Stored::new(1, 1_795_253_400_123, &entry("k_2", detail), GENESIS.to_vec());
        assert_eq!(row.detail, r#"{"budget":{"per":"day","usd":5},"role":"user"}"#);
        let documented = include_str!("../../../../docs/access.md");
        for text in [row.canonical(), crate::hex::encode(&row.hash)] {
            assert!(documented.contains(&format!("\n{text}\n")), "{text}");
        }
    }

    #[test]
    fn detail_is_canonical_and_bounded() {
        let check = |value: Json, expect: &str| assert_eq!(detail(&value), expect);
        check(
            json!({"b": [1, {"z": null, "a": "ä\n\u{0}"}], "a": {}, "": []}),
            r#"{"":[],"a":{},"b":[1,{"a":"ä\n\u0000","z":null}]}"#,
        );
        check(
            json!({"a": "x".repeat(DETAIL_BYTES_MAX - 8)}),
            &format!(r#"{{"a":"{}"}}"#, "x".repeat(DETAIL_BYTES_MAX - 8)),
        );
        check(json!({"a": "x".repeat(DETAIL_BYTES_MAX - 7)}), TRUNCATED);
        check(json!(vec![1; DETAIL_BYTES_MAX]), TRUNCATED);
        check((0..=DETAIL_DEPTH_MAX).fold(json!(1), |inner, _| json!([inner])), TRUNCATED);
        check(
            (0..DETAIL_DEPTH_MAX).fold(json!(1), |inner, _| json!([inner])),
            &format!("{}1{}", "[".repeat(16), "]".repeat(16)),
        );
    }

    #[test]
    fn other_text_is_bounded_and_fits_both_databases() {
        let row = Stored::new(1, 0, &entry(&format!("a\0{}", "ö".repeat(1_000)), json!({})), Vec::new());
        assert!(row.target.starts_with("a\u{fffd}ö") && row.target.chars().count() == TEXT_CHARS_MAX);
    }
}
