//! What an index is asked and what it answers. Nothing here says how.

use crate::SearchError;
use std::pin::Pin;
use std::sync::Arc;

/// A vector of unit length, so that a product of two is their cosine.
pub type Vector = Arc<[f32]>;

/// What an index promises.
pub type IndexFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, SearchError>> + Send + 'a>>;

/// A document as it goes into an index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Doc {
    /// Its name, which no other document of the collection has, in whatever scope.
    pub id: Arc<str>,
    /// What it belongs to, handed back with it.
    pub group: Option<Arc<str>>,
    /// Who may see it: only queries that name this scope.
    pub scope: Arc<str>,
    /// What it says.
    pub fields: Vec<Field>,
    /// What it means; the nearest of them counts. May be empty.
    pub vectors: Vec<Vector>,
    /// What filters ask for.
    pub tags: Vec<Arc<str>>,
}

/// A part of a document's words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Field {
    /// The words.
    pub text: String,
    /// How often each of them counts, 0 to 100; of weight 0 nothing is indexed.
    pub weight: f32,
}

/// Which documents take part: of every group they must have one tag at least.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Groups of tags. Without groups everything takes part; an empty group lets nothing through.
    pub all: Vec<Vec<Arc<str>>>,
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// In which collection; one that does not exist is empty.
    pub collection: &'a str,
    /// The scopes that the caller may see.
    pub scopes: &'a [Arc<str>],
    /// The words looked for.
    pub text: Option<&'a str>,
    /// The meaning looked for, of unit length and of as many dimensions as the collection's vectors.
    pub vector: Option<&'a [f32]>,
    /// Which documents take part.
    pub filter: &'a Filter,
    /// The best so many by words, and the best so many by vectors.
    pub limit: usize,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub id: Arc<str>,
    /// What it belongs to.
    pub group: Option<Arc<str>>,
    /// Its score by words (BM25), 0 where it holds none of them.
    pub words: f32,
    /// How many different words of the query it holds.
    pub matched: usize,
    /// The cosine of its nearest vector; `None` where it has no vectors, or the query has none.
    pub cosine: Option<f32>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The best by words and the best by vectors, each once, with both scores; by words, then cosine, then id.
    pub candidates: Vec<Candidate>,
    /// The score by words of a document of mean length that held every word of the query once, also those that no visible
    /// document has. `words` over this is the share of the question that a document answers, for a floor; it can
    /// exceed 1.
    pub words_best_possible: f32,
    /// How many different words the query has that are not stop words.
    pub words_asked: usize,
}

/// A document that is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// Its name.
    pub id: Arc<str>,
    /// Who may see it.
    pub scope: Arc<str>,
    /// How many vectors it has.
    pub vectors: usize,
}

/// What a collection holds at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its documents, by id.
    pub documents: Vec<Held>,
    /// How many dimensions its vectors have; `None` while it has none.
    pub dimensions: Option<usize>,
    /// What it takes in memory, in bytes, about.
    pub bytes: usize,
}

/// Documents by words and by vectors.
///
/// What one call wrote is seen by every query that begins after it returned. Writing many documents is not one step: a
/// query meanwhile may see some of them, and each of them whole.
pub trait Index: Send + Sync {
    /// Puts documents in; one with an id that is there replaces it, also in another scope. Nothing is put in if
    /// one of them is refused.
    ///
    /// # Errors
    /// [`SearchError`] where a document is above a limit, or a vector unlike the collection's.
    fn upsert<'a>(&'a self, collection: &'a str, docs: Vec<Doc>) -> IndexFuture<'a, ()>;

    /// Takes documents out, and says how many of them were there.
    ///
    /// # Errors
    /// Where a backend cannot be reached; the one in this process never fails.
    fn delete<'a>(&'a self, collection: &'a str, ids: &'a [Arc<str>]) -> IndexFuture<'a, usize>;

    /// Looks for documents.
    ///
    /// # Errors
    /// [`SearchError`] where the query is above a limit, or its vector unlike the collection's.
    fn query<'a>(&'a self, query: Query<'a>) -> IndexFuture<'a, Found>;

    /// Says what is held.
    ///
    /// # Errors
    /// Where a backend cannot be reached; the one in this process never fails.
    fn snapshot<'a>(&'a self, collection: &'a str) -> IndexFuture<'a, Snapshot>;
}
