//! What a thread of the model does: what somebody waits for goes first, between any two layers of a batch. Knows no
//! file.

use crate::Urgency;
use crate::line::{Job, Line};
use crate::minilm::{MiniLm, Scratch, Tokens};
use crate::tokens::Splitter;

/// Tokens that go through the network together, unless one text alone has more: what a thread works on fits its own
/// cache, and memory is bounded.
const PIECE_TOKENS: usize = 128;

/// The model, and what waits for it.
#[derive(Debug)]
pub(super) struct Queue {
    network: MiniLm,
    splitter: Splitter,
    line: Line,
}

impl Queue {
    pub(super) fn new(network: MiniLm, splitter: Splitter, waiting_max: usize) -> Self {
        Self { network, splitter, line: Line::new(waiting_max) }
    }

    /// Where texts wait.
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// What a thread does until the end.
    pub(super) fn work(&self) {
        let (mut own, mut hurried) = (Scratch::default(), Scratch::default());
        while let Some((job, urgency)) = self.line.next() {
            match urgency {
                Urgency::Now => self.serve(job, &mut hurried, &mut || ()),
                Urgency::Background => self.serve(job, &mut own, &mut || self.serve_hurried(&mut hurried)),
            }
        }
    }

    /// Everything that somebody waits for, in the middle of something else.
    fn serve_hurried(&self, scratch: &mut Scratch) {
        while let Some(job) = self.line.hurried() {
            self.serve(job, scratch, &mut || ());
        }
    }

    fn serve(&self, job: Job, scratch: &mut Scratch, pause: &mut dyn FnMut()) {
        let mut vectors = Vec::with_capacity(job.texts.len());
        let mut piece = Tokens::default();
        for text in &job.texts {
            let ids = self.splitter.split(text);
            if piece.count() > 0 && piece.count() + ids.len() > PIECE_TOKENS {
                if self.line.is_given_up(&job) {
                    return;
                }
                vectors.extend(self.network.forward(&piece, scratch, &mut *pause));
                piece = Tokens::default();
            }
            piece.push(&ids);
        }
        if self.line.is_given_up(&job) {
            return;
        }
        vectors.extend(self.network.forward(&piece, scratch, pause));
        job.answer(Ok(vectors));
    }
}
