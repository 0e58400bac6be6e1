//! Blocks of bytes in a row, of which each resembles the one before: of each only what differs is kept. Knows no dialect.
//!
//! The events of a stream repeat an id, a name and a time around one new word. Kept whole, they are several times the
//! answer, for as long as it takes.

use bytes::Bytes;

/// Such a row, with what was let go at its front.
#[derive(Debug, Default)]
pub struct Tape {
    /// For each block how much of the one before begins it, how much ends it, and what is between.
    coded: Vec<u8>,
    /// Where the first block that is kept begins.
    front: Place,
    /// Behind the last one.
    back: Place,
}

/// A place between two blocks of a row.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// What was coded before it, in bytes.
    at: usize,
    /// What all blocks before it amount to, in bytes.
    passed: usize,
    /// The block before it.
    last: Bytes,
}

impl Tape {
    /// One block more.
    pub fn push(&mut self, block: &[u8]) {
        let last = &self.back.last;
        let begins = last.iter().zip(block).take_while(|(a, b)| a == b).count();
        let rest = (last.len().min(block.len())) - begins;
        let ends = last.iter().rev().zip(block.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
        let middle = block.get(begins..block.len() - ends).unwrap_or_default();
        let before = self.coded.len();
        [begins, ends, middle.len()].into_iter().for_each(|number| write(&mut self.coded, number));
        self.coded.extend_from_slice(middle);
        // Copied, as the block may be a piece of something large.
        self.back = Place {
            at: self.back.at + self.coded.len() - before,
            passed: self.back.passed + block.len(),
            last: Bytes::copy_from_slice(block),
        };
    }

    /// The block behind a place, which moves on; `None` where there is none yet, or none any more.
    pub fn next(&self, place: &mut Place) -> Option<Bytes> {
        let mut coded = self.coded.get(place.at.checked_sub(self.front.at)?..)?;
        let length = coded.len();
        let (begins, ends, middle) = (read(&mut coded)?, read(&mut coded)?, read(&mut coded)?);
        let last = &place.last;
        let parts = [last.get(..begins)?, coded.get(..middle)?, last.get(last.len().checked_sub(ends)?..)?];
        let block = Bytes::from(parts.concat());
        place.at += length - coded.len() + middle;
        place.passed += block.len();
        place.last = block.clone();
        Some(block)
    }

    /// Before the first block that is kept.
    pub fn front(&self) -> Place {
        self.front.clone()
    }

    /// Behind the last block.
    pub fn back(&self) -> Place {
        self.back.clone()
    }

    /// Lets go of all blocks before a place.
    pub fn forget(&mut self, before: &Place) {
        let Some(gone) = before.at.checked_sub(self.front.at).filter(|gone| *gone <= self.coded.len()) else { return };
        self.coded.drain(..gone);
        self.front = before.clone();
    }

    /// What the blocks that are kept amount to, in bytes.
    pub fn len_bytes(&self) -> usize {
        self.behind(&self.front)
    }

    /// What the blocks behind a place amount to, in bytes.
    pub fn behind(&self, place: &Place) -> usize {
        self.back.passed.saturating_sub(place.passed)
    }

    /// All blocks that are kept, one after the other.
    pub fn all(&self) -> Bytes {
        let (mut all, mut place) = (Vec::with_capacity(self.len_bytes()), self.front());
        while let Some(block) = self.next(&mut place) {
            all.extend_from_slice(&block);
        }
        Bytes::from(all)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

/// Seven bits a byte, the lowest first; all but the last byte have the eighth set.
fn write(into: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

fn read(from: &mut &[u8]) -> Option<usize> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Blocks that often share their beginning or their end with the one before.
    fn blocks() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let block = (0..300usize, prop::collection::vec(0..3u8, 0..9), 0..300usize)
            .prop_map(|(before, middle, after)| [vec![7; before], middle, vec![9; after]].concat());
        prop::collection::vec(block, 0..30)
    }

    #[test]
    fn events_that_differ_in_a_word_take_little_more_than_the_words() {
        let mut tape = Tape::default();
        let event =
            |word: &str| format!("data: {{\"id\":\"chatcmpl-8f2b\",\"choices\":[{{\"delta\":\"{word}\"}}]}}\n\n");
        let words = ["Six", " times", " seven", " is", " 42", ".", ".", ""];
        words.iter().for_each(|word| tape.push(event(word).as_bytes()));
        let told: String = words.map(event).concat();
        assert_eq!(tape.all(), told);
        assert_eq!((tape.len_bytes(), tape.coded.len() < 120), (told.len(), true), "{}", tape.coded.len());
    }

    proptest! {
        #[test]
        fn every_place_leads_to_the_same_blocks(blocks in blocks(), gone in 0..30usize) {
            let (mut tape, mut place) = (Tape::default(), Place::default());
            for block in &blocks {
                prop_assert_eq!(tape.next(&mut place), None);
                prop_assert_eq!(&place, &tape.back());
                tape.push(block);
                prop_assert_eq!(tape.next(&mut place), Some(Bytes::copy_from_slice(block)));
            }
            prop_assert_eq!(tape.all(), blocks.concat());
            let gone = gone.min(blocks.len());
            let (mut slow, early) = (tape.front(), tape.front());
            (0..gone).for_each(|_| drop(tape.next(&mut slow)));
            tape.forget(&slow);
            prop_assert_eq!(tape.all(), blocks[gone..].concat());
            prop_assert_eq!(tape.len_bytes(), blocks[gone..].concat().len());
            prop_assert_eq!(tape.behind(&slow), tape.len_bytes());
            prop_assert!(tape.front() >= early);
            if gone > 0 {
                prop_assert_eq!(tape.next(&mut early.clone()), None, "what was let go is gone");
            }
            tape.push(b"more");
            let mut all = Vec::new();
            while let Some(block) = tape.next(&mut slow) {
                all.extend_from_slice(&block);
            }
            prop_assert_eq!(all, [blocks[gone..].concat(), b"more".to_vec()].concat());
        }

        #[test]
        fn numbers_come_back(number in any::<usize>()) {
            let mut coded = Vec::new();
            write(&mut coded, number);
            let mut from = coded.as_slice();
            prop_assert_eq!((read(&mut from), from.len()), (Some(number), 0));
        }
    }
}
