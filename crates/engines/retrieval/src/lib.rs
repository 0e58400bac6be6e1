//! Finding texts by words, by meaning and by use.
//!
//! [`Retrieval`] owns documents, the vectors of their texts and the questions that led to them: it keeps them in the store,
//! fills the index from there when it starts, and has what is missing embedded in the background, a batch and a commit
//! at a time. A question is looked up by words and by its vector, and what both and past use say becomes one
//! order ([`Hit`], with its [`Parts`]). Where vectors are missing it goes by what there is, and says so.
//!
//! A vector belongs to the whole text it was made of and to the model that made it, never to a document: a document
//! that changes meanwhile cannot get an old one. What a scope hides counts nowhere. This room knows no tool, no passage
//! and no permission, only documents and scopes.

mod archive;
mod asking;
mod attach;
mod clerk;
mod desk;
mod digest;
mod document;
mod entry;
mod error;
mod floor;
mod fusion;
mod learned;
mod limits;
mod mean;
mod mending;
mod question;
mod schema;
mod setup;
mod shelf;
mod snapshot;
mod stock;
#[cfg(test)]
mod tests;
mod writing;

pub use document::{Asked, Collection, Document, Found, Hit, Learned, Parts, Progress, Put, Timing, Used};
pub use error::RetrievalError;
pub use limits::Limits;
pub use question::{KeptVector, KeptVectors, NoVector};
pub use setup::{Clock, Rules, Setup};
pub use stock::Stock;

use clerk::Clerk;
use desk::Desk;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::Store;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// How long a batch that is being embedded may take to end when all closes; past that it is given up.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Documents that can be found.
pub struct Retrieval {
    desk: Arc<Desk>,
    clerk: Mutex<Option<JoinHandle<()>>>,
}

impl Retrieval {
    /// Opens the tables, making them where they are not there yet, and fills the index with the words of all documents.
    /// Their vectors follow in the background: first those in the store, then those that have to be made.
    ///
    /// # Errors
    /// [`RetrievalError`]: the store or the index fails.
    pub async fn open(store: Store, setup: Setup) -> Result<Arc<Self>, RetrievalError> {
        let stock = Stock::read(&store, &*setup.index).await?;
        Self::open_with(store, setup, stock)
    }

    /// The same where the index of `setup` was filled already.
    ///
    /// # Errors
    /// [`RetrievalError::Cache`].
    pub fn open_with(store: Store, setup: Setup, stock: Stock) -> Result<Arc<Self>, RetrievalError> {
        let desk = Arc::new(Desk::new(store, setup, stock.0)?);
        desk.tell();
        let clerk = tokio::spawn(Clerk::new(Arc::clone(&desk)).run());
        Ok(Arc::new(Self { desk, clerk: Mutex::new(Some(clerk)) }))
    }

    /// Works by other rules from now on. Who embeds is fixed at the start.
    pub fn reload(&self, rules: Rules) {
        self.desk.rules.store(Arc::new(rules));
    }

    /// Puts documents in; one whose id is there is replaced, one whose content is there costs next to nothing. Words find
    /// them when this returns, vectors follow. Of several with one id the last counts.
    ///
    /// # Errors
    /// [`RetrievalError`]: nothing is put in if one is above a limit; when the store or the index fails, some may be in.
    pub async fn put(&self, collection: &Collection, documents: Vec<Document>) -> Result<Put, RetrievalError> {
        let (desk, collection) = (Arc::clone(&self.desk), collection.clone());
        to_the_end(async move { desk.put(&collection, documents).await }).await
    }

    /// Removes documents, and what was learned about them; how many there were.
    ///
    /// # Errors
    /// [`RetrievalError`]: the store or the index fails; some may be gone then.
    pub async fn remove(&self, collection: &Collection, ids: &[Arc<str>]) -> Result<usize, RetrievalError> {
        let (desk, collection, ids) = (Arc::clone(&self.desk), collection.clone(), ids.to_vec());
        to_the_end(async move { desk.remove(&collection, &ids).await }).await
    }

