//! A place for one connection, which is opened when somebody needs it and given up when it breaks.

use crate::connection::{Connection, Target};
use crate::error::Trouble;
use crate::lock;
use arc_swap::ArcSwapOption;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use measure::Level;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;

type Opening = Shared<BoxFuture<'static, Result<Arc<Connection>, Trouble>>>;

/// A place for one connection.
#[derive(Default)]
pub(crate) struct Slot {
    open: ArcSwapOption<Connection>,
    opening: Mutex<Option<Opening>>,
    busy: AtomicUsize,
}

/// Counts a command that is under way.
pub(crate) struct Busy<'a>(&'a AtomicUsize);

impl Slot {
    /// How many commands are under way here.
    pub(crate) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// Counts one command in until dropped.
    pub(crate) fn enter(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(&self.busy)
    }

    /// The connection, and whether it was there already. All who come meanwhile wait for the same one, and it goes on
    /// opening when they have left: a server farther off than a command may take can be reached all the same.
    pub(crate) async fn get(
        &self,
        home: &Handle,
        target: &Arc<Target>,
        most: Duration,
        level: &Level,
    ) -> Result<(Arc<Connection>, bool), Trouble> {
        if let Some(open) = self.open.load_full() {
            return Ok((open, true));
        }
        let opening = {
            let mut opening = lock(&self.opening);
            let begun = opening.get_or_insert_with(|| open(home, Arc::clone(target), most, level.clone()));
            begun.clone()
        };
        let opened = opening.clone().await;
        let mut current = lock(&self.opening);
        // The first to see how it ended puts it away.
        if current.as_ref().is_some_and(|current| current.ptr_eq(&opening)) {
            *current = None;
            self.open.store(opened.as_ref().ok().cloned());
        }
        opened.map(|connection| (connection, false))
    }

    /// Gives a connection up, if it is still the one in use.
    pub(crate) fn forget(&self, broken: &Arc<Connection>) {
        let same = self.open.load().as_ref().is_some_and(|open| Arc::ptr_eq(open, broken));
        if same {
            self.clear();
        }
    }

    /// Gives up whatever connection there is.
    pub(crate) fn clear(&self) {
        self.open.store(None);
    }
}

fn open(home: &Handle, target: Arc<Target>, most: Duration, level: Level) -> Opening {
    let opening = home.spawn(async move { Connection::open(&target, most, &level).await.map(Arc::new) });
    let stopped = || Trouble::Failed { reason: "the server stops".to_owned(), broken: true, unknown_script: false };
    opening.map(move |ended| ended.unwrap_or_else(|_| Err(stopped()))).boxed().shared()
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
