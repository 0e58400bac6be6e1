//! Who is let in: the answer for each request, mostly without asking anybody.
//!
//! A key that was looked up is believed for `access.key_cache_ms`; a forged one is known by its check and never
//! looked up. While the store cannot be asked, keys that were known stay known for ten times as long. The order of
//! questions matters: whether a credential could be ours is decided before anything is spent on it, and a good key is
//! never put off for the wrong ones that come from its address.

mod bounded;
mod cache;
mod denial;
mod open;
mod passes;
mod presented;
mod rate;
mod strangers;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use cache::Cache;
pub use denial::Denial;
pub use presented::Presented;

use crate::AccessError;
use crate::keys::{Digest, KeyRecord, Keys};
use crate::tokens::Issuer;
use arc_swap::{ArcSwap, ArcSwapOption};
use cache::{Entry, Found, Standing};
use caller::{Guest, HOUSE, Identity, Role, Spend};
use measure::{AccessMetrics, Admission};
use open::Opening;
use passes::{Bearer, Passes};
use presented::Form;
use rate::Rate;
use redis_link::{Rates, SharedRate};
use settings::Access;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use strangers::Strangers;

/// How much longer a key is believed while the store cannot be asked.
const BLIND_TIMES: u32 = 10;
/// How long somebody who is known waits for a store that does not answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// The shortest time between two looks at a store that does not answer, for the same key.
const AGAIN: Duration = Duration::from_secs(1);

/// Whose money somebody spends.
pub type Purses = Arc<dyn Fn(&Arc<Identity>) -> Arc<dyn Spend> + Send + Sync>;

/// Lets callers in, or not.
pub struct Gate {
    keys: Arc<Keys>,
    purses: Purses,
    /// What its times are counted from.
    epoch: Instant,
    opening: Opening,
    /// Whom an open server lets in.
    anybody: Guest,
    limits: ArcSwap<Limits>,
    strangers: ArcSwap<Strangers>,
    passes: ArcSwapOption<Passes>,
    /// Whether the store did not answer when it was last asked.
    blind: AtomicBool,
    metrics: AccessMetrics,
    /// Where rates are shared with other servers.
    rates: Option<Rates>,
}

/// What can change while serving.
struct Limits {
    believed: Duration,
    rpm: Option<u32>,
    metrics_open: bool,
}

/// Who is let in, and by what.
type Judged = Result<Passed, Denial>;

/// Somebody who may come in.
struct Passed {
    guest: Guest,
    how: Admission,
    /// The rate that has to be asked first, where only Redis knows whether there is room.
    ask: Option<Arc<SharedRate>>,
}

/// A moment, by both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// Since the gate was made.
    pub(crate) at: Duration,
    /// Milliseconds since 1970.
    pub(crate) wall_ms: i64,
}

impl Gate {
    /// A gate for these keys; `purses` says whose money a caller spends. With `rates`, how often a caller may ask holds
    /// for all servers that share them.
    ///
    /// # Errors
    /// [`AccessError::Settings`] if tokens are to be accepted and an address cannot be used.
    pub fn new(
        keys: Arc<Keys>,
        purses: Purses,
        settings: &Access,
        metrics: AccessMetrics,
        rates: Option<Rates>,
    ) -> Result<Self, AccessError> {
        let identity = Arc::new(Identity { subject: "open".into(), tenant: HOUSE.into(), role: Role::Admin });
        let gate = Self {
            keys,
            epoch: Instant::now(),
            opening: Opening::new(),
            anybody: Guest { spend: purses(&identity), identity },
            purses,
            limits: ArcSwap::from_pointee(Limits::new(settings)),
            strangers: ArcSwap::from_pointee(Strangers::new(settings.wrong_keys_per_s)),
            passes: ArcSwapOption::empty(),
            blind: AtomicBool::new(false),
            metrics,
            rates,
        };
        gate.reload(settings)?;
        Ok(gate)
    }

    /// Whether a gate could take over these settings.
    ///
    /// # Errors
    /// As for [`Gate::new`].
    pub fn check(settings: &Access) -> Result<(), AccessError> {
        settings.oidc.as_ref().map(Issuer::new).transpose().map(drop)
    }

    /// Takes over other settings. The secret and the number of keys remembered are fixed at the start; a server that
    /// accepted tokens once is not open afterwards.
    ///
    /// # Errors
    /// As for [`Gate::new`]; nothing is changed then.
    pub fn reload(&self, settings: &Access) -> Result<(), AccessError> {
        let issuer = match (&settings.oidc, self.passes.load_full()) {
            (None, _) => None,
            (Some(oidc), Some(known)) if known.issuer.suits(oidc) => Some(Arc::clone(&known.issuer)),
            (Some(oidc), _) => Some(Arc::new(Issuer::new(oidc)?)),
        };
        if issuer.is_some() {
            self.opening.close();
        }
        let old = self.limits.swap(Arc::new(Limits::new(settings)));
        if old.rpm != settings.rpm {
            self.keys.cache.set_rate(settings.rpm, |whose| self.rate(None, whose));
        }
        self.passes.store(issuer.map(|issuer| Arc::new(Passes::new(issuer, settings.key_cache_max))));
        if !self.strangers.load().allow(settings.wrong_keys_per_s) {
            self.strangers.store(Arc::new(Strangers::new(settings.wrong_keys_per_s)));
        }
        Ok(())
    }

