//! The model in this process: its own threads, and who is served first. Knows no arithmetic.

mod queue;

use crate::folder::{self, ORIGINAL, TOKENIZER, WEIGHTS};
use crate::minilm::MiniLm;
use crate::tokens::Splitter;
use crate::weights::HIDDEN;
use crate::{EmbedError, EmbedFuture, Embedder, Precision, Urgency, Vector};
use lanes::Lanes;
use queue::Queue;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Threads that a model may have.
const THREADS_MAX: usize = 64;
/// Texts that may be embedded together.
const BATCH_MAX: usize = 128;

/// How a local model is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its own threads, 1 to 64.
    pub threads: usize,
    /// How many texts a thread takes at a time, 1 to 128.
    pub batch: usize,
    /// As what its weights are kept.
    pub precision: Precision,
    /// The processor's instructions that are used.
    pub lanes: Lanes,
    /// How many texts may wait.
    pub waiting_max: usize,
}

impl Default for Options {
    /// Two threads, 32 texts at a time, bytes, the fastest instructions, 65,536 texts.
    fn default() -> Self {
        let precision = Precision::Int8;
        Self { threads: 2, batch: 32, precision, lanes: Lanes::best(), waiting_max: 65_536 }
    }
}

/// all-MiniLM-L6-v2 in this process: 384 numbers for each text, of which it reads 256 tokens.
///
/// It works on threads of its own, so that no runtime waits for it. Dropping it ends them.
#[derive(Debug)]
pub struct Local {
    model: String,
    batch: usize,
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Local {
    /// Reads the model in `folder` and starts its threads. Reads files: not for a runtime's thread.
    ///
    /// # Errors
    /// [`EmbedError::Missing`] where there is none, [`EmbedError::Unusable`] where it is damaged, foreign or not
    /// converted, [`EmbedError::File`] where a file cannot be read.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, EmbedError> {
        let (model, network, splitter) = read(folder, options)?;
        let queue = Arc::new(Queue::new(network, splitter, options.waiting_max));
        let mut threads = Vec::new();
        for number in 0..options.threads.clamp(1, THREADS_MAX) {
            let queue = Arc::clone(&queue);
            let named = std::thread::Builder::new().name(format!("embed-{number}"));
            let started = named.spawn(move || queue.work());
            threads.push(started.map_err(|error| EmbedError::File {
                doing: "start a thread for",
                file: folder.to_owned(),
                problem: error.to_string().to_lowercase(),
            })?);
        }
        Ok(Self { model, batch: options.batch.clamp(1, BATCH_MAX), queue, threads })
    }

    async fn vectors(&self, texts: &[&str], urgency: Urgency) -> Result<Vec<Vector>, EmbedError> {
        // A few that somebody waits for are dealt out to all threads.
        let together = match urgency {
            Urgency::Now => texts.len().div_ceil(self.threads.len().max(1)).clamp(1, self.batch),
            Urgency::Background => self.batch,
        };
        self.queue.line().vectors(texts, together, urgency).await
    }
}

/// A converted model. The two files are read and checked at the same time.
fn read(folder: &Path, options: &Options) -> Result<(String, MiniLm, Splitter), EmbedError> {
    let about = folder::about(folder)?;
    let (file, seal, precision) = match options.precision {
        Precision::Int8 => (WEIGHTS, &about.weights, "int8"),
        Precision::F32 => (ORIGINAL, &about.original, "f32"),
    };
    let (weights, tokenizer) = (folder.join(file), folder.join(TOKENIZER));
    let (network, splitter) = std::thread::scope(|scope| {
        let splitter = scope.spawn(|| {
            let bytes = folder::sealed(&tokenizer, &about.tokenizer)?;
            Splitter::read(&bytes).map_err(|problem| folder::unusable(&tokenizer, problem))
        });
        let network = folder::sealed(&weights, seal).and_then(|bytes| {
            let read = MiniLm::load(&bytes, options.precision, options.lanes);
            read.map_err(|problem| folder::unusable(&weights, problem))
        });
        (network, splitter.join())
    });
    let splitter = splitter.unwrap_or_else(|_| Err(folder::unusable(&tokenizer, "it cannot be read".to_owned())))?;
    Ok((format!("{}/{precision}", about.model), network?, splitter))
}

impl Embedder for Local {
    fn model(&self) -> &str {
        &self.model
    }

    fn dimensions(&self) -> usize {
        HIDDEN
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str], urgency: Urgency) -> EmbedFuture<'a> {
        Box::pin(self.vectors(texts, urgency))
    }
}

impl Drop for Local {
    /// Waits for the pieces at hand, a few milliseconds; what waits is told that nobody comes.
    fn drop(&mut self) {
        self.queue.line().close();
        for thread in self.threads.drain(..) {
            // A thread that broke has told whoever waited for it.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
