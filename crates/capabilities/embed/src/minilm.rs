//! The network: tokens of several texts in, one vector for each text out. Knows no text, no file and no thread.
//!
//! The batch is ragged: the tokens of all texts are rows of one matrix, none is a filler. Only attention looks at one
//! text at a time.

use crate::Vector;
use crate::weights::{BETWEEN, HEADS, HIDDEN, LAYERS, POSITIONS, TYPES, Tensors, VOCABULARY, WORDS};
use crate::weights::{layer_name, scale_name};
use lanes::{Lanes, PackedF32, PackedI8, Quantised, Rows};
use std::ops::Range;

/// Numbers of one head.
const HEAD: usize = HIDDEN / HEADS;
/// Query, key and value of a token, one behind the other.
const TRIPLE: usize = 3 * HIDDEN;
/// What keeps a norm from dividing by nothing.
const EPSILON: f32 = 1e-12;
/// Floats that are multiplied together.
const SIXTEEN: usize = 16;

/// As what the weights are kept and multiplied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// Bytes with a scale for each output: a quarter of the memory, several times the speed.
    #[default]
    Int8,
    /// Floats, as the model was published: what the other is measured against.
    F32,
}

/// The tokens of several texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    ids: Vec<u32>,
    texts: Vec<Range<usize>>,
}

impl Tokens {
    /// Adds a text.
    pub(crate) fn push(&mut self, ids: &[u32]) {
        let from = self.ids.len();
        self.ids.extend_from_slice(ids);
        self.texts.push(from..self.ids.len());
    }

    /// Tokens of all texts.
    pub(crate) fn count(&self) -> usize {
        self.ids.len()
    }
}

/// What a forward pass writes into, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    rows: Vec<f32>,
    triples: Vec<f32>,
    seen: Vec<f32>,
    between: Vec<f32>,
    made: Vec<f32>,
    keys: Vec<f32>,
    scores: Vec<f32>,
    small: Quantised,
}

impl Scratch {
    fn resize(&mut self, tokens: usize) {
        self.rows.resize(tokens * HIDDEN, 0.0);
        self.triples.resize(tokens * TRIPLE, 0.0);
        self.seen.resize(tokens * HIDDEN, 0.0);
        self.between.resize(tokens * BETWEEN, 0.0);
        self.made.resize(tokens * HIDDEN, 0.0);
    }
}

/// A product with what is added to it.
#[derive(Debug)]
enum Linear {
    Int8(PackedI8),
    F32(PackedF32),
}

impl Linear {
    fn apply(&self, lanes: Lanes, rows: &[f32], small: &mut Quantised, out: &mut [f32]) {
        match self {
            Self::Int8(weights) => {
                lanes.quantise(rows, weights.inputs(), small);
                lanes.multiply_i8(small, weights, out);
            }
            Self::F32(weights) => lanes.multiply_f32(rows, weights, out),
        }
    }
}

#[derive(Debug)]
struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Debug)]
struct Layer {
    triple: Linear,
    attended: Linear,
    attended_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

#[derive(Debug)]
enum Words {
    Int8 { values: Vec<i8>, scales: Vec<f32> },
    F32(Vec<f32>),
}

/// A MiniLM with six layers.
#[derive(Debug)]
pub(crate) struct MiniLm {
    lanes: Lanes,
    words: Words,
    /// Of each position, with that of the only type of token added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

impl MiniLm {
    /// Takes the weights out of a file of tensors: the original for [`Precision::F32`], a converted one for
    /// [`Precision::Int8`].
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn load(bytes: &[u8], precision: Precision, lanes: Lanes) -> Result<Self, String> {
        let reader = Reader { tensors: Tensors::read(bytes)?, precision };
        let mut positions = reader.tensors.f32("embeddings.position_embeddings.weight", &[POSITIONS, HIDDEN])?;
        let types = reader.tensors.f32("embeddings.token_type_embeddings.weight", &[TYPES, HIDDEN])?;
        positions.chunks_exact_mut(HIDDEN).for_each(|position| lanes.add(position, &types));
        let norm = reader.norm("embeddings.LayerNorm")?;
        let layers = (0..LAYERS).map(|layer| reader.layer(layer)).collect::<Result<_, _>>()?;
        Ok(Self { lanes, words: reader.words()?, positions, norm, layers })
    }

