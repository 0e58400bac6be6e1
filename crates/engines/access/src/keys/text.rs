//! What a key looks like, and how it is told from one that nobody made.
//!
//! `alth_`, 32 random bytes, and a check of 6 bytes that only the server's secret can make: a forged key is known
//! without looking anything up. What is kept of a key is its digest under that secret, never the key.

use crate::AccessError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::borrow::Cow;
use std::fmt;

/// What every key begins with.
pub(crate) const MARK: &str = "alth_";
/// Random bytes of a key.
const RANDOM_BYTES: usize = 32;
/// Bytes of its check.
const CHECK_BYTES: usize = 6;
/// Characters that the random bytes take.
const RANDOM_CHARS: usize = 43;
/// Characters that the check takes.
const CHECK_CHARS: usize = 8;
/// Characters of a key.
const KEY_CHARS: usize = MARK.len() + RANDOM_CHARS + CHECK_CHARS;
/// Characters of a key that may be shown: 42 bits of 256.
pub(crate) const PREFIX_CHARS: usize = 12;

/// What is kept of a credential, and what it is found by.
pub(crate) type Digest = [u8; 32];

/// A key, as it is shown to whoever asked for it, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key itself, for the one who asked for it to be made.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The beginning, which tells keys apart and opens nothing.
    pub(crate) fn prefix(&self) -> &str {
        self.0.get(..PREFIX_CHARS).unwrap_or_default()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key({}…)", self.prefix())
    }
}

/// Text that has the form of a key. Whether anybody made it is told by [`Hasher::digest`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parsed {
    random: [u8; RANDOM_BYTES],
    check: [u8; CHECK_BYTES],
}

impl Parsed {
    /// Reads a key; `None` for text of any other form. Of all spellings of the same bytes only ours is read.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(MARK).filter(|_| text.len() == KEY_CHARS)?;
        let (random, check) = rest.split_at_checked(RANDOM_CHARS)?;
        Some(Self { random: decode(random)?, check: decode(check)? })
    }
}

impl fmt::Debug for Parsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Parsed(***)")
    }
}

fn decode<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (written == BYTES).then_some(bytes)
}

/// Text with every key in it cut down to what may be shown of one: whoever typed a key where none belongs does not find
/// it in what is said about that.
pub fn without_keys(text: &str) -> Cow<'_, str> {
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut pieces = text.split(MARK);
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.bytes().position(|byte| !is_key(byte)).unwrap_or(piece.len());
        let (key, rest) = piece.split_at(end);
        let shown = key.get(..PREFIX_CHARS - MARK.len()).filter(|shown| shown.len() < key.len());
        kept.extend([MARK, shown.unwrap_or(key), if shown.is_some() { "…" } else { "" }, rest]);
    }
    Cow::Owned(kept)
}

/// The server's secret, ready to hash with.
#[derive(Clone)]
pub(crate) struct Hasher(hmac::Key);

impl Hasher {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// What a key is kept and found by; `None` if nobody made it under this secret.
    pub(crate) fn digest(&self, key: &Parsed) -> Option<Digest> {
        let check = self.check(&key.random);
        // Every byte is looked at, so that the time taken does not tell how many were right.
        let differing = check.iter().zip(&key.check).fold(0, |all, (one, two)| all | (one ^ two));
        (std::hint::black_box(differing) == 0).then(|| self.tagged("key", &key.random))
    }

    /// What a token is found by.
    pub(crate) fn token(&self, text: &str) -> Digest {
        self.tagged("token", text.as_bytes())
    }

    /// What tells this secret from another one, and tells nothing about it.
    pub(crate) fn fingerprint(&self) -> Digest {
        self.tagged("fingerprint", &[])
    }

