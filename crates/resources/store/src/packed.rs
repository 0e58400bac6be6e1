//! Many small things in one column: numbers and texts one behind the other, sealed. For tables in which rows are read
//! together so often that a row for each costs more than what is in it. Knows no table.

/// How long the seal is: format and checksum.
const SEAL: usize = 16;

/// Things on their way into a column.
#[derive(Debug, Default)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Adds a number.
    pub fn number(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend(bytes);
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// How many bytes they are so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the column keeps them. Whoever packs otherwise takes another `format`.
    pub fn sealed(mut self, format: u64) -> Vec<u8> {
        let sum = checksum(&self.0);
        self.number(format);
        self.number(sum);
        self.0
    }
}

/// Things on their way out of a column, in the order in which they went in.
#[derive(Debug)]
pub struct Unpacked<'a>(&'a [u8]);

impl<'a> Unpacked<'a> {
    /// What [`Packed::sealed`] has made with this format; `None` for anything else, and for what was damaged.
    pub fn open(sealed: &'a [u8], format: u64) -> Option<Self> {
        let (things, seal) = sealed.split_at_checked(sealed.len().checked_sub(SEAL)?)?;
        let mut seal = Self(seal);
        (seal.number()? == format && seal.number()? == checksum(things)).then_some(Self(things))
    }

    /// The next, where it is a number.
    pub fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    /// The next, where it is bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// The next, where it is a text.
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// Whether all are out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A sum over all bytes that any changed one changes: against damage, not against forgery.
fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B1_85EB_CA87;
    let step = |sum: u64, part: u64| (sum ^ part).wrapping_mul(FACTOR).rotate_left(31);
    let (parts, rest) = bytes.as_chunks::<8>();
    let sum = parts.iter().fold(bytes.len() as u64, |sum, part| step(sum, u64::from_le_bytes(*part)));
    let sum = rest.iter().fold(sum, |sum, byte| step(sum, u64::from(*byte)));
    sum ^ (sum >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> Vec<u8> {
        let mut packed = Packed::default();
        packed.text("a text, Ü");
        packed.number(u64::MAX);
        packed.bytes(&[0, 255]);
        packed.text("");
        packed.sealed(7)
    }

    #[test]
    fn what_is_packed_comes_out_in_its_order() {
        let sealed = sealed();
        let mut unpacked = Unpacked::open(&sealed, 7).unwrap();
        assert_eq!((unpacked.text(), unpacked.number()), (Some("a text, Ü"), Some(u64::MAX)));
        assert_eq!((unpacked.bytes(), unpacked.is_empty()), (Some(&[0, 255][..]), false));
        assert_eq!((unpacked.text(), unpacked.is_empty()), (Some(""), true));
        assert_eq!((unpacked.number(), unpacked.text()), (None, None), "nothing is left");
        assert!(Unpacked::open(&Packed::default().sealed(0), 0).unwrap().is_empty());
    }

    #[test]
    fn what_is_damaged_or_foreign_is_not_opened() {
        let sealed = sealed();
        assert!(Unpacked::open(&sealed, 8).is_none());
        for length in 0..sealed.len() {
            assert!(Unpacked::open(&sealed[..length], 7).is_none(), "{length}");
        }
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 4;
            assert!(Unpacked::open(&flipped, 7).is_none(), "{at}");
        }
    }

    #[test]
    fn what_claims_to_be_longer_than_it_is_does_not_come_out() {
        let mut packed = Packed::default();
        packed.number(u64::MAX);
        packed.number(9);
        let sealed = packed.sealed(1);
        let mut unpacked = Unpacked::open(&sealed, 1).unwrap();
        assert_eq!((unpacked.bytes(), unpacked.bytes()), (None, None));
    }
}