    /// Whether callers need a credential, as far as this process knows.
    pub fn guarded(&self) -> bool {
        self.opening.is_closed(&self.keys)
    }

    /// Whether figures can be read without a credential.
    pub fn metrics_open(&self) -> bool {
        self.limits.load().metrics_open
    }

    /// Judges a credential, if that can be done without asking anybody; [`Gate::admit`] does it elsewhere.
    pub fn admit_now(&self, credential: Option<&Presented>, client: IpAddr) -> Option<Result<Guest, Denial>> {
        let now = self.now();
        match self.judge_now(credential, now)? {
            Ok(Passed { ask: Some(_), .. }) => None,
            judged => Some(self.counted(judged, client, now)),
        }
    }

    /// Judges a credential.
    ///
    /// # Errors
    /// Why its bearer is not let in.
    pub async fn admit(&self, credential: Option<&Presented>, client: IpAddr) -> Result<Guest, Denial> {
        self.admit_at(credential, client, self.now()).await
    }

    async fn admit_at(&self, credential: Option<&Presented>, client: IpAddr, now: Moment) -> Result<Guest, Denial> {
        let judged = match self.judge_now(credential, now) {
            Some(judged) => judged,
            None => self.judge(credential, client, now).await,
        };
        let judged = match judged {
            Ok(Passed { guest, how, ask: Some(rate) }) => {
                let asked = rate.ask(1).await;
                asked.map(|()| Passed { guest, how, ask: None }).map_err(|wait| Denial::Limited { wait })
            }
            judged => judged,
        };
        self.counted(judged, client, now)
    }

    fn judge_now(&self, credential: Option<&Presented>, now: Moment) -> Option<Judged> {
        match self.opening.known(&self.keys, now.at)? {
            Ok(true) => return Some(Ok(self.anybody())),
            Ok(false) => {}
            Err(denial) => return Some(Err(denial)),
        }
        let Some(Presented(form)) = credential else { return Some(Err(Denial::Missing)) };
        match form {
            Form::Malformed(problem) => Some(Err(Denial::Malformed { problem })),
            Form::Key(key) => {
                let Some(digest) = self.keys.hasher.digest(key) else { return Some(Err(Denial::Unknown)) };
                let entry = self.keys.cache.get(&digest)?;
                (now.at < entry.until).then(|| verdict(&entry, now))
            }
            Form::Token(text) => match &*self.passes.load() {
                Some(passes) => passes.known(&self.keys.hasher.token(text), now),
                None => Some(Err(Denial::Malformed { problem: "it has not the form of a key" })),
            },
        }
    }

    /// Judges where somebody must be asked: the store, or the issuer of tokens.
    async fn judge(&self, credential: Option<&Presented>, client: IpAddr, now: Moment) -> Judged {
        if self.opening.ask(&self.keys, now.at).await? {
            return Ok(self.anybody());
        }
        // What was not known may have been nothing but whether the server is open.
        if let Some(judged) = self.judge_now(credential, now) {
            return judged;
        }
        match credential.map(|presented| &presented.0) {
            Some(Form::Key(key)) => {
                let digest = self.keys.hasher.digest(key).ok_or(Denial::Unknown)?;
                self.look_up(digest, now).await
            }
            Some(Form::Token(text)) => self.verify(text, client, now).await,
            Some(Form::Malformed(problem)) => Err(Denial::Malformed { problem }),
            None => Err(Denial::Missing),
        }
    }