    /// Removes all documents of a scope, and what was learned about them; how many there were.
    ///
    /// # Errors
    /// As for [`Retrieval::remove`].
    pub async fn remove_scope(&self, collection: &Collection, scope: &str) -> Result<usize, RetrievalError> {
        let (desk, collection, scope) = (Arc::clone(&self.desk), collection.clone(), scope.to_owned());
        to_the_end(async move { desk.remove_scope(&collection, &scope).await }).await
    }

    /// Keeps a collection in one piece where it has changed since that was done: the next start reads it several times as
    /// fast. It is read whole and written whole, so not after each change. Whether there was anything to do.
    ///
    /// # Errors
    /// [`RetrievalError::Store`].
    pub async fn keep_snapshot(&self, collection: &Collection) -> Result<bool, RetrievalError> {
        Ok(snapshot::keep(&self.desk.store, &collection.name()).await?)
    }

    /// The documents of a collection that can be found, by id.
    pub fn ids(&self, collection: &Collection) -> Vec<Arc<str>> {
        self.desk.shelf().ids(&collection.name(), None)
    }

    /// Looks for documents.
    ///
    /// # Errors
    /// [`RetrievalError::Index`]; where only the vector of the question is missing, words answer alone.
    pub async fn search(&self, asked: Asked<'_>) -> Result<Found, RetrievalError> {
        self.desk.search(asked).await
    }

    /// Remembers that a question led to a document, for its tenant; the same question counts once. Too long a question,
    /// an unknown document, and one question too many are let go.
    ///
    /// # Errors
    /// [`RetrievalError`]: the store or the index fails.
    pub async fn learn(&self, used: Used<'_>) -> Result<(), RetrievalError> {
        let Some(lesson) = self.desk.lesson(used) else { return Ok(()) };
        let desk = Arc::clone(&self.desk);
        to_the_end(async move { desk.learn(lesson).await }).await
    }

    /// Forgets what a tenant learned, about one document or about a whole collection; how many questions that were.
    ///
    /// # Errors
    /// [`RetrievalError`]: the store or the index fails.
    pub async fn unlearn(
        &self,
        collection: &Collection,
        tenant: &str,
        id: Option<&str>,
    ) -> Result<usize, RetrievalError> {
        let (desk, collection) = (Arc::clone(&self.desk), collection.clone());
        let (tenant, id) = (Arc::from(tenant), id.map(Arc::from));
        to_the_end(async move { desk.unlearn(&collection, tenant, id).await }).await
    }

    /// What a tenant learned, about one document or about a whole collection, by document and age.
    ///
    /// # Errors
    /// [`RetrievalError::Store`].
    pub async fn learned(
        &self,
        collection: &Collection,
        tenant: &str,
        id: Option<&str>,
    ) -> Result<Vec<Learned>, RetrievalError> {
        let (tenant, id) = (Arc::from(tenant), id.map(Arc::from));
        Ok(learned::list(&self.desk.store, &collection.name(), &tenant, id.as_ref()).await?)
    }

    /// How far things are.
    pub fn progress(&self) -> Progress {
        self.desk.progress()
    }

    /// Returns once nothing waits for its vectors any more: at once where nobody makes any. Says whether that is so; it is not
    /// where vectors cannot be made now ([`Progress::degraded`] says why), or not any more.
    pub async fn settled(&self) -> bool {
        self.desk.settled().await
    }

    /// Stops embedding; what is committed stays, the rest is made after the next start.
    pub async fn close(&self) {
        self.desk.stop();
        let clerk = self.clerk.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut clerk) = clerk else { return };
        // What is being written is in the store or not, and is indexed after the next start if nobody waits here.
        let _ = tokio::time::timeout(CLOSE_WAIT, self.desk.writing.lock()).await;
        match tokio::time::timeout(CLOSE_WAIT, &mut clerk).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the background of retrieval was not closed"),
            Err(_) => clerk.abort(),
        }
    }
}

/// Does what changes the store and the index to its end, also where nobody waits for it any more.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, RetrievalError>> + Send + 'static,
) -> Result<T, RetrievalError> {
    tokio::spawn(work.in_current_span()).await.unwrap_or(Err(RetrievalError::Stopped))
}

impl Drop for Retrieval {
    fn drop(&mut self) {
        self.desk.stop();
    }
}
