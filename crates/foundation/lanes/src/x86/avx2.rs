//! 256 bits: bytes widened to 16 bits, as the product of bytes would overflow, multiplied and added in pairs.

use crate::float::{Places, Wide};
use crate::integer::{Block, finish};
use crate::packed::GROUP;
use crate::vector::WIDTH;
use std::arch::x86_64::*;

/// `count` rows (1 to 3) against one panel.
///
/// # Safety
/// The processor must have AVX2, and rows, weights and `out` the lengths that `multiply_i8` compares.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn multiply(block: Block<'_>, count: usize, out: &mut [f32]) {
    for half in 0..2 {
        // SAFETY: as the caller promised.
        unsafe {
            match count {
                0 => {}
                1 => rows::<1>(block, half, out),
                2 => rows::<2>(block, half, out),
                _ => rows::<3>(block, half, out),
            }
        }
    }
}

/// Rows against one half of a panel: sixteen outputs.
#[target_feature(enable = "avx2,fma")]
unsafe fn rows<const ROWS: usize>(block: Block<'_>, half: usize, out: &mut [f32]) {
    let Block { rows, weights, first, panel } = block;
    let groups = weights.inputs.div_ceil(GROUP);
    // Each holds two partial sums of four outputs.
    let mut sums = [[_mm256_setzero_si256(); 4]; ROWS];
    // SAFETY: rows are `stride` apart and hold whole groups, and a panel has two lines for each group.
    unsafe {
        let mut values = rows.values.as_ptr().add(first * rows.stride);
        let mut line = weights.lines.as_ptr().add(panel * 2 * groups + half);
        for _ in 0..groups {
            let mut wide = [_mm256_setzero_si256(); 4];
            for (quarter, wide) in wide.iter_mut().enumerate() {
                *wide = _mm256_cvtepu8_epi16(_mm_load_si128(line.cast::<__m128i>().add(quarter)));
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let four = values.add(row * rows.stride).cast::<i32>().read_unaligned();
                let four = _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
                for (sum, wide) in sums.iter_mut().zip(wide) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(wide, four));
                }
            }
            values = values.add(GROUP);
            line = line.wrapping_add(2);
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let mut whole = [0_i32; WIDTH];
        let offset = _mm256_set1_epi32(-128 * rows.sums[first + row]);
        for (pair, eight) in sums.chunks_exact(2).zip(whole.chunks_exact_mut(8)) {
            // Pairs are added within halves of the register: what belongs together is brought together after.
            let added = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(pair[0], pair[1]));
            // SAFETY: eight integers are 256 bits.
            unsafe { _mm256_storeu_si256(eight.as_mut_ptr().cast(), _mm256_add_epi32(added, offset)) };
        }
        finish(Block { first: first + row, ..block }, &whole, half * WIDTH, out);
    }
}

/// The products of `query` with as many rows as `out` has room for.
///
/// # Safety
/// The processor must have AVX2, and `rows` at least `out.len()` rows as long as `query`.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn scan_i8(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let width = query.len();
    let whole = width / 32 * 32;
    for (out, row) in out.iter_mut().zip(rows.chunks_exact(width.max(1))) {
        let mut sums = [_mm256_setzero_si256(); 2];
        let mut at = 0;
        while at < whole {
            for (half, sum) in sums.iter_mut().enumerate() {
                // SAFETY: sixteen bytes from here on lie within both.
                let (a, b) = unsafe {
                    let from = at + 16 * half;
                    (_mm_loadu_si128(query.as_ptr().add(from).cast()), _mm_loadu_si128(row.as_ptr().add(from).cast()))
                };
                let product = _mm256_madd_epi16(_mm256_cvtepi8_epi16(a), _mm256_cvtepi8_epi16(b));
                *sum = _mm256_add_epi32(*sum, product);
            }
            at += 32;
        }
        let mut eight = [0_i32; 8];
        // SAFETY: eight integers are 256 bits.
        unsafe { _mm256_storeu_si256(eight.as_mut_ptr().cast(), _mm256_add_epi32(sums[0], sums[1])) };
        let rest = query[whole..].iter().zip(&row[whole..]).map(|(a, b)| i32::from(*a) * i32::from(*b));
        *out = rest.chain(eight).sum();
    }
}

/// A product of floats.
///
/// # Safety
/// The processor must have AVX2 and FMA, and `places` must lie within what they were made of.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn product(places: Places) {
    // SAFETY: as the caller promised.
    unsafe { crate::float::product::<Pair>(places) }
}

/// Sixteen floats in two registers.
#[derive(Debug, Clone, Copy)]
struct Pair(__m256, __m256);

impl Wide for Pair {
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: only `product` above uses this, which the processor can run.
        unsafe { Self(_mm256_setzero_ps(), _mm256_setzero_ps()) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the same, and the caller has compared the lengths.
        unsafe { Self(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the same.
        unsafe {
            _mm256_storeu_ps(to, self.0);
            _mm256_storeu_ps(to.add(8), self.1);
        }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: f32, b: Self) -> Self {
        // SAFETY: the same.
        unsafe {
            let a = _mm256_set1_ps(a);
            Self(_mm256_fmadd_ps(a, b.0, self.0), _mm256_fmadd_ps(a, b.1, self.1))
        }
    }
}