    async fn look_up(&self, digest: Digest, now: Moment) -> Judged {
        let cache = &self.keys.cache;
        let known = cache.get(&digest);
        let look = cache.look(self.keys.store(), digest, now.at);
        let found = match known {
            None => look.await,
            // Whoever is known does not wait long for a store that does not answer.
            Some(_) => tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| Found::late(now.at)),
        };
        match &found.record {
            Err(reason) => self.look_back(&digest, known, reason, now),
            Ok(record) => {
                if self.blind.swap(false, Ordering::Relaxed) {
                    tracing::info!("the store answers again: keys are looked up");
                }
                let entry = cache.keep(&digest, &found, |known| self.entry(record.as_ref(), known, found.began));
                verdict(&entry, now)
            }
        }
    }

    /// Judges by what was known before the store fell silent.
    fn look_back(&self, digest: &Digest, known: Option<Arc<Entry>>, reason: &str, now: Moment) -> Judged {
        if !self.blind.swap(true, Ordering::Relaxed) {
            tracing::warn!(%reason, "keys cannot be looked up: those that are known stay known for a while");
        }
        let believed = self.limits.load().believed;
        let known = known.map(|entry| (entry.looked_up + believed * BLIND_TIMES, entry));
        let Some((end, entry)) = known.filter(|(end, _)| now.at < *end) else {
            return Err(Denial::Unavailable { reason: "the store does not answer" });
        };
        self.keys.cache.extend(digest, end.min(now.at + AGAIN.max(believed)));
        verdict(&entry, now)
    }

    fn anybody(&self) -> Passed {
        Passed { guest: self.anybody.clone(), how: Admission::Open, ask: None }
    }

    /// What is to be believed of a key from now on.
    fn entry(&self, record: Option<&KeyRecord>, known: Option<&Entry>, looked_up: Duration) -> Entry {
        let until = looked_up + self.limits.load().believed;
        let standing = match record {
            None => Standing::Unknown,
            Some(record) if record.revoked_ms.is_some() => Standing::Revoked,
            Some(record) => Standing::Good(self.guest(record.identity(), known)),
        };
        let own = record.and_then(|record| record.rpm);
        let rpm = own.or(self.limits.load().rpm);
        let rate = match known {
            Some(Entry { rpm: before, rate: Some(rate), .. }) if *before == rpm => Some(Arc::clone(rate)),
            _ => standing.identity().and_then(|whose| self.rate(own, whose)),
        };
        let expires_ms = record.and_then(|record| record.expires_ms);
        Entry { standing, expires_ms, is_own: own.is_some(), rpm, rate, looked_up, until }
    }

    /// The guest that was known, if it is the same one: its purse may be in use.
    fn guest(&self, identity: Identity, known: Option<&Entry>) -> Guest {
        if let Some(Entry { standing: Standing::Good(guest), .. }) = known
            && *guest.identity == identity
        {
            return guest.clone();
        }
        let identity = Arc::new(identity);
        Guest { spend: (self.purses)(&identity), identity }
    }

    async fn verify(&self, text: &str, client: IpAddr, now: Moment) -> Judged {
        // A signature costs a hundred times what a key does: none is looked at for an address that guesses.
        self.strangers.load().look(client, now.at).map_err(|wait| Denial::TooManyWrong { wait })?;
        let Some(passes) = self.passes.load_full() else { return Err(Denial::Unknown) };
        let verified = passes.issuer.verify(text, now).await?;
        let until = now.at + self.limits.load().believed;
        let bearer = |identity: &Arc<Identity>| Bearer {
            guest: Guest { spend: (self.purses)(identity), identity: Arc::clone(identity) },
            rate: self.rate(None, identity),
        };
        passes.keep(self.keys.hasher.token(text), verified, until, bearer, now)
    }

    /// How often somebody may ask, if there is a limit.
    fn rate(&self, own: Option<u32>, whose: &Identity) -> Option<Arc<Rate>> {
        let rpm = own.or(self.limits.load().rpm)?;
        Some(Arc::new(Rate::new(rpm, whose, self.rates.as_ref())))
    }

    /// Counts, and puts off whoever was wrong too often.
    fn counted(&self, judged: Judged, client: IpAddr, now: Moment) -> Result<Guest, Denial> {
        let denial = match judged {
            Ok(Passed { guest, how, .. }) => {
                self.metrics.admission(how).inc();
                return Ok(guest);
            }
            Err(denial) if denial.is_wrong() => match self.strangers.load().note(client, now.at) {
                Ok(()) => denial,
                Err(wait) => Denial::TooManyWrong { wait },
            },
            Err(denial) => denial,
        };
        match &denial {
            Denial::Limited { .. } => self.metrics.limited_keys.inc(),
            Denial::TooManyWrong { .. } => self.metrics.limited_addresses.inc(),
            other => other.admission().into_iter().for_each(|how| self.metrics.admission(how).inc()),
        }
        Err(denial)
    }

    fn now(&self) -> Moment {
        Moment { at: self.epoch.elapsed(), wall_ms: calendar::now_ms() }
    }
}

/// Judges by what is believed of a key.
fn verdict(entry: &Entry, now: Moment) -> Judged {
    match &entry.standing {
        Standing::Unknown => Err(Denial::Unknown),
        Standing::Revoked => Err(Denial::Revoked),
        Standing::Good(_) if entry.expires_ms.is_some_and(|end| end <= now.wall_ms) => Err(Denial::Expired),
        Standing::Good(guest) => {
            let ask = within(entry.rate.as_deref(), now)?;
            Ok(Passed { guest: guest.clone(), how: Admission::Key, ask })
        }
    }
}

/// Takes one request from a rate, if there is one; or the rate that has to be asked.
fn within(rate: Option<&Rate>, now: Moment) -> Result<Option<Arc<SharedRate>>, Denial> {
    rate.map_or(Ok(None), |rate| rate.take(now))
}

impl Limits {
    fn new(settings: &Access) -> Self {
        let believed = Duration::from_millis(settings.key_cache_ms);
        Self { believed, rpm: settings.rpm, metrics_open: settings.metrics_open }
    }
}
