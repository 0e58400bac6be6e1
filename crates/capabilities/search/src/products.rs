//! Products of vectors, and vectors in small integers: the inner loops.

use lanes::Lanes;

/// A vector in small integers.
pub(crate) struct Small {
    /// From -127 to 127.
    pub(crate) codes: Vec<i8>,
    /// What an integer is worth.
    pub(crate) scale: f32,
}

impl Small {
    /// The nearest integers, with a scale of this vector's own.
    pub(crate) fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        let codes = vector.iter().map(|x| (x / scale).round() as i8).collect();
        Self { codes, scale }
    }
}

/// The product of two vectors of unit length.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    Lanes::best().dot_f32(a, b)
}

/// The products of a vector with many rows that lie together, in `products`.
pub(crate) fn scan(query: &[i8], rows: &[i8], products: &mut [i32]) {
    Lanes::best().scan_i8(query, rows, products);
}
