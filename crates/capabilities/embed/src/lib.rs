//! Texts as vectors: a local MiniLM in small integers, any server that speaks `/embeddings`, and, where it is built with
//! the feature `onnx`, any model in the form of ONNX.
//!
//! This room knows neither documents nor queries, keeps no vector and no table, and asks nobody whether a text was
//! embedded before: it turns texts into vectors of unit length, and says what it did it with.

mod convert;
mod error;
#[cfg(test)]
mod fixture;
mod folder;
mod line;
mod local;
mod minilm;
#[cfg(feature = "onnx")]
mod onnx;
mod open;
mod remote;
mod tokens;
mod weights;

pub use convert::convert;
pub use error::EmbedError;
pub use folder::{Converted, Sealed};
pub use local::{Local, Options};
pub use minilm::Precision;
#[cfg(feature = "onnx")]
pub use onnx::Onnx;
pub use open::{check, open};
pub use remote::Remote;

use std::pin::Pin;
use std::sync::Arc;

/// What a text means, as a direction: of unit length.
pub type Vector = Arc<[f32]>;

/// What [`Embedder::embed`] gives: one vector for each text, in their order.
pub type EmbedFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Vector>, EmbedError>> + Send + 'a>>;

/// Who waits for the vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody who asked: goes before everything in the background.
    Now,
    /// Nobody: whenever there is time.
    Background,
}

/// Turns texts into vectors.
pub trait Embedder: Send + Sync {
    /// The model, such as `all-minilm-l6-v2/int8`: vectors of different models cannot be compared, so it is part of
    /// every key under which a vector is kept.
    fn model(&self) -> &str;

    /// How many numbers a vector has. Zero where the model is a server that was not asked yet.
    fn dimensions(&self) -> usize;

    /// Where it works, where that can be more than one place, and which were refused before, such as
    /// `cpu (cuda: there is no such device)`. It may change from start to start, and the vectors stay the same.
    fn place(&self) -> Option<&str> {
        None
    }

    /// How many texts it would best be given at a time by whoever has more, where it knows better than the settings.
    fn batch(&self) -> Option<usize> {
        None
    }

    /// The vectors of `texts`, in their order. Any text has one, the empty text too.
    ///
    /// Dropping the future gives the work up as soon as it can be.
    fn embed<'a>(&'a self, texts: &'a [&'a str], urgency: Urgency) -> EmbedFuture<'a>;
}

/// `numbers` as a direction. What has none, as only a broken model gives, stays without: its product with anything is
/// nothing.
fn unit(numbers: &[f32]) -> Vector {
    let length = numbers.iter().map(|number| f64::from(*number) * f64::from(*number)).sum::<f64>().sqrt();
    let inverse = if length > 0.0 && length.is_finite() { 1.0 / length } else { 0.0 };
    numbers.iter().map(|number| if number.is_finite() { (f64::from(*number) * inverse) as f32 } else { 0.0 }).collect()
}
