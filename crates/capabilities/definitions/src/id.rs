//! By which a tool is named: ids that are derived, and ids that are given.

use ring::digest::{SHA256, digest};
use std::fmt::Write;

/// The longest id that is derived, in characters: clients and models refuse longer names.
const DERIVED_CHARS_MAX: usize = 64;
/// The longest id that is taken as it was given, in bytes.
const GIVEN_BYTES_MAX: usize = 128;
/// The longest name of a tool or a server, in bytes.
const NAME_BYTES_MAX: usize = 200;
/// Hexadecimal digits of a hash that keep two cut names apart.
const HASH_CHARS: usize = 8;

/// Whether something can be the name of a tool or a server; else why not.
pub(crate) fn name_trouble(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("is empty");
    }
    if name.len() > NAME_BYTES_MAX {
        return Some("is longer than 200 bytes");
    }
    if name.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\' | '`')) {
        return Some("holds white space, quotes or control characters");
    }
    None
}

/// Whether an id can be taken as it was given; else why not.
pub(crate) fn given_trouble(id: &str) -> Option<&'static str> {
    name_trouble(id).or_else(|| (id.len() > GIVEN_BYTES_MAX).then_some("is longer than 128 bytes"))
}

/// `{server}__{name}`, or `{name}` without a server: at most 64 characters of `A–Za–z0–9_-.`. Where that cuts or changes
/// something, a hash of the whole keeps it apart from others, the same each time.
pub(crate) fn derived(server: &str, name: &str) -> String {
    let whole = if server.is_empty() { name.to_owned() } else { format!("{server}__{name}") };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if whole.len() <= DERIVED_CHARS_MAX && whole.chars().all(fits) {
        return whole;
    }
    let made: String = whole.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    let kept: String = made.chars().take(DERIVED_CHARS_MAX - HASH_CHARS - 1).collect();
    format!("{kept}-{}", &hex(&[whole.as_bytes()])[..HASH_CHARS])
}

/// The SHA-256 of parts, each with its length, in hexadecimal digits.
pub fn hex(parts: &[&[u8]]) -> String {
    let mut all = Vec::new();
    for part in parts {
        all.extend_from_slice(&(part.len() as u64).to_le_bytes());
        all.extend_from_slice(part);
    }
    digest(&SHA256, &all).as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_server_and_name() {
        assert_eq!(derived("github", "create_issue"), "github__create_issue");
        assert_eq!(derived("", "add"), "add");
        let long = derived("github", &"x".repeat(100));
        assert_eq!((long.len(), &long[..9]), (64, "github__x"));
        assert_ne!(long, derived("github", &"x".repeat(101)));
        assert_eq!(derived("a b", "ü"), format!("a_b___-{}", &hex(&["a b__ü".as_bytes()])[..8]));
    }

    #[test]
    fn what_cannot_be_a_name_says_why() {
        for good in ["add", "PDF&URLTool", "calculate_tip~1", "math.sum", "größe"] {
            assert_eq!(name_trouble(good), None, "{good}");
        }
        for bad in ["", "a b", "a\nb", "a`b", "a\"b", &"x".repeat(201)] {
            assert!(name_trouble(bad).is_some(), "{bad}");
        }
        assert_eq!(given_trouble(&"x".repeat(129)), Some("is longer than 128 bytes"));
    }

    proptest! {
        #[test]
        fn derived_ids_are_valid_and_stable(server in "\\PC{0,40}", name in "\\PC{1,90}") {
            let id = derived(&server, &name);
            prop_assert!((1..=64).contains(&id.len()));
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)));
            prop_assert_eq!(&id, &derived(&server, &name));
        }
    }
}
