//! What several servers may share about the endpoints they all ask: who wants to be left alone, and the rates. The
//! trait alone: by which means it is shared nobody here knows, and without it every server counts for itself.

use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// What is shared with the other servers. Every call but [`SharedRate::take`] answers at once, from memory.
pub trait Sharing: Send + Sync {
    /// Tells the others to leave an endpoint (`provider/model`) alone for so long.
    fn park(&self, endpoint: &str, until_in: Duration);

    /// How much longer an endpoint is to be left alone, as far as others have told.
    fn parked(&self, endpoint: &str) -> Option<Duration>;

    /// The rate of this name and so many a minute over all servers; `None` where rates are not shared. Asked once for
    /// each rate, when settings are read.
    fn rate(&self, name: &str, per_minute: u32) -> Option<Arc<dyn SharedRate>>;
}

/// One rate over all servers.
pub trait SharedRate: Send + Sync {
    /// Takes `cost` out of what this server holds already. `None` where that does not suffice to tell: then
    /// [`SharedRate::take`] is asked.
    fn take_now(&self, _cost: u64) -> Option<Result<(), Duration>> {
        None
    }

    /// Takes `cost`, or tells how long to wait until it would be there.
    fn take(&self, cost: u64) -> BoxFuture<'_, Result<(), Duration>>;

    /// Gives back what was taken and not used. Whoever cannot take it back lets it go: the rate is kept all the same.
    fn give_back(&self, _cost: u64) {}

    /// Takes what a call has used beyond what it took: others wait for it. Whoever cannot note it lets it go.
    fn owe(&self, _cost: u64) {}
}
