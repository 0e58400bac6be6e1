//! What the thread of a model does: pieces of a batch, and between any two of them what somebody waits for. Knows no
//! library.

use super::pace::Pace;
use crate::line::{Job, Line};
use crate::{EmbedError, Urgency, Vector};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Tokens that go through a model together, with those that shorter texts are filled up with, unless one text alone has
/// more: memory is bounded.
const PIECE_TOKENS: usize = 16_384;
/// How libraries say that there is no memory.
const NO_MEMORY: [&str; 5] =
    ["out of memory", "bad_alloc", "failed to allocate memory", "alloc_failed", "smaller than requested"];

/// A thread's model, and what waits for it.
pub(super) struct Worker<S, F> {
    pub(super) line: Arc<Line>,
    /// From a text to its tokens.
    pub(super) split: S,
    /// From the tokens of texts to their vectors.
    pub(super) forward: F,
    /// The model's name, for errors.
    pub(super) model: String,
    pub(super) pace: Pace,
    /// Where everybody else sees the pace.
    pub(super) batch: Arc<AtomicUsize>,
}

/// Closes a line, also where a thread breaks: nobody would come any more.
struct Closing(Arc<Line>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<S, F> Worker<S, F>
where
    S: Fn(&str) -> Vec<u32>,
    F: FnMut(&[Vec<u32>]) -> Result<Vec<Vector>, String>,
{
    /// What the thread does until the end.
    pub(super) fn work(mut self) {
        let _closing = Closing(Arc::clone(&self.line));
        while let Some((job, urgency)) = self.line.next() {
            self.serve(job, urgency);
        }
    }

    fn serve(&mut self, job: Job, urgency: Urgency) {
        let texts: Vec<Vec<u32>> = job.texts.iter().map(|text| (self.split)(text)).collect();
        let (mut vectors, mut rest) = (Vec::with_capacity(texts.len()), texts.as_slice());
        while !rest.is_empty() {
            if self.line.is_given_up(&job) {
                return;
            }
            let (piece, behind) = rest.split_at(self.piece(rest));
            match self.try_piece(piece) {
                Ok(Some(made)) => {
                    vectors.extend(made);
                    rest = behind;
                }
                Ok(None) => {}
                Err(problem) => {
                    return job.answer(Err(EmbedError::Failed { model: self.model.clone(), problem }));
                }
            }
            if urgency == Urgency::Background {
                while let Some(hurried) = self.line.hurried() {
                    self.serve(hurried, Urgency::Now);
                }
            }
        }
        job.answer(Ok(vectors));
    }

    /// How many of these texts are next: one at least.
    fn piece(&self, texts: &[Vec<u32>]) -> usize {
        let mut width = 0;
        let fits = |(before, ids): &(usize, &Vec<u32>)| {
            width = width.max(ids.len());
            (before + 1) * width <= PIECE_TOKENS
        };
        texts.iter().take(self.pace.batch()).enumerate().take_while(fits).count().max(1)
    }

    /// The vectors of a piece; `None` where there was no memory for it, and there may be for less.
    fn try_piece(&mut self, piece: &[Vec<u32>]) -> Result<Option<Vec<Vector>>, String> {
        let start = Instant::now();
        let made = (self.forward)(piece);
        let again = match &made {
            Ok(_) => {
                self.pace.took(piece.len(), start.elapsed());
                false
            }
            Err(problem) => is_no_memory(problem) && self.pace.ran_out(piece.len()),
        };
        self.batch.store(self.pace.batch(), Ordering::Relaxed);
        match made {
            Ok(made) if made.len() == piece.len() => Ok(Some(made)),
            Ok(made) => Err(format!("it made {} vectors of {} texts", made.len(), piece.len())),
            Err(_) if again => {
                tracing::warn!(texts = piece.len(), "no memory for so many texts: going on with half as many");
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }
}

fn is_no_memory(problem: &str) -> bool {
    let problem = problem.to_lowercase();
    NO_MEMORY.iter().any(|words| problem.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EmbedFuture;
    use std::sync::Mutex;
    use std::time::Duration;

    /// A model whose vectors say how long a text is, that has memory for so many tokens and breaks on `?`.
    struct Fake {
        line: Arc<Line>,
        batch: Arc<AtomicUsize>,
        /// Texts of each piece that was tried.
        pieces: Arc<Mutex<Vec<usize>>>,
    }

    impl Fake {
        fn start(batch: usize, memory: usize, takes: Duration) -> Self {
            let (line, pieces) = (Arc::new(Line::new(1_000)), Arc::new(Mutex::new(Vec::new())));
            let (seen, pace) = (Arc::clone(&pieces), Pace::new(batch));
            let forward = move |texts: &[Vec<u32>]| {
                seen.lock().unwrap().push(texts.len());
                std::thread::sleep(takes);
                let width = texts.iter().map(Vec::len).max().unwrap();
                if texts.iter().flatten().any(|id| *id == u32::from(b'?')) {
                    return Err("a hole in the graph".to_owned());
                }
                if texts.iter().flatten().any(|id| *id == u32::from(b'!')) {
                    panic!("it broke");
                }
                if width * texts.len() > memory {
                    return Err("CUDA failure 2: out of memory ; GPU=0".to_owned());
                }
                Ok(texts.iter().map(|ids| Vector::from([ids.len() as f32])).collect())
            };
            let worker = Worker {
                line: Arc::clone(&line),
                split: |text: &str| text.bytes().map(u32::from).collect(),
                forward,
                model: "fake/onnx".to_owned(),
                pace,
                batch: Arc::new(AtomicUsize::new(batch)),
            };
            let batch = Arc::clone(&worker.batch);
            std::thread::spawn(move || worker.work());
            Self { line, batch, pieces }
        }

        fn embed<'a>(&'a self, texts: &'a [&'a str], urgency: Urgency) -> EmbedFuture<'a> {
            Box::pin(self.line.vectors(texts, 128, urgency))
        }

        fn pieces(&self) -> Vec<usize> {
            self.pieces.lock().unwrap().clone()
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            self.line.close();
        }
    }

    #[tokio::test]
    async fn a_quick_device_gets_larger_pieces() {
        let fake = Fake::start(32, usize::MAX, Duration::ZERO);
        let made = fake.embed(&["ab"; 600], Urgency::Background).await.unwrap();
        assert_eq!((made.len(), made[599][0]), (600, 2.0));
        // Jobs have 128 texts; the last has what is left.
        assert_eq!(fake.pieces(), [32, 64, 32, 128, 128, 128, 88]);
        assert_eq!(fake.batch.load(Ordering::Relaxed), 128);
    }

    #[tokio::test]
    async fn without_memory_it_goes_on_with_half_as_many() {
        let fake = Fake::start(32, 100, Duration::ZERO);
        let made = fake.embed(&["abcdefghij"; 30], Urgency::Now).await.unwrap();
        assert_eq!(made.len(), 30);
        assert_eq!(fake.pieces(), [30, 15, 7, 7, 7, 7, 2]);
        assert_eq!(fake.batch.load(Ordering::Relaxed), 7);
        let failed = fake.embed(&[&*"x".repeat(101)], Urgency::Now).await.unwrap_err();
        assert!(matches!(&failed, EmbedError::Failed { problem, .. } if problem.contains("out of memory")), "{failed}");
        assert_eq!(fake.embed(&["after"], Urgency::Now).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn pieces_of_long_texts_are_small() {
        let fake = Fake::start(128, usize::MAX, Duration::ZERO);
        let (long, endless) = ("x".repeat(2_048), "y".repeat(20_000));
        let mut texts = vec![long.as_str(); 9];
        texts.extend(["a", &endless]);
        assert_eq!(fake.embed(&texts, Urgency::Now).await.unwrap().len(), 11);
        assert_eq!(fake.pieces(), [8, 2, 1]);
    }

    #[tokio::test]
    async fn whoever_waits_goes_between_two_pieces() {
        let fake = Fake::start(1, usize::MAX, Duration::from_millis(110));
        let texts = ["background"; 8];
        let behind = fake.embed(&texts, Urgency::Background);
        let quick = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            fake.embed(&["quick"], Urgency::Now).await.unwrap();
            fake.pieces().len()
        };
        let (made, before) = tokio::join!(behind, quick);
        assert_eq!(made.unwrap().len(), 8);
        assert!(before <= 3, "{before} pieces were made before the answer");
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_given_up() {
        let fake = Fake::start(1, usize::MAX, Duration::from_millis(110));
        let texts = ["background"; 100];
        let left = tokio::time::timeout(Duration::from_millis(50), fake.embed(&texts, Urgency::Background)).await;
        assert!(left.is_err());
        fake.embed(&["after"], Urgency::Now).await.unwrap();
        assert!(fake.pieces().len() <= 3, "{:?}", fake.pieces());
    }

    #[tokio::test]
    async fn a_failure_is_told_and_the_next_is_served() {
        let fake = Fake::start(32, usize::MAX, Duration::ZERO);
        let failed = fake.embed(&["a", "?"], Urgency::Now).await.unwrap_err();
        assert_eq!(failed.to_string(), "the embedding model `fake/onnx` failed: a hole in the graph");
        assert_eq!(fake.embed(&["a"], Urgency::Now).await.unwrap().len(), 1);
        assert!(fake.embed(&[], Urgency::Now).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_thread_that_breaks_leaves_nobody_waiting() {
        let fake = Fake::start(32, usize::MAX, Duration::ZERO);
        assert_eq!(fake.embed(&["!"], Urgency::Now).await.unwrap_err(), EmbedError::Closed);
        let wait = tokio::time::timeout(Duration::from_secs(5), fake.embed(&["late"], Urgency::Now));
        assert_eq!(wait.await.unwrap().unwrap_err(), EmbedError::Closed);
    }

    #[test]
    fn libraries_have_many_words_for_no_memory() {
        for problem in [
            "CUDA failure 2: out of memory ; GPU=0 ; hostname=x",
            "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 3145728",
            "Available memory of 100 is smaller than requested bytes of 3145728",
            "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED",
            "std::bad_alloc",
        ] {
            assert!(is_no_memory(problem), "{problem}");
        }
        assert!(!is_no_memory("indices element out of data bounds, idx=9 must be within the inclusive range [-5,4]"));
    }
}
