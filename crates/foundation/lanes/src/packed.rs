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
    /// Packs `weights` (`outputs` × `inputs`, row by row, as PyTorch keeps a linear layer), with a scale and a bias
    /// for each output. `None` where the lengths do not fit, or there are no inputs or outputs.
    pub fn pack(weights: &[i8], inputs: usize, scales: &[f32], bias: &[f32]) -> Option<Self> {
        let outputs = scales.len();
        let fits = inputs > 0 && outputs > 0 && bias.len() == outputs;
        if !fits || outputs.checked_mul(inputs) != Some(weights.len()) {
            return None;
        }
        let lines_per_panel = 2 * inputs.div_ceil(GROUP);
        let panels = outputs.div_ceil(PANEL);
        // Zero, with 128 added: what is beyond the last input or output adds nothing.
        let mut lines = vec![Line([0x80; 64]); panels * lines_per_panel];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let (panel, column) = (output / PANEL, output % PANEL);
            let first = panel * lines_per_panel + column / WIDTH;
            let at = column % WIDTH * GROUP;
            for (group, four) in row.chunks(GROUP).enumerate() {
                let line = &mut lines[first + 2 * group].0;
                for (to, weight) in line[at..].iter_mut().zip(four) {
                    *to = weight.cast_unsigned() ^ 0x80;
                }
            }
        }
        let sum = |row: &[i8]| row.iter().map(|weight| i64::from(*weight)).sum::<i64>();
        let sums: Vec<f32> =
            weights.chunks_exact(inputs).zip(scales).map(|(row, scale)| sum(row) as f32 * scale).collect();
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

fn pad(numbers: &[f32], length: usize) -> Vec<f32> {
    let mut padded = numbers.to_vec();
    padded.resize(length, 0.0);
    padded
}