    /// One vector of unit length for each text. `pause` is called between layers: whoever is in a hurry may go first.
    pub(crate) fn forward(&self, tokens: &Tokens, scratch: &mut Scratch, mut pause: impl FnMut()) -> Vec<Vector> {
        scratch.resize(tokens.count());
        self.look_up(tokens, scratch);
        for layer in &self.layers {
            self.attend(layer, tokens, scratch);
            pause();
            self.think(layer, scratch);
            pause();
        }
        tokens.texts.iter().map(|text| mean(&scratch.rows[text.start * HIDDEN..text.end * HIDDEN])).collect()
    }

    /// The vectors of words and positions.
    fn look_up(&self, tokens: &Tokens, scratch: &mut Scratch) {
        for text in &tokens.texts {
            let ids = tokens.ids[text.clone()].iter().zip(self.positions.chunks_exact(HIDDEN));
            let rows = scratch.rows[text.start * HIDDEN..].chunks_exact_mut(HIDDEN);
            let sums = scratch.made[text.start * HIDDEN..].chunks_exact_mut(HIDDEN);
            for (((id, position), row), sum) in ids.zip(rows).zip(sums) {
                self.words.read(*id, row);
                sum.copy_from_slice(position);
            }
        }
        let Norm { weight, bias } = &self.norm;
        self.lanes.add_and_norm(&mut scratch.rows, &scratch.made, weight, bias, EPSILON);
    }

    /// The first half of a layer: each token looks at those of its text.
    fn attend(&self, layer: &Layer, tokens: &Tokens, scratch: &mut Scratch) {
        layer.triple.apply(self.lanes, &scratch.rows, &mut scratch.small, &mut scratch.triples);
        for text in &tokens.texts {
            for head in 0..HEADS {
                self.attend_head(text.clone(), head * HEAD, scratch);
            }
        }
        layer.attended.apply(self.lanes, &scratch.seen, &mut scratch.small, &mut scratch.made);
        let Norm { weight, bias } = &layer.attended_norm;
        self.lanes.add_and_norm(&mut scratch.rows, &scratch.made, weight, bias, EPSILON);
    }

    fn attend_head(&self, text: Range<usize>, head: usize, scratch: &mut Scratch) {
        let count = text.len();
        let padded = count.next_multiple_of(SIXTEEN);
        let triples = &scratch.triples[text.start * TRIPLE..text.end * TRIPLE];
        turn_keys(triples, head, padded, &mut scratch.keys);
        if scratch.scores.len() < count * padded {
            scratch.scores.resize(count * padded, 0.0);
        }
        let queries = Rows { numbers: &triples[head..], stride: TRIPLE };
        let keys = Rows { numbers: &scratch.keys, stride: padded };
        self.lanes.product([count, HEAD, padded], queries, keys, (&mut scratch.scores, padded));
        self.lanes.softmax(&mut scratch.scores[..count * padded], padded, count, 1.0 / (HEAD as f32).sqrt());
        let scores = Rows { numbers: &scratch.scores, stride: padded };
        let values = Rows { numbers: &triples[2 * HIDDEN + head..], stride: TRIPLE };
        let seen = &mut scratch.seen[text.start * HIDDEN + head..];
        self.lanes.product([count, count, HEAD], scores, values, (seen, HIDDEN));
    }

