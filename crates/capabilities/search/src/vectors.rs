//! Vectors in memory, twice: in small integers that are quick to go through, and as they came, to be exact about the best.

use crate::Vector;
use crate::products::{Small, cosine, scan};

/// Rows that lie together. Growing by these never moves what is there, and a small collection takes little.
const BLOCK: usize = 256;

/// From so many dimensions on integers are good enough to tell who is among the best: the roundings of few do not even
/// out.
const INTEGERS_FROM: usize = 64;

/// The vectors of a partition, a row each, without gaps.
#[derive(Default)]
pub(crate) struct Vectors {
    dimensions: usize,
    /// Small integers, [`BLOCK`] rows together.
    codes: Vec<Vec<i8>>,
    /// What an integer of a row is worth.
    scales: Vec<f32>,
    /// Which document a row is of.
    owners: Vec<u32>,
    exact: Vec<Vector>,
}

impl Vectors {
    /// How long each is; `None` while there is none.
    pub(crate) fn dimensions(&self) -> Option<usize> {
        (!self.owners.is_empty()).then_some(self.dimensions)
    }

    /// Adds a vector to a document and tells its row. All vectors here must be of one length.
    pub(crate) fn push(&mut self, owner: u32, vector: Vector) -> u32 {
        if self.owners.is_empty() {
            *self = Self { dimensions: vector.len(), ..Self::default() };
        }
        let row = self.owners.len();
        if row.is_multiple_of(BLOCK) {
            self.codes.push(Vec::new());
        }
        let small = Small::of(&vector);
        if let Some(block) = self.codes.last_mut() {
            block.extend_from_slice(&small.codes);
        }
        self.scales.push(small.scale);
        self.owners.push(owner);
        self.exact.push(vector);
        row as u32
    }

    /// Takes a row out. The last row takes its place: whose it is, and the number it had, is told.
    pub(crate) fn remove(&mut self, row: u32) -> Option<(u32, u32)> {
        let (row, last) = (row as usize, self.owners.len().checked_sub(1)?);
        if row > last {
            return None;
        }
        let moved = self.pop_codes();
        if row < last
            && let Some(codes) = self.codes_mut(row)
        {
            codes.copy_from_slice(&moved);
        }
        self.scales.swap_remove(row);
        self.owners.swap_remove(row);
        self.exact.swap_remove(row);
        self.owners.get(row).map(|&owner| (owner, last as u32))
    }

    /// The cosine of a row, exactly.
    pub(crate) fn exact(&self, row: u32, query: &[f32]) -> f32 {
        self.exact.get(row as usize).map_or(0.0, |vector| cosine(vector, query))
    }

    /// Tells every row, its owner and its cosine, about.
    pub(crate) fn scan(&self, exact: &[f32], query: &Small, mut tell: impl FnMut(u32, u32, f32)) {
        if self.dimensions < INTEGERS_FROM {
            let rows = self.exact.iter().zip(&self.owners).zip(0..);
            return rows.for_each(|((vector, &owner), row)| tell(row, owner, cosine(vector, exact)));
        }
        let (mut products, mut rows) = ([0; BLOCK], 0..);
        let (mut scales, mut owners) = (self.scales.chunks(BLOCK), self.owners.chunks(BLOCK));
        for block in &self.codes {
            scan(&query.codes, block, &mut products);
            let (scales, owners) = (scales.next().unwrap_or_default(), owners.next().unwrap_or_default());
            for (((&product, scale), &owner), row) in products.iter().zip(scales).zip(owners).zip(rows.by_ref()) {
                tell(row, owner, product as f32 * (scale * query.scale));
            }
        }
    }

    /// What this takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let codes: usize = self.codes.iter().map(Vec::capacity).sum();
        // An exact vector lies behind two counters, and a pointer with a length leads to it.
        let exact = self.exact.capacity() * size_of::<Vector>() + self.exact.len() * (16 + 4 * self.dimensions);
        codes + exact + 4 * (self.scales.capacity() + self.owners.capacity())
    }

    fn codes_mut(&mut self, row: usize) -> Option<&mut [i8]> {
        let at = row % BLOCK * self.dimensions;
        self.codes.get_mut(row / BLOCK)?.get_mut(at..at + self.dimensions)
    }

    fn pop_codes(&mut self) -> Vec<i8> {
        let Some(block) = self.codes.last_mut() else { return Vec::new() };
        let codes = block.split_off(block.len().saturating_sub(self.dimensions));
        if block.is_empty() {
            self.codes.pop();
        }
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(of: usize) -> Vector {
        let (sin, cos) = (of as f32).sin_cos();
        let mut vector = [0.0; INTEGERS_FROM];
        [vector[0], vector[1]] = [sin, cos];
        Vector::from(vector)
    }

    #[test]
    fn rows_move_into_gaps() {
        let mut vectors = Vectors::default();
        let count = BLOCK + 2;
        for of in 0..count {
            assert_eq!(vectors.push(of as u32, vector(of)), of as u32);
        }
        let last = count as u32 - 1;
        assert_eq!(vectors.remove(3), Some((last, last)));
        assert_eq!(vectors.remove(last - 1), None, "nothing follows the last row");
        assert_eq!(vectors.remove(last), None, "there is no such row any more");
        assert_eq!(vectors.owners.len(), BLOCK);
        let query = Small::of(&vector(7));
        let mut seen = 0;
        vectors.scan(&[], &query, |_, owner, about| {
            let exact = cosine(&vector(owner as usize), &vector(7));
            assert!((about - exact).abs() < 0.02, "{owner}: {about} {exact}");
            seen += 1;
        });
        assert_eq!(seen, BLOCK);
        assert_eq!(vectors.exact(3, &vector(7)), cosine(&vector(count - 1), &vector(7)));
    }

    #[test]
    fn another_length_begins_when_all_are_gone() {
        let mut vectors = Vectors::default();
        vectors.push(0, vector(1));
        assert_eq!(vectors.remove(0), None);
        vectors.push(0, Vector::from([1.0]));
        assert_eq!(vectors.exact(0, &[0.5]), 0.5);
        assert!(vectors.bytes() > 0);
        let mut about = None;
        vectors.scan(&[0.3], &Small::of(&[0.3]), |_, _, cosine| about = Some(cosine));
        assert_eq!(about, Some(0.3), "few dimensions are compared exactly");
    }
}
