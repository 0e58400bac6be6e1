//! Asks each provider for its list of models now and then, to see whether it is well. Knows no request: whoever
//! chooses among endpoints looks at what was found.

use super::Source;
use crate::endpoint::lock;
use crate::{Finding, Probe, look};
use futures_util::future::join_all;
use measure::{Level, Metrics};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// However often it is asked, a provider has this long to answer.
const LEAST: Duration = Duration::from_secs(1);

/// Checks that go on until this is dropped, from when on they find nothing any more: one may just be on its way.
pub(super) struct Checks(JoinHandle<()>, Arc<Mutex<Stopped>>);

/// Whether nobody looks at what is found any more.
type Stopped = bool;

impl Drop for Checks {
    fn drop(&mut self) {
        *lock(&self.1) = true;
        self.0.abort();
    }
}

/// Starts to check all providers `every` so often; `None` where nobody wants that, or where no runtime is there that
/// could. Whoever is not checked any more passes: nobody would ever find out that it is well again.
pub(super) fn start(sources: &[Arc<Source>], every: Duration, metrics: &Metrics) -> Option<Checks> {
    if every.is_zero() {
        let down = sources.iter().filter(|source| !source.checked().is_up());
        down.for_each(|it| it.checked().found(&Finding::Simulated, now(), &metrics.provider_up(it.name())));
    }
    let runtime = Handle::try_current().ok().filter(|_| !every.is_zero())?;
    // A script has nothing to ask.
    let asked = sources.iter().filter(|source| source.parts().1.list().is_some());
    let asked: Vec<_> = asked.map(|source| (Arc::clone(source), metrics.provider_up(source.name()))).collect();
    asked.iter().for_each(|(source, shown)| shown.set(i64::from(source.checked().is_up())));
    let stopped = Arc::default();
    (!asked.is_empty()).then(|| Checks(runtime.spawn(run(asked, every, Arc::clone(&stopped))), stopped))
}

async fn run(asked: Vec<(Arc<Source>, Level)>, every: Duration, stopped: Arc<Mutex<Stopped>>) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        join_all(asked.iter().map(|(source, shown)| check(source, shown, every, &stopped))).await;
    }
}

async fn check(source: &Source, shown: &Level, every: Duration, stopped: &Mutex<Stopped>) {
    let (settings, provider) = source.parts();
    let timeout = Duration::from_millis(settings.timeout_ms.unwrap_or(u64::MAX)).min(every.max(LEAST));
    let Probe { finding, .. } = look(provider.as_ref(), timeout).await;
    let stopped = lock(stopped);
    if *stopped {
        return;
    }
    let before = source.checked().is_up();
    source.checked().found(&finding, now(), shown);
    match (before, source.checked().is_up()) {
        (true, false) => tracing::warn!(provider = source.name(), "fails its health checks"),
        (false, true) => tracing::info!(provider = source.name(), "passes its health checks again"),
        _ => {}
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