    /// The second half of a layer: each token for itself.
    fn think(&self, layer: &Layer, scratch: &mut Scratch) {
        layer.up.apply(self.lanes, &scratch.rows, &mut scratch.small, &mut scratch.between);
        self.lanes.gelu(&mut scratch.between);
        layer.down.apply(self.lanes, &scratch.between, &mut scratch.small, &mut scratch.made);
        let Norm { weight, bias } = &layer.norm;
        self.lanes.add_and_norm(&mut scratch.rows, &scratch.made, weight, bias, EPSILON);
    }
}

/// The keys of one head with a row for each of its numbers, so that their products with a query lie side by side.
fn turn_keys(triples: &[f32], head: usize, padded: usize, keys: &mut Vec<f32>) {
    keys.clear();
    keys.resize(HEAD * padded, 0.0);
    for (token, triple) in triples.chunks_exact(TRIPLE).enumerate() {
        for (number, row) in triple[HIDDEN + head..][..HEAD].iter().zip(keys.chunks_exact_mut(padded)) {
            row[token] = *number;
        }
    }
}

/// The mean of the tokens of a text, of unit length.
fn mean(rows: &[f32]) -> Vector {
    let mut sum = [0.0_f32; HIDDEN];
    for row in rows.chunks_exact(HIDDEN) {
        for (sum, number) in sum.iter_mut().zip(row) {
            *sum += number;
        }
    }
    crate::unit(&sum)
}

impl Words {
    fn read(&self, id: u32, into: &mut [f32]) {
        let row = usize::try_from(id).unwrap_or(usize::MAX).min(VOCABULARY - 1);
        let place = row * HIDDEN..(row + 1) * HIDDEN;
        match self {
            Self::F32(numbers) => into.copy_from_slice(&numbers[place]),
            Self::Int8 { values, scales } => {
                for (number, value) in into.iter_mut().zip(&values[place]) {
                    *number = f32::from(*value) * scales[row];
                }
            }
        }
    }
}

/// Reads the pieces of the network in one precision.
struct Reader<'a> {
    tensors: Tensors<'a>,
    precision: Precision,
}

impl Reader<'_> {
    fn norm(&self, name: &str) -> Result<Norm, String> {
        let read = |what| self.tensors.f32(&format!("{name}.{what}"), &[HIDDEN]);
        Ok(Norm { weight: read("weight")?, bias: read("bias")? })
    }

    fn layer(&self, layer: usize) -> Result<Layer, String> {
        let name = |name: &str| layer_name(layer, name);
        let triple = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Layer {
            triple: self.linear(&triple, HIDDEN, HIDDEN)?,
            attended: self.linear(&[name("attention.output.dense")], HIDDEN, HIDDEN)?,
            attended_norm: self.norm(&name("attention.output.LayerNorm"))?,
            up: self.linear(&[name("intermediate.dense")], HIDDEN, BETWEEN)?,
            down: self.linear(&[name("output.dense")], BETWEEN, HIDDEN)?,
            norm: self.norm(&name("output.LayerNorm"))?,
        })
    }

    /// One product out of one or several that share their inputs.
    fn linear(&self, names: &[String], inputs: usize, outputs: usize) -> Result<Linear, String> {
        let (mut floats, mut pieces, mut scales, mut bias) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for name in names {
            let matrix = format!("{name}.weight");
            bias.extend(self.tensors.f32(&format!("{name}.bias"), &[outputs])?);
            match self.precision {
                Precision::F32 => floats.extend(self.tensors.f32(&matrix, &[outputs, inputs])?),
                Precision::Int8 => {
                    pieces.push(self.tensors.i8(&matrix, &[outputs, inputs])?);
                    scales.extend(self.tensors.f32(&scale_name(&matrix), &[outputs])?);
                }
            }
        }
        let packed = match self.precision {
            Precision::F32 => PackedF32::pack(&floats, inputs, &bias).map(Linear::F32),
            Precision::Int8 => PackedI8::pack(&pieces, inputs, &scales, &bias).map(Linear::Int8),
        };
        packed.ok_or_else(|| "its weights do not fit each other".to_owned())
    }

    fn words(&self) -> Result<Words, String> {
        let name = format!("{WORDS}.weight");
        let shape = [VOCABULARY, HIDDEN];
        Ok(match self.precision {
            Precision::F32 => Words::F32(self.tensors.f32(&name, &shape)?),
            Precision::Int8 => Words::Int8 {
                values: self.tensors.i8(&name, &shape)?.to_vec(),
                scales: self.tensors.f32(&scale_name(&name), &[VOCABULARY])?,
            },
        })
    }
}
