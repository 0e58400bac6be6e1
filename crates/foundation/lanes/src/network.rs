//! What stands between the products of a network: rows as small integers, GELU, softmax, layer norm. Knows no layer.

use crate::Lanes;
use crate::packed::GROUP;
use crate::vector::{WIDTH, fma, on_path, total};

/// Added to a float below 2²², this leaves its nearest whole number in the last bits.
const TO_WHOLE: f32 = 12_582_912.0;
/// The largest number of a byte on both sides of zero.
const LARGEST: f32 = 127.0;

/// Rows of small integers, each with its own scale and its own middle, which stands for zero. Reused from product to product, so that nothing is allocated twice.
#[derive(Debug, Clone, Default)]
pub struct Quantised {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    /// From one row to the next: the width, filled up with zeros to whole groups.
    pub(crate) stride: usize,
    pub(crate) values: Vec<i8>,
    pub(crate) scales: Vec<f32>,
    pub(crate) middles: Vec<f32>,
    /// The sum of each row.
    pub(crate) sums: Vec<i32>,
}

impl Quantised {
    /// Takes rows of integers as they are, with a scale each and zero in the middle. `None` where the lengths do not fit.
    pub fn of(values: &[i8], width: usize, scales: &[f32]) -> Option<Self> {
        if width == 0 || scales.len().checked_mul(width) != Some(values.len()) {
            return None;
        }
        let mut made = Self::default();
        made.resize(scales.len(), width);
        for (row, from) in values.chunks_exact(width).enumerate() {
            made.values[row * made.stride..][..width].copy_from_slice(from);
            made.sums[row] = from.iter().map(|value| i32::from(*value)).sum();
        }
        made.scales.copy_from_slice(scales);
        Some(made)
    }

    /// The integers of one row; empty beyond the last.
    pub fn row(&self, row: usize) -> &[i8] {
        self.values.get(row * self.stride..).and_then(|from| from.get(..self.width)).unwrap_or_default()
    }

    /// What one in a row of integers stands for, for each row.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// What zero in a row of integers stands for, for each row.
    pub fn middles(&self) -> &[f32] {
        &self.middles
    }

    fn resize(&mut self, rows: usize, width: usize) {
        let stride = width.div_ceil(GROUP) * GROUP;
        if stride != width {
            self.values.clear();
        }
        (self.rows, self.width, self.stride) = (rows, width, stride);
        self.values.resize(rows * stride, 0);
        self.scales.resize(rows, 0.0);
        self.middles.resize(rows, 0.0);
        self.sums.resize(rows, 0);
    }
}

impl Lanes {
    /// Rows of `width` floats as integers from −127 to 127: the least number of a row and its largest are the two ends.
    /// Not from zero both ways: what comes out of GELU is hardly ever negative, and would use half of the integers.
    ///
    /// # Panics
    /// Where `rows` does not consist of whole rows: a defect of the caller.
    pub fn quantise(self, rows: &[f32], width: usize, into: &mut Quantised) {
        assert!(width > 0 && rows.len().is_multiple_of(width), "rows must be whole");
        into.resize(rows.len() / width, width);
        on_path!(self, quantise(rows: &[f32], into: &mut Quantised));
    }

    /// GELU of each number: `x / 2 × (1 + erf(x / √2))`, to 2e-7 × |x|.
    pub fn gelu(self, numbers: &mut [f32]) {
        on_path!(self, gelu(numbers: &mut [f32]));
    }

    /// Softmax of `scale` × each number, over the first `count` of each row of `width`. What is behind them is filler
    /// that may hold anything, and is nothing afterwards; rows of whole sixteens go fastest.
    pub fn softmax(self, rows: &mut [f32], width: usize, count: usize, scale: f32) {
        if width > 0 {
            on_path!(self, softmax(rows: &mut [f32], width: usize, count: usize, scale: f32));
        }
    }

    /// Each row of `rows`, with the same row of `more` added, at mean 0 and variance 1, times `weight` plus `bias`.
    /// A row is as long as `weight`; where lengths differ, the shortest counts.
    pub fn add_and_norm(self, rows: &mut [f32], more: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) {
        on_path!(self, add_and_norm(rows: &mut [f32], more: &[f32], weight: &[f32], bias: &[f32], epsilon: f32));
    }

    /// Adds `more` to `numbers`, each to each.
    pub fn add(self, numbers: &mut [f32], more: &[f32]) {
        on_path!(self, add(numbers: &mut [f32], more: &[f32]));
    }
}

#[inline(always)]
fn quantise<const FMA: bool>(rows: &[f32], into: &mut Quantised) {
    let stride = into.stride;
    for (index, row) in rows.chunks_exact(into.width).enumerate() {
        let (low, high) = ends(row);
        let (half, middle) = ((high - low) / 2.0, (high + low) / 2.0);
        let values = &mut into.values[index * stride..][..row.len()];
        if !half.is_finite() || half <= f32::MIN_POSITIVE {
            // All the same number, or something that is none.
            values.fill(0);
            (into.scales[index], into.sums[index]) = (0.0, 0);
            into.middles[index] = if half.is_finite() { middle } else { 0.0 };
            continue;
        }
        let inverse = LARGEST / half;
        (into.scales[index], into.middles[index]) = (half / LARGEST, middle);
        let mut sum = 0_i32;
        for (value, number) in values.iter_mut().zip(row) {
            let shifted = (number - middle) * inverse + TO_WHOLE;
            let whole = shifted.to_bits().cast_signed() - TO_WHOLE.to_bits().cast_signed();
            *value = whole as i8;
            sum += whole;
        }
        into.sums[index] = sum;
    }
}

