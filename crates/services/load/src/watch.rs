//! Looks at a target's own metrics while a run lasts. Knows no scenario, and never makes a run fail: what cannot be
//! seen is a gap.

mod figures;
mod look;
mod process;
mod sample;
#[cfg(test)]
mod tests;

pub(crate) use figures::{cpu_s, glimpses, memory};
pub(crate) use look::Look;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body_util::Full;
use net::{Client, ClientConfig};
use std::time::{Duration, Instant};
use tokio::time::{Interval, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

/// The longest that a look may take.
const LOOK_TIME_MAX: Duration = Duration::from_secs(2);

/// The largest metrics page that is read.
const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most looks that are kept; before there are more, every other is given up and the next come half as often.
const LOOKS_MAX: usize = 7_200;

/// No two looks begin closer together.
const EVERY_MIN: Duration = Duration::from_millis(10);

const ACCEPTED: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

/// Somebody who looks at one target.
#[derive(Debug)]
pub(crate) struct Watch {
    client: Client,
    /// Where its metrics are; none if the root is no address.
    uri: Option<Uri>,
    headers: HeaderMap,
    pid: Option<u32>,
    looks_max: usize,
}

impl Watch {
    /// A watch of the target at `root`, whose metrics are at `/metrics` below it; `headers` go with every look, such as
    /// `authorization`. `pid` is the target's process, if it runs on this machine: memory and processor time are then
    /// read there, also where the target has no metrics.
    pub(crate) fn new(root: &Uri, headers: &HeaderMap, pid: Option<u32>) -> Self {
        let mut headers = headers.clone();
        // Whatever they hold, they are not for logs.
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        let config = ClientConfig { connect_timeout: LOOK_TIME_MAX, pool_max: 1, ..ClientConfig::default() };
        Self { client: Client::new(root, &config), uri: metrics(root), headers, pid, looks_max: LOOKS_MAX }
    }

    /// One look, after 2 seconds at the latest; `None` where there is nothing to see: no metrics at the target, or none
    /// that can be read, and no process either.
    pub(crate) async fn look(&self) -> Option<Look> {
        let page = self.page().await;
        let seen = page.as_deref().and_then(look::look);
        match self.pid.and_then(process::figures) {
            Some((resident_mb, cpu_s)) => {
                Some(Look { resident_mb: Some(resident_mb), cpu_s: Some(cpu_s), ..seen.unwrap_or_default() })
            }
            None => seen,
        }
    }

    /// Looks now, then again and again until `stop`, and once more at the end. A look that fails leaves a gap.
    ///
    /// However long that is, no more than 7,200 looks are kept: when there are as many, of each two the one with more
    /// memory stays, and the next looks come half as often.
    pub(crate) async fn follow(&self, every: Duration, stop: CancellationToken) -> Vec<(Instant, Look)> {
        let (mut looks, mut every) = (Vec::new(), every.max(EVERY_MIN));
        let mut ticks = ticks(Duration::ZERO, every);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let Some(seen) = stop.run_until_cancelled(self.look()).await else { break };
            looks.extend(seen.map(|look| (Instant::now(), look)));
            if looks.len() >= self.looks_max {
                looks = thinned(&looks);
                every *= 2;
                ticks = self::ticks(every, every);
            }
        }
        looks.extend(self.look().await.map(|look| (Instant::now(), look)));
        looks
    }

    /// The version that the target's metrics name; `None` if it is no Althing server or cannot be asked.
    pub(crate) async fn version(&self) -> Option<String> {
        look::version(&self.page().await?)
    }

    /// The metrics page as text, bytes that are none replaced.
    async fn page(&self) -> Option<String> {
        timeout(LOOK_TIME_MAX, self.fetch()).await.ok()?
    }

    async fn fetch(&self) -> Option<String> {
        let mut request = Request::get(self.uri.clone()?).body(Full::<Bytes>::default()).ok()?;
        *request.headers_mut() = self.headers.clone();
        let (head, body) = self.client.send(request).await.ok()?.into_parts();
        if head.status != StatusCode::OK {
            return None;
        }
        let page = String::from_utf8_lossy(&net::collect(body, PAGE_BYTES_MAX).await.ok()?).into_owned();
        let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // A page in this format that does not say that it is at its end has been cut: counters may be missing from it.
        let whole = !kind.starts_with("application/openmetrics-text") || page.trim_ascii_end().ends_with("# EOF");
        whole.then_some(page)
    }
}

/// Ticks, of which those that a slow look missed are left out.
fn ticks(first: Duration, every: Duration) -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + first, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// Where a target's metrics are.
fn metrics(root: &Uri) -> Option<Uri> {
    let path = format!("{}/metrics", root.path().trim_end_matches('/'));
    Uri::builder().scheme(root.scheme()?.clone()).authority(root.authority()?.clone()).path_and_query(path).build().ok()
}

/// Half as many looks: the first, from which counters count, and of each further two the one with more memory, so that
/// its peak stays.
fn thinned(looks: &[(Instant, Look)]) -> Vec<(Instant, Look)> {
    let Some((first, rest)) = looks.split_first() else { return Vec::new() };
    let larger = |a: &(Instant, Look), b: &(Instant, Look)| f64::total_cmp(&mb(a), &mb(b));
    let kept = rest.chunks(2).filter_map(|pair| pair.iter().copied().max_by(larger));
    std::iter::once(*first).chain(kept).collect()
}

fn mb((_, look): &(Instant, Look)) -> f64 {
    look.resident_mb.unwrap_or_default()
}
