//! A purse whose books a test can read.

use caller::{Called, NanoUsd, Need, Spend, SpendFault, Tab, TabFuture, Tokens};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// One call as it was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The model, as `provider/model`.
    pub model: String,
    /// `answered`, `failed`, `timed_out` or `cancelled`.
    pub outcome: &'static str,
    /// Tokens.
    pub tokens: Tokens,
    /// What it cost.
    pub cost: NanoUsd,
    /// Whether tokens and cost are what the upstream told and the settings price.
    pub exact: bool,
    /// How long it took.
    pub latency: Duration,
    /// Whether a script answered.
    pub simulated: bool,
    /// The request and the answer, where they are kept.
    pub words: Option<(String, String)>,
}

/// Grants or refuses everything, and writes down what it is told.
#[derive(Debug, Default)]
pub struct Purse {
    refuses: Option<SpendFault>,
    words_max: usize,
    books: Arc<Mutex<Books>>,
}

#[derive(Debug, Default)]
struct Books {
    needs: Vec<Need>,
    notes: Vec<Note>,
    opened: usize,
    settled: Vec<NanoUsd>,
}

impl Purse {
    /// Grants everything.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Grants everything and keeps so many bytes of each prompt and answer.
    pub fn keeping(words_max: usize) -> Arc<Self> {
        Arc::new(Self { words_max, ..Self::default() })
    }

    /// Grants nothing, for this reason.
    pub fn refusing(fault: SpendFault) -> Arc<Self> {
        Arc::new(Self { refuses: Some(fault), ..Self::default() })
    }

    /// A tab that nobody has asked for.
    pub fn tab(&self) -> Arc<dyn Tab> {
        lock(&self.books).opened += 1;
        Arc::new(Open { words_max: self.words_max, books: Arc::clone(&self.books), spent: Mutex::new(0) })
    }

    /// What was asked for, in order.
    pub fn needs(&self) -> Vec<Need> {
        lock(&self.books).needs.clone()
    }

    /// What was noted, in order.
    pub fn notes(&self) -> Vec<Note> {
        lock(&self.books).notes.clone()
    }

    /// The model and outcome of each note, in order.
    pub fn outcomes(&self) -> Vec<(String, &'static str)> {
        self.notes().into_iter().map(|note| (note.model, note.outcome)).collect()
    }

    /// How many tabs are open now.
    pub fn open_tabs(&self) -> usize {
        let books = lock(&self.books);
        books.opened - books.settled.len()
    }

    /// What was noted on each tab that has been settled, in the order of settling.
    pub fn settled(&self) -> Vec<NanoUsd> {
        lock(&self.books).settled.clone()
    }
}

impl Spend for Purse {
    fn reserve<'a>(&'a self, _request_id: &'a Arc<str>, need: Need, _deadline: Instant) -> TabFuture<'a> {
        lock(&self.books).needs.push(need);
        Box::pin(async move {
            match &self.refuses {
                Some(fault) => Err(fault.clone()),
                None => Ok(self.tab()),
            }
        })
    }
}

struct Open {
    words_max: usize,
    books: Arc<Mutex<Books>>,
    spent: Mutex<NanoUsd>,
}

impl Tab for Open {
    fn note(&self, call: &Called<'_>) {
        let text = |bytes: &[u8]| {
            assert!(bytes.len() <= self.words_max, "more words than were asked for");
            String::from_utf8_lossy(bytes).into_owned()
        };
        *lock(&self.spent) += call.cost;
        lock(&self.books).notes.push(Note {
            model: call.model.to_string(),
            outcome: call.outcome,
            tokens: call.tokens,
            cost: call.cost,
            exact: call.exact,
            latency: call.latency,
            simulated: call.simulated,
            words: call.words.map(|(prompt, answer)| (text(prompt), text(answer))),
        });
    }

    fn words_max(&self) -> usize {
        self.words_max
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let spent = *lock(&self.spent);
        lock(&self.books).settled.push(spent);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
