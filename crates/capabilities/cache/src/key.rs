//! What an answer is kept under: a digest that nobody can make collide, so that no tenant meets another's answer.

use ring::digest::{Context, SHA256};
use std::fmt;

/// What an answer is kept under.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub(crate) [u8; 32]);

impl Key {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    /// The key that 64 hexadecimal digits stand for.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
        let digits = digits.filter(|digits| digits.len() == 64)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |sum, digit| sum << 4 | digit);
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key({})", &self.hex()[..8])
    }
}

/// Puts a key together. Every part goes in with its length, so that no two lists of parts look alike.
pub struct KeyMaker(Context);

impl Default for KeyMaker {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl KeyMaker {
    /// Adds a part.
    #[must_use]
    pub fn with(mut self, part: &[u8]) -> Self {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    /// The key of all parts so far.
    pub fn key(self) -> Key {
        let mut bytes = [0; 32];
        for (byte, digest) in bytes.iter_mut().zip(self.0.finish().as_ref()) {
            *byte = *digest;
        }
        Key(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(parts: &[&str]) -> Key {
        parts.iter().fold(KeyMaker::default(), |maker, part| maker.with(part.as_bytes())).key()
    }

    #[test]
    fn where_one_part_ends_matters() {
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["a", ""]), key(&["a"]));
        assert_eq!(key(&["a", "b"]), key(&["a", "b"]));
    }

    #[test]
    fn survives_being_written_down() {
        let key = key(&["a"]);
        assert_eq!(Key::from_hex(&key.hex()), Some(key));
        assert_eq!(Key::from_hex("0g"), None);
        assert_eq!(Key::from_hex(&key.hex()[1..]), None);
    }
}
