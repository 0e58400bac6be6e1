//! From the settings to whoever embeds; knows no model and no protocol.

use crate::{EmbedError, Embedder, Local, Options, Precision, Remote};
use settings::{Embed, EmbedKind, EmbedPrecision};
use std::path::Path;
use std::sync::Arc;

/// Whoever embeds by these settings; `models` is the folder of models, one folder each. Reads the weights: call it
/// where a file may be read.
///
/// `None` where nobody does: the kind is `off`, or `auto` and there is no model.
///
/// # Errors
/// [`EmbedError::Missing`] for the kind `local` without a model, [`EmbedError::Unusable`] for one that is damaged or
/// foreign, [`EmbedError::Setting`] for a server without an address; for the kind `onnx` [`EmbedError::NotBuilt`], and
/// [`EmbedError::NoGraph`], [`EmbedError::Graph`], [`EmbedError::Library`] or [`EmbedError::Devices`] for what is missing
/// or cannot be used.
pub fn open(settings: &Embed, models: &Path) -> Result<Option<Arc<dyn Embedder>>, EmbedError> {
    let folder = settings.folder.clone().unwrap_or_else(|| models.join(&settings.model));
    let precision = match settings.precision {
        EmbedPrecision::Int8 => Precision::Int8,
        EmbedPrecision::F32 => Precision::F32,
    };
    let options = Options { precision, threads: settings.threads, batch: settings.batch, ..Options::default() };
    check(settings)?;
    match settings.kind {
        EmbedKind::Onnx => onnx(settings),
        EmbedKind::Off => Ok(None),
        EmbedKind::Openai => Ok(Some(Arc::new(Remote::new(settings)?))),
        EmbedKind::Local => Ok(Some(Arc::new(Local::open(&folder, &options)?))),
        EmbedKind::Auto => match Local::open(&folder, &options) {
            Ok(local) => Ok(Some(Arc::new(local))),
            Err(EmbedError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        },
    }
}

/// Whether this program can embed by these settings at all; reads no file.
///
/// # Errors
/// [`EmbedError::NotBuilt`] for the kind `onnx` without the feature `onnx`.
pub fn check(settings: &Embed) -> Result<(), EmbedError> {
    if settings.kind == EmbedKind::Onnx && !cfg!(feature = "onnx") {
        return Err(EmbedError::NotBuilt);
    }
    Ok(())
}

#[cfg(feature = "onnx")]
fn onnx(settings: &Embed) -> Result<Option<Arc<dyn Embedder>>, EmbedError> {
    Ok(Some(Arc::new(crate::Onnx::open(settings)?)))
}

#[cfg(not(feature = "onnx"))]
fn onnx(_: &Embed) -> Result<Option<Arc<dyn Embedder>>, EmbedError> {
    Err(EmbedError::NotBuilt)
}
