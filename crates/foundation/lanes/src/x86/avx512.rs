//! 512 bits: `vpdpbusd` multiplies 64 pairs of bytes and adds each four of them in one instruction.

use crate::float::{Places, Wide};
use crate::integer::Block;
use crate::packed::{GROUP, PANEL};
use crate::vector::WIDTH;
use std::arch::x86_64::*;

/// How many lines ahead weights are asked for, as a single text streams all of them from far away.
const AHEAD: usize = 24;

/// `count` rows (1 to 12) against one panel.
///
/// # Safety
/// The processor must have AVX-512 VNNI, and rows, weights and `out` the lengths that `multiply_i8` compares.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
pub(crate) unsafe fn multiply(block: Block<'_>, count: usize, out: &mut [f32]) {
    // SAFETY: as the caller promised.
    unsafe {
        match count {
            0 => {}
            1 => rows::<1>(block, out),
            2 => rows::<2>(block, out),
            3 => rows::<3>(block, out),
            4 => rows::<4>(block, out),
            5 => rows::<5>(block, out),
            6 => rows::<6>(block, out),
            7 => rows::<7>(block, out),
            8 => rows::<8>(block, out),
            9 => rows::<9>(block, out),
            10 => rows::<10>(block, out),
            11 => rows::<11>(block, out),
            _ => rows::<12>(block, out),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
unsafe fn rows<const ROWS: usize>(block: Block<'_>, out: &mut [f32]) {
    let Block { rows, weights, first, panel } = block;
    let groups = weights.inputs.div_ceil(GROUP);
    let mut sums = [[_mm512_setzero_si512(); 2]; ROWS];
    for (row, sums) in sums.iter_mut().enumerate() {
        *sums = [_mm512_set1_epi32(-128 * rows.sums[first + row]); 2];
    }
    // SAFETY: rows are `stride` apart and hold whole groups, a panel has two lines for each group, and what is asked
    // for ahead is not read.
    unsafe {
        let mut values = rows.values.as_ptr().add(first * rows.stride);
        let mut line = weights.lines.as_ptr().add(panel * 2 * groups);
        for _ in 0..groups {
            let left = _mm512_load_si512(line.cast());
            let right = _mm512_load_si512(line.add(1).cast());
            _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(AHEAD).cast());
            _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(AHEAD + 1).cast());
            for (row, sums) in sums.iter_mut().enumerate() {
                let four = _mm512_set1_epi32(values.add(row * rows.stride).cast::<i32>().read_unaligned());
                sums[0] = _mm512_dpbusd_epi32(sums[0], left, four);
                sums[1] = _mm512_dpbusd_epi32(sums[1], right, four);
            }
            values = values.add(GROUP);
            line = line.add(2);
        }
    }
    for half in 0..2 {
        // SAFETY: scales and bias are filled up to whole panels, and the mask leaves out what `out` lacks.
        unsafe { finish(block, panel * PANEL + half * WIDTH, sums.map(|sums| sums[half]), out) };
    }
}

/// Sixteen sums of each row as floats. What belongs to the outputs is read once for all rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
unsafe fn finish<const ROWS: usize>(block: Block<'_>, from: usize, sums: [__m512i; ROWS], out: &mut [f32]) {
    let Block { rows, weights, first, .. } = block;
    let columns = weights.outputs.saturating_sub(from).min(WIDTH);
    let mask = u16::try_from((1_u32 << columns) - 1).unwrap_or(u16::MAX);
    // SAFETY: as the caller promised.
    unsafe {
        let weight = _mm512_loadu_ps(weights.scales.as_ptr().add(from));
        let ones = _mm512_loadu_ps(weights.sums.as_ptr().add(from));
        let bias = _mm512_loadu_ps(weights.bias.as_ptr().add(from));
        for (index, sum) in sums.into_iter().enumerate() {
            let row = first + index;
            let bias = _mm512_add_ps(_mm512_mul_ps(ones, _mm512_set1_ps(rows.middles[row])), bias);
            let scale = _mm512_mul_ps(weight, _mm512_set1_ps(rows.scales[row]));
            // Not in one instruction: every path rounds the same way.
            let made = _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale), bias);
            _mm512_mask_storeu_ps(out.as_mut_ptr().wrapping_add(row * weights.outputs + from), mask, made);
        }
    }
}

/// The products of `query` with as many rows as `out` has room for.
///
/// # Safety
/// The processor must have AVX-512 VNNI, and `rows` at least `out.len()` rows as long as `query`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
pub(crate) unsafe fn scan_i8(query: &[i8], rows: &[i8], out: &mut [i32]) {
    let width = query.len();
    let sum: i32 = query.iter().map(|value| i32::from(*value)).sum();
    let whole = width / 64 * 64;
    let tail = (1_u64 << (width - whole)) - 1;
    let sign = _mm512_set1_epi8(-128);
    for (index, out) in out.iter_mut().enumerate() {
        // SAFETY: row `index` lies within `rows`; the mask leaves out what is beyond its end.
        unsafe {
            let row = rows.as_ptr().add(index * width);
            let mut sums = [_mm512_setzero_si512(); 2];
            let mut at = 0;
            while at < whole {
                let unsigned = _mm512_xor_si512(_mm512_loadu_si512(row.add(at).cast()), sign);
                let lane = at / 64 % 2;
                let values = _mm512_loadu_si512(query.as_ptr().add(at).cast());
                sums[lane] = _mm512_dpbusd_epi32(sums[lane], unsigned, values);
                at += 64;
            }
            if tail != 0 {
                let unsigned = _mm512_xor_si512(_mm512_maskz_loadu_epi8(tail, row.add(whole)), sign);
                let values = _mm512_maskz_loadu_epi8(tail, query.as_ptr().add(whole));
                sums[0] = _mm512_dpbusd_epi32(sums[0], unsigned, values);
            }
            *out = _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1])) - 128 * sum;
        }
    }
}

/// A product of floats.
///
/// # Safety
/// The processor must have AVX-512, and `places` must lie within what they were made of.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
pub(crate) unsafe fn product(places: Places) {
    // SAFETY: as the caller promised.
    unsafe { crate::float::product::<__m512>(places) }
}

impl Wide for __m512 {
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: only `product` above uses this, which the processor can run.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the same, and the caller has compared the lengths.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the same.
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: f32, b: Self) -> Self {
        // SAFETY: the same.
        unsafe { _mm512_fmadd_ps(_mm512_set1_ps(a), b, self) }
    }
}
