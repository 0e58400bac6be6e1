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
/// foreign, [`EmbedError::Setting`] for a server without an address.
pub fn open(settings: &Embed, models: &Path) -> Result<Option<Arc<dyn Embedder>>, EmbedError> {
    let folder = settings.folder.clone().unwrap_or_else(|| models.join(&settings.model));
    let precision = match settings.precision {
        EmbedPrecision::Int8 => Precision::Int8,
        EmbedPrecision::F32 => Precision::F32,
    };
    let options = Options { precision, threads: settings.threads, batch: settings.batch, ..Options::default() };
    match settings.kind {
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