/// The lower of two, the first where the other is no number: unlike `f32::min`, one instruction.
#[inline(always)]
fn lower(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// The higher of two, in the same way.
#[inline(always)]
fn higher(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// One out of sixteen, half by half.
#[inline(always)]
fn fold(mut lanes: [f32; WIDTH], pick: impl Fn(f32, f32) -> f32) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] = pick(lanes[lane], lanes[lane + half]);
        }
    }
    lanes[0]
}

/// The least and the largest number.
#[inline(always)]
fn ends(row: &[f32]) -> (f32, f32) {
    let (mut least, mut most) = ([f32::INFINITY; WIDTH], [f32::NEG_INFINITY; WIDTH]);
    let mut chunks = row.chunks_exact(WIDTH);
    for chunk in chunks.by_ref() {
        for lane in 0..WIDTH {
            least[lane] = if chunk[lane] < least[lane] { chunk[lane] } else { least[lane] };
            most[lane] = if chunk[lane] > most[lane] { chunk[lane] } else { most[lane] };
        }
    }
    for (lane, number) in chunks.remainder().iter().enumerate() {
        least[lane] = lower(least[lane], *number);
        most[lane] = higher(most[lane], *number);
    }
    (fold(least, lower), fold(most, higher))
}

/// e to the power of `x`, from −64 to 88, to 3e-7 of its value: two to the whole part, a polynomial for the rest. What is
/// lower is taken for −64: it adds nothing to a float near one, and a part of it is still a float of full precision. With
/// smaller ones a processor is a hundred times slower.
#[inline(always)]
fn exp<const FMA: bool>(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-64.0, 88.0);
    let shifted = fma::<FMA>(x, std::f32::consts::LOG2_E, TO_WHOLE);
    let whole = shifted - TO_WHOLE;
    let rest = fma::<FMA>(whole, -LN_2_LOW, fma::<FMA>(whole, -LN_2_HIGH, x));
    // Taylor's terms up to the sixth: the seventh is below 1.2e-7 for half of ln 2.
    let mut sum = 1.0 / 720.0;
    for term in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = fma::<FMA>(sum, rest, term);
    }
    let power = (shifted.to_bits().cast_signed() - TO_WHOLE.to_bits().cast_signed() + 127) << 23;
    sum * f32::from_bits(power.cast_unsigned())
}

/// The error function, to 2e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
#[inline(always)]
fn erf<const FMA: bool>(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / fma::<FMA>(0.327_591_1, size, 1.0);
    let mut sum = 1.061_405_4;
    for term in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        sum = fma::<FMA>(sum, t, term);
    }
    let value = 1.0 - sum * t * exp::<FMA>(-size * size);
    value.copysign(x)
}

#[inline(always)]
fn gelu<const FMA: bool>(numbers: &mut [f32]) {
    for number in numbers {
        let x = *number;
        *number = 0.5 * x * (1.0 + erf::<FMA>(x * std::f32::consts::FRAC_1_SQRT_2));
    }
}

#[inline(always)]
fn softmax<const FMA: bool>(rows: &mut [f32], width: usize, count: usize, scale: f32) {
    for row in rows.chunks_exact_mut(width) {
        // So far below any other that its part is nothing.
        row.iter_mut().skip(count).for_each(|filler| *filler = f32::MIN);
        let highest = highest(row);
        let mut sums = [0.0; WIDTH];
        let mut chunks = row.chunks_exact_mut(WIDTH);
        for chunk in chunks.by_ref() {
            for lane in 0..WIDTH {
                chunk[lane] = exp::<FMA>((chunk[lane] - highest) * scale);
                sums[lane] += chunk[lane];
            }
        }
        for (lane, number) in chunks.into_remainder().iter_mut().enumerate() {
            *number = exp::<FMA>((*number - highest) * scale);
            sums[lane] += *number;
        }
        let inverse = 1.0 / total(sums);
        row.iter_mut().for_each(|number| *number *= inverse);
    }
}

#[inline(always)]
fn highest(row: &[f32]) -> f32 {
    let mut most = [f32::MIN; WIDTH];
    let mut chunks = row.chunks_exact(WIDTH);
    for chunk in chunks.by_ref() {
        for lane in 0..WIDTH {
            most[lane] = if chunk[lane] > most[lane] { chunk[lane] } else { most[lane] };
        }
    }
    for (lane, number) in chunks.remainder().iter().enumerate() {
        most[lane] = higher(most[lane], *number);
    }
    fold(most, higher)
}

#[inline(always)]
fn sum_of<const FMA: bool>(row: &[f32], each: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; WIDTH];
    let mut chunks = row.chunks_exact(WIDTH);
    for chunk in chunks.by_ref() {
        for lane in 0..WIDTH {
            sums[lane] += each(chunk[lane]);
        }
    }
    for (lane, number) in chunks.remainder().iter().enumerate() {
        sums[lane] += each(*number);
    }
    total(sums)
}

#[inline(always)]
fn add_and_norm<const FMA: bool>(rows: &mut [f32], more: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) {
    let width = weight.len().max(1);
    for (row, more) in rows.chunks_exact_mut(width).zip(more.chunks_exact(width)) {
        add::<FMA>(row, more);
        let mean = sum_of::<FMA>(row, |number| number) / width as f32;
        let variance = sum_of::<FMA>(row, |number| (number - mean) * (number - mean)) / width as f32;
        let inverse = 1.0 / (variance + epsilon).sqrt();
        for ((number, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *number = fma::<FMA>((*number - mean) * inverse, *weight, *bias);
        }
    }
}

#[inline(always)]
fn add<const FMA: bool>(numbers: &mut [f32], more: &[f32]) {
    for (number, more) in numbers.iter_mut().zip(more) {
        *number += more;
    }
}
