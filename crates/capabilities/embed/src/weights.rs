//! The tensors of a MiniLM: their names, shapes and bytes, read and checked. Knows no folder and no arithmetic beyond
//! the scale of a row.

use safetensors::{Dtype, SafeTensors};

/// Numbers of a vector, and of each token on its way to one.
pub(crate) const HIDDEN: usize = 384;
/// Layers.
pub(crate) const LAYERS: usize = 6;
/// Heads of attention in a layer.
pub(crate) const HEADS: usize = 12;
/// Numbers of a token between the two products at the end of a layer.
pub(crate) const BETWEEN: usize = 1_536;
/// Tokens that the vocabulary holds.
pub(crate) const VOCABULARY: usize = 30_522;
/// Positions that the model was made for.
pub(crate) const POSITIONS: usize = 512;
/// Kinds of token, of which the first alone is used.
pub(crate) const TYPES: usize = 2;

/// Where the words' vectors are.
pub(crate) const WORDS: &str = "embeddings.word_embeddings";

/// What stands behind the name of a matrix that is kept as bytes, for the scale of each of its rows.
const SCALE: &str = "scale";

/// A tensor of the model: its name and shape, and whether it becomes bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) is_matrix: bool,
}

/// Every tensor of the model.
pub(crate) fn parts() -> Vec<Part> {
    let mut parts = vec![
        part(format!("{WORDS}.weight"), &[VOCABULARY, HIDDEN], true),
        part("embeddings.position_embeddings.weight".to_owned(), &[POSITIONS, HIDDEN], false),
        part("embeddings.token_type_embeddings.weight".to_owned(), &[TYPES, HIDDEN], false),
    ];
    norm_parts("embeddings.LayerNorm", &mut parts);
    for layer in 0..LAYERS {
        for (name, inputs, outputs) in LINEARS {
            let name = layer_name(layer, name);
            parts.push(part(format!("{name}.weight"), &[outputs, inputs], true));
            parts.push(part(format!("{name}.bias"), &[outputs], false));
        }
        for norm in NORMS {
            norm_parts(&layer_name(layer, norm), &mut parts);
        }
    }
    parts
}

/// The products of a layer: name, inputs, outputs.
const LINEARS: [(&str, usize, usize); 6] = [
    ("attention.self.query", HIDDEN, HIDDEN),
    ("attention.self.key", HIDDEN, HIDDEN),
    ("attention.self.value", HIDDEN, HIDDEN),
    ("attention.output.dense", HIDDEN, HIDDEN),
    ("intermediate.dense", HIDDEN, BETWEEN),
    ("output.dense", BETWEEN, HIDDEN),
];

const NORMS: [&str; 2] = ["attention.output.LayerNorm", "output.LayerNorm"];

/// The full name of something in a layer.
pub(crate) fn layer_name(layer: usize, name: &str) -> String {
    format!("encoder.layer.{layer}.{name}")
}

fn part(name: String, shape: &[usize], is_matrix: bool) -> Part {
    Part { name, shape: shape.to_vec(), is_matrix }
}

fn norm_parts(name: &str, parts: &mut Vec<Part>) {
    parts.push(part(format!("{name}.weight"), &[HIDDEN], false));
    parts.push(part(format!("{name}.bias"), &[HIDDEN], false));
}

/// The name of the scales of a matrix.
pub(crate) fn scale_name(matrix: &str) -> String {
    format!("{matrix}.{SCALE}")
}

/// A file of tensors, read with care: whatever it lacks is said, nothing is believed.
pub(crate) struct Tensors<'a>(SafeTensors<'a>);

impl<'a> Tensors<'a> {
    /// Reads the head of a file.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let read = SafeTensors::deserialize(bytes);
        read.map(Self)
            .map_err(|error| format!("it is no whole safetensors file ({})", error.to_string().to_lowercase()))
    }

    /// The floats of a tensor.
    pub(crate) fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let bytes = self.bytes(name, shape, Dtype::F32)?;
        let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if numbers.iter().all(|number| number.is_finite()) {
            return Ok(numbers);
        }
        Err(format!("`{name}` holds something that is not a number"))
    }

    /// The integers of a tensor, where they lie.
    pub(crate) fn i8(&self, name: &str, shape: &[usize]) -> Result<&'a [i8], String> {
        self.bytes(name, shape, Dtype::I8).map(lanes::signed)
    }

    fn bytes(&self, name: &str, shape: &[usize], kind: Dtype) -> Result<&'a [u8], String> {
        // Some save the same model with another name before each tensor.
        let found = self.0.tensor(name).or_else(|_| self.0.tensor(&format!("bert.{name}")));
        let tensor = found.map_err(|_| format!("it has no tensor `{name}`, so it is another model"))?;
        if tensor.shape() != shape {
            return Err(format!(
                "`{name}` has the shape {:?} and not {shape:?}, so it is another model",
                tensor.shape()
            ));
        }
        if tensor.dtype() != kind {
            return Err(format!("`{name}` holds numbers of type {:?} and not {kind:?}", tensor.dtype()));
        }
        Ok(tensor.data())
    }
}

/// A matrix as bytes, each row with its own scale: of a few, the one that comes nearest. Where few numbers of a row lie
/// far out, all others gain when those are cut.
pub(crate) fn quantise(rows: &[f32], width: usize) -> (Vec<i8>, Vec<f32>) {
    const PARTS: [f32; 7] = [1.0, 0.96, 0.92, 0.88, 0.84, 0.8, 0.76];
    let mut values = Vec::with_capacity(rows.len());
    let mut scales = Vec::with_capacity(rows.len() / width.max(1));
    for row in rows.chunks_exact(width.max(1)) {
        let most = row.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
        let most = if most > f32::MIN_POSITIVE { most } else { 127.0 };
        let missed =
            |scale: f32| -> f32 { row.iter().map(|number| (byte(*number, scale) * scale - number).powi(2)).sum() };
        let each = PARTS.map(|part| most * part / 127.0).map(|scale| (missed(scale), scale));
        let (_, scale) = each
            .into_iter()
            .fold((f32::INFINITY, most / 127.0), |best, next| if next.0 < best.0 { next } else { best });
        values.extend(row.iter().map(|number| byte(*number, scale) as i8));
        scales.push(scale);
    }
    (values, scales)
}

fn byte(number: f32, scale: f32) -> f32 {
    (number / scale).round().clamp(-127.0, 127.0)
}
