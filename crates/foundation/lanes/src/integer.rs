//! Rows of small integers times packed weights; knows the order of the weights and leaves instructions to the paths.

use crate::packed::{GROUP, PANEL};
use crate::vector::WIDTH;
use crate::{Lanes, PackedI8, Path, Quantised};

/// A few rows against one panel: what a path multiplies at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) rows: &'a Quantised,
    pub(crate) weights: &'a PackedI8,
    /// The first row.
    pub(crate) first: usize,
    /// The panel of outputs.
    pub(crate) panel: usize,
}

impl Lanes {
    /// `out` (rows × outputs) = `rows` × `weights` + bias.
    ///
    /// The products are whole numbers, and what turns them into floats rounds in one order: every path gives the same
    /// bits.
    ///
    /// # Panics
    /// Where the rows are not as long as the weights have inputs, or `out` has another length: a defect of the caller.
    pub fn multiply_i8(self, rows: &Quantised, weights: &PackedI8, out: &mut [f32]) {
        assert_eq!(rows.width, weights.inputs, "rows must be as long as the weights have inputs");
        assert_eq!(out.len(), rows.rows * weights.outputs, "out must have a number for each row and output");
        assert!(rows.values.len() >= rows.rows * rows.stride && rows.stride >= weights.inputs.div_ceil(GROUP) * GROUP);
        let count = rows.rows;
        assert!(rows.scales.len() >= count && rows.middles.len() >= count && rows.sums.len() >= count);
        let most = self.rows_at_once();
        let blocks = rows.rows.div_ceil(most).max(1);
        // As even as it goes: twelve rows and then one would cost more than seven and six.
        let (each, more) = (rows.rows / blocks, rows.rows % blocks);
        for panel in 0..weights.outputs.div_ceil(PANEL) {
            let mut first = 0;
            for block in 0..blocks {
                let count = each + usize::from(block < more);
                self.multiply_block(Block { rows, weights, first, panel }, count, out);
                first += count;
            }
        }
    }

    fn rows_at_once(self) -> usize {
        match self.path() {
            Path::Avx512Vnni => 12,
            Path::Avx2 => 3,
            Path::Portable => 4,
        }
    }

    fn multiply_block(self, block: Block<'_>, count: usize, out: &mut [f32]) {
        match self.path() {
            // SAFETY: `Lanes` is made only where the processor has the path; the lengths were compared above.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512Vnni => unsafe { crate::x86::avx512::multiply(block, count, out) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { crate::x86::avx2::multiply(block, count, out) },
            _ => (0..count).for_each(|row| multiply_row(Block { first: block.first + row, ..block }, out)),
        }
    }
}

/// One row against one panel, in plain code.
fn multiply_row(block: Block<'_>, out: &mut [f32]) {
    let Block { rows, weights, first, panel } = block;
    let groups = weights.inputs.div_ceil(GROUP);
    let row = &rows.values[first * rows.stride..][..groups * GROUP];
    let lines = &weights.lines[panel * 2 * groups..][..2 * groups];
    let mut sums = [-128 * rows.sums[first]; PANEL];
    for (four, pair) in row.chunks_exact(GROUP).zip(lines.chunks_exact(2)) {
        for (half, line) in pair.iter().enumerate() {
            for (sum, weights) in sums[half * WIDTH..][..WIDTH].iter_mut().zip(line.0.chunks_exact(GROUP)) {
                *sum +=
                    four.iter().zip(weights).map(|(value, weight)| i32::from(*value) * i32::from(*weight)).sum::<i32>();
            }
        }
    }
    finish(block, &sums, 0, out);
}

/// Turns the sums of one row, from this column of the panel on, into floats.
pub(crate) fn finish(block: Block<'_>, sums: &[i32], column: usize, out: &mut [f32]) {
    let Block { rows, weights, first, panel } = block;
    let from = panel * PANEL + column;
    let (scale, middle) = (rows.scales[first], rows.middles[first]);
    let (scales, ones, bias) = (&weights.scales[from..], &weights.sums[from..], &weights.bias[from..]);
    let to = first * weights.outputs;
    let end = weights.outputs.min(from + sums.len());
    if from >= end {
        return;
    }
    let each = out[to + from..to + end].iter_mut().zip(sums).zip(scales).zip(ones).zip(bias);
    for ((((out, sum), weight), ones), bias) in each {
        *out = *sum as f32 * (weight * scale) + (ones * middle + bias);
    }
}
