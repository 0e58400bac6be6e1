//! Weights in the order in which they are multiplied; knows no instructions.

use crate::vector::WIDTH;

/// Columns that are multiplied together: two registers of sixteen.
pub(crate) const PANEL: usize = 2 * WIDTH;
/// Neighbours along a row that one instruction multiplies and adds.
pub(crate) const GROUP: usize = 4;

/// A cache line of weights, so that no load crosses two.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

/// The same for floats.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct LineF32(pub(crate) [f32; WIDTH]);

/// The weights of one layer as bytes, with a scale for each output.
///
/// In panels of 32 outputs; in a panel, for each four neighbouring inputs, four bytes of each output. Bytes are kept
/// with 128 added: the instruction wants one side without a sign, and the sum of a row of the other side, which takes
/// the 128 out again, is one number for all outputs.
#[derive(Debug, Clone)]
pub struct PackedI8 {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) lines: Vec<Line>,
    pub(crate) scales: Vec<f32>,
    /// What each output makes of a row of ones.
    pub(crate) sums: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl PackedI8 {
    /// Packs weights (`outputs` × `inputs`, row by row, as PyTorch keeps a linear layer; in one piece, or in several of
    /// whole rows that follow one another), with a scale and a bias for each output. `None` where the lengths do not
    /// fit, or there are no inputs or outputs.
    pub fn pack(pieces: &[&[i8]], inputs: usize, scales: &[f32], bias: &[f32]) -> Option<Self> {
        let outputs = scales.len();
        let fits = inputs > 0 && outputs > 0 && bias.len() == outputs;
        let given: usize = pieces.iter().map(|piece| piece.len()).sum();
        if !fits || outputs.checked_mul(inputs) != Some(given) || pieces.iter().any(|piece| piece.len() % inputs != 0) {
            return None;
        }
        let lines_per_panel = 2 * inputs.div_ceil(GROUP);
        let panels = outputs.div_ceil(PANEL);
        // Zero, with 128 added: what is beyond the last input or output adds nothing.
        let mut lines = vec![Line([0x80; 64]); panels * lines_per_panel];
        let mut sums = Vec::with_capacity(panels * PANEL);
        let rows = pieces.iter().flat_map(|piece| piece.chunks_exact(inputs));
        for (output, (row, scale)) in rows.zip(scales).enumerate() {
            let (panel, column) = (output / PANEL, output % PANEL);
            let first = panel * lines_per_panel + column / WIDTH;
            place(row, &mut lines[first..], column % WIDTH * GROUP);
            sums.push(sum(row) as f32 * scale);
        }
        let padded = panels * PANEL;
        let (scales, sums, bias) = (pad(scales, padded), pad(&sums, padded), pad(bias, padded));
        Some(Self { inputs, outputs, lines, scales, sums, bias })
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers that come out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}

/// The weights of one layer as floats, in panels of 32 outputs.
#[derive(Debug, Clone)]
pub struct PackedF32 {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) lines: Vec<LineF32>,
    pub(crate) bias: Vec<f32>,
}

impl PackedF32 {
    /// Packs `weights` (`outputs` × `inputs`, row by row) with a bias for each output. `None` where the lengths do not
    /// fit, or there are no inputs or outputs.
    pub fn pack(weights: &[f32], inputs: usize, bias: &[f32]) -> Option<Self> {
        let outputs = bias.len();
        if inputs == 0 || outputs == 0 || outputs.checked_mul(inputs) != Some(weights.len()) {
            return None;
        }
        let panels = outputs.div_ceil(PANEL);
        let mut lines = vec![LineF32([0.0; WIDTH]); panels * 2 * inputs];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let (panel, column) = (output / PANEL, output % PANEL);
            let first = panel * 2 * inputs + column / WIDTH;
            for (input, weight) in row.iter().enumerate() {
                lines[first + 2 * input].0[column % WIDTH] = *weight;
            }
        }
        Some(Self { inputs, outputs, lines, bias: pad(bias, panels * PANEL) })
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers that come out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}

/// Writes the weights of one output, four by four, into each second line from byte `at` on.
fn place(row: &[i8], lines: &mut [Line], at: usize) {
    let (groups, rest) = row.as_chunks::<GROUP>();
    let mut lines = lines.iter_mut().step_by(2).filter_map(|line| line.0.get_mut(at..at + GROUP));
    for (four, to) in groups.iter().zip(lines.by_ref()) {
        to.copy_from_slice(&four.map(|weight| weight.cast_unsigned() ^ 0x80));
    }
    for (to, weight) in lines.next().into_iter().flatten().zip(rest) {
        *to = weight.cast_unsigned() ^ 0x80;
    }
}

/// The sum of a row, in steps that a register of 32 bits holds.
fn sum(row: &[i8]) -> i64 {
    row.chunks(1 << 16).map(|part| i64::from(part.iter().map(|weight| i32::from(*weight)).sum::<i32>())).sum()
}

/// Bytes as the numbers that they are, from −128 to 127, where they lie.
pub fn signed(bytes: &[u8]) -> &[i8] {
    // SAFETY: both are one byte of any value, and the borrow is the same.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

fn pad(numbers: &[f32], length: usize) -> Vec<f32> {
    let mut padded = numbers.to_vec();
    padded.resize(length, 0.0);
    padded
}