    /// A new key and its digest.
    pub(crate) fn make(&self) -> Result<(Key, Digest), AccessError> {
        let random: [u8; RANDOM_BYTES] = chance()?;
        let mut text = MARK.to_owned();
        URL_SAFE_NO_PAD.encode_string(random, &mut text);
        URL_SAFE_NO_PAD.encode_string(self.check(&random), &mut text);
        Ok((Key(text), self.tagged("key", &random)))
    }

    fn check(&self, random: &[u8; RANDOM_BYTES]) -> [u8; CHECK_BYTES] {
        let tag = self.tagged("check", random);
        let mut check = [0; CHECK_BYTES];
        check.copy_from_slice(&tag[..CHECK_BYTES]);
        check
    }

    fn tagged(&self, purpose: &str, bytes: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        context.update(bytes);
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Hasher(***)")
    }
}

/// Bytes that nobody can guess.
pub(crate) fn chance<const BYTES: usize>() -> Result<[u8; BYTES], AccessError> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| AccessError::Chance)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_whoever_has_the_secret() {
        let (ours, theirs) = (Hasher::new(b"ours"), Hasher::new(b"theirs"));
        let (key, digest) = ours.make().unwrap();
        assert_eq!((key.expose().len(), key.prefix().len()), (KEY_CHARS, PREFIX_CHARS));
        let parsed = Parsed::read(key.expose()).unwrap();
        assert_eq!(ours.digest(&parsed), Some(digest));
        assert_eq!(theirs.digest(&parsed), None);
        assert_ne!(ours.make().unwrap().1, digest);
        assert_ne!(ours.fingerprint(), theirs.fingerprint());
    }

    #[test]
    fn no_character_can_be_changed() {
        let hasher = Hasher::new(b"secret");
        let (key, _) = hasher.make().unwrap();
        for at in 0..KEY_CHARS {
            for other in "A-_zQ9=. é\0".chars() {
                let changed: String =
                    key.expose().chars().enumerate().map(|(i, old)| if i == at { other } else { old }).collect();
                let known = Parsed::read(&changed).and_then(|parsed| hasher.digest(&parsed));
                assert!(known.is_none() || changed == key.expose(), "character {at} as {other:?}");
            }
        }
    }

    #[test]
    fn text_of_another_form_is_no_key() {
        let (key, _) = Hasher::new(b"secret").make().unwrap();
        let key = key.expose();
        let wrong = [
            String::new(),
            "alth_".to_owned(),
            format!("{key}A"),
            key[..KEY_CHARS - 1].to_owned(),
            key.to_uppercase(),
            key.replace("alth_", "alth-"),
            format!("alth_{}", "é".repeat(25) + "a"),
            "sk-".to_owned() + &"a".repeat(53),
        ];
        for text in wrong {
            assert_eq!(Parsed::read(&text), None, "{text}");
        }
    }

    #[test]
    fn keys_within_text_are_cut() {
        let key = Hasher::new(b"secret").make().unwrap().0;
        let (key, prefix) = (key.expose(), key.prefix());
        for (text, expect) in [
            (format!("there is no `{key}`, {key}"), format!("there is no `{prefix}…`, {prefix}…")),
            (format!("/a/{key}x/é?{}", &key[..40]), format!("/a/{prefix}…/é?{prefix}…")),
            (format!("{key}{key}"), format!("{prefix}…{prefix}…")),
            (format!("alth_short é {prefix} alth_"), format!("alth_short é {prefix} alth_")),
            ("stealth_é and no key".to_owned(), "stealth_é and no key".to_owned()),
        ] {
            assert_eq!(without_keys(&text), expect);
        }
    }

    #[test]
    fn neither_keys_nor_secrets_are_shown() {
        let hasher = Hasher::new(b"s3cret");
        let (key, _) = hasher.make().unwrap();
        let shown = format!("{key:?} {:?} {hasher:?}", Parsed::read(key.expose()));
        assert!(!shown.contains(&key.expose()[PREFIX_CHARS..PREFIX_CHARS + 4]) && !shown.contains("s3cret"), "{shown}");
    }
}
