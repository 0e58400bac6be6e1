//! Any model in the form of ONNX, by ONNX Runtime, which is a library that is loaded at the start: on a graphics card,
//! or on the processor. Knows no model by name.
//!
//! A batch begins with as many texts as the settings say, and finds out by itself how many are best: see [`pace`].

mod device;
mod model;
mod pace;
mod published;
mod runtime;
mod splitter;
mod worker;

use crate::line::Line;
use crate::{EmbedError, EmbedFuture, Embedder, Urgency};
use model::Model;
use pace::{BATCH_MAX, Pace};
use published::Published;
use settings::Embed;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use worker::Worker;

/// How many texts may wait.
const WAITING_MAX: usize = 65_536;

/// A model in the form of ONNX: the mean of what it makes of the tokens of a text, or what it calls
/// `sentence_embedding`, of unit length.
///
/// It works on a thread of its own, so that no runtime waits for it. Dropping it ends that.
#[derive(Debug)]
pub struct Onnx {
    model: String,
    dimensions: usize,
    place: String,
    /// How many texts are embedded together now.
    batch: Arc<AtomicUsize>,
    line: Arc<Line>,
    thread: Option<JoinHandle<()>>,
}

impl Onnx {
    /// Loads ONNX Runtime and the model that `settings` name, on the first of the devices that can be used, and says which
    /// were refused. Reads files and tries the model: not for a runtime's thread. A process has one ONNX Runtime, the one
    /// that it has loaded first.
    ///
    /// # Errors
    /// [`EmbedError::Setting`] where no folder is named, [`EmbedError::NoGraph`] where there is no model in it,
    /// [`EmbedError::Library`] where ONNX Runtime is missing or foreign, [`EmbedError::Graph`] where a file is damaged or
    /// is none that makes vectors of texts, [`EmbedError::Devices`] where no device can be used, [`EmbedError::File`] where
    /// a file cannot be read.
    pub fn open(settings: &Embed) -> Result<Self, EmbedError> {
        let folder = settings.path.as_deref().ok_or_else(|| EmbedError::Setting {
            key: "path",
            problem: "is not set, and `onnx` needs it".to_owned(),
        })?;
        let published = Published::read(folder)?;
        let environment = runtime::environment(settings.library.as_deref())?;
        let (network, refused) = device::first(settings, |device| {
            Model::open(&environment, &published.graph, &published.splitter, device, settings)
        })
        .map_err(|error| error.of(&published.graph))?;
        let Published { name, splitter, .. } = published;
        let (device, dimensions) = (network.device(), network.dimensions());
        let place = device::told(device, &refused);
        if refused.is_empty() {
            tracing::info!(model = name, place, dimensions, "the embedding model is open");
        } else {
            tracing::warn!(model = name, place, dimensions, "the embedding model is not on the first of its devices");
        }
        let (line, pace) = (Arc::new(Line::new(WAITING_MAX)), Pace::new(settings.batch));
        let batch = Arc::new(AtomicUsize::new(pace.batch()));
        let mut network = network;
        let worker = Worker {
            line: Arc::clone(&line),
            split: move |text: &str| splitter.split(text),
            forward: move |rows: &[Vec<u32>]| network.forward(rows),
            model: name.clone(),
            pace,
            batch: Arc::clone(&batch),
        };
        let named = std::thread::Builder::new().name("embed-onnx".to_owned());
        let thread = named.spawn(move || worker.work()).map_err(|error| EmbedError::File {
            doing: "start a thread for",
            file: folder.to_owned(),
            problem: error.to_string().to_lowercase(),
        })?;
        Ok(Self { model: name, dimensions, place, batch, line, thread: Some(thread) })
    }
}

impl Embedder for Onnx {
    fn model(&self) -> &str {
        &self.model
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn place(&self) -> Option<&str> {
        Some(&self.place)
    }

    fn batch(&self) -> Option<usize> {
        Some(self.batch.load(Ordering::Relaxed))
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str], urgency: Urgency) -> EmbedFuture<'a> {
        Box::pin(self.line.vectors(texts, BATCH_MAX, urgency))
    }
}

impl Drop for Onnx {
    /// Waits for the piece at hand; what waits is told that nobody comes.
    fn drop(&mut self) {
        self.line.close();
        if let Some(thread) = self.thread.take() {
            // A thread that broke has told whoever waited for it.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
