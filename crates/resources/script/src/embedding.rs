//! Vectors made from a hash of the text. They tell texts apart and nothing else: texts that mean the same are as far
//! from each other as any two.

use wire::openai::{EmbeddingReply, EmbeddingRequest, Usage};

/// How many figures a vector has if the request does not say.
const DIMENSIONS: u64 = 64;
/// The most figures in one vector.
pub const DIMENSIONS_MAX: u64 = 4_096;

/// The vectors of a request's texts; `None` for numbers of tokens, which are nobody's here, and for vectors of more
/// than [`DIMENSIONS_MAX`] figures.
pub fn embed(request: &EmbeddingRequest) -> Option<EmbeddingReply> {
    let texts = request.texts()?;
    let dimensions = request.dimensions().unwrap_or(DIMENSIONS);
    let dimensions = usize::try_from(dimensions).ok().filter(|_| dimensions <= DIMENSIONS_MAX)?;
    let vectors: Vec<Vec<f32>> = texts.iter().map(|text| vector(text, dimensions)).collect();
    let words = texts.iter().map(|text| text.split_whitespace().count() as u64).sum();
    let usage = Usage { prompt_tokens: words, total_tokens: words, ..Usage::default() };
    let reply = EmbeddingReply::compose(request.model(), &vectors, request.figures(), Some(usage));
    Some(reply.marked_simulated())
}

/// A vector of length 1: the same for the same text, whatever the model and the script's seed.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(hash(text));
    let figures: Vec<f64> = (0..dimensions).map(|_| rng.f64() - 0.5).collect();
    let length = figures.iter().map(|figure| figure * figure).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    figures.into_iter().map(|figure| (figure / length) as f32).collect()
}

/// FNV-1a, 64 bits.
fn hash(text: &str) -> u64 {
    let mixed = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, mixed)
}

#[cfg(test)]
mod tests {
    use super::vector;

    #[test]
    fn texts_are_told_apart_and_nothing_else() {
        let dot = |a: &str, b: &str| -> f32 { vector(a, 256).iter().zip(vector(b, 256)).map(|(a, b)| a * b).sum() };
        assert!((dot("a text", "a text") - 1.0).abs() < 1e-5);
        assert!(dot("a text", "a text.").abs() < 0.25);
        assert_eq!(vector("x", 3).len(), 3);
    }
}
