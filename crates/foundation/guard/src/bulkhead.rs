//! Says who may start, who waits and in which order, and turns away whoever would wait in vain. Only keeps the books:
//! waking the next in line is the business of whoever owns it, and what the work is nobody here knows.

mod shed;
mod tenants;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use shed::Shed;
use tenants::Tenants;

/// Weight of what was known before when a new service time comes in; the new one has the rest. Older than about ten
/// answers is forgotten.
const KEEP: f64 = 0.8;

/// How much somebody matters when not all can be served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Turned away first.
    Low,
    /// Most.
    #[default]
    Normal,
    /// Served first, turned away last.
    Critical,
}

impl Class {
    /// Whoever is served first stands first.
    const ORDER: [Self; 3] = [Self::Critical, Self::Normal, Self::Low];

    /// As it is written: `low`, `normal` or `critical`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::Critical => "critical",
        }
    }
}

/// How many may work and how many may wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BulkheadConfig {
    /// Most at work at once, to begin with. 0 reads as 1: a bulkhead that lets nobody pass would make all wait for ever.
    pub in_flight_max: u32,
    /// Most waiting in line. With 0 nobody waits.
    pub queue_max: u32,
    /// The share of all places, and of the line, that one tenant may have while others wait; each may have one. From 1
    /// on nobody looks at tenants.
    pub tenant_share: f64,
    /// How full the line may be before the class low is turned away, as a share of `queue_max`.
    pub shed_low: f64,
    /// The same for the class normal.
    pub shed_normal: f64,
}

impl Default for BulkheadConfig {
    /// One place, no line, all alike.
    fn default() -> Self {
        Self { in_flight_max: 1, queue_max: 0, tenant_share: 1.0, shed_low: 1.0, shed_normal: 1.0 }
    }
}

/// What becomes of one who asks to enter; `W` is what its owner wakes it with.
#[must_use = "whoever goes or waits is counted and must leave, be promoted or give up"]
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<W> {
    /// Start now, and end with [`Bulkhead::leave`].
    Go,
    /// Wait in line until [`Bulkhead::promote`] names it, or [`Bulkhead::give_up`].
    Wait {
        /// Its turn.
        turn: Turn,
        /// Who had to leave the line for it, no longer counted.
        displaced: Option<W>,
    },
    /// Turned away, and not counted.
    Shed(Shed),
}

/// Somebody's turn in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    number: u64,
    class: Class,
}

#[derive(Debug)]
struct Waiting<W> {
    number: u64,
    tenant: Arc<str>,
    wake: W,
}

/// Bounded concurrency with a bounded line by class, that sheds by expected wait.
#[derive(Debug)]
pub struct Bulkhead<W> {
    limit: u32,
    config: BulkheadConfig,
    in_flight: u32,
    waiting: u32,
    /// One line for each class, by its rank; numbers rise in each.
    lines: [VecDeque<Waiting<W>>; 3],
    turns: u64,
    tenants: Tenants,
    service_secs: Option<f64>,
}

impl<W> Bulkhead<W> {
    /// An empty bulkhead that does not know yet how long work takes.
    pub fn new(config: BulkheadConfig) -> Self {
        let limit = config.in_flight_max.max(1);
        Self {
            limit,
            config,
            in_flight: 0,
            waiting: 0,
            lines: [VecDeque::new(), VecDeque::new(), VecDeque::new()],
            turns: 0,
            tenants: Tenants::new(config.tenant_share),
            service_secs: None,
        }
    }

    /// Asks for a place, with `remaining` until the request's deadline; `wake` makes what its owner is woken with if it
    /// has to wait. While anybody waits nobody overtakes but by class: a place just freed belongs to the line. The
    /// estimate needs no clock, so the time is taken but not read.
    pub fn enter(
        &mut self,
        _now: Instant,
        class: Class,
        tenant: &Arc<str>,
        remaining: Duration,
        wake: impl FnOnce() -> W,
    ) -> Entry<W> {
        if self.waiting == 0 && self.in_flight < self.limit {
            self.in_flight += 1;
            self.tenants.enter(tenant);
            return Entry::Go;
        }
        let expected = self.expected_wait(class);
        if expected > remaining && self.config.queue_max > 0 {
            return Entry::Shed(Shed::TooLate { expected, remaining });
        }
        let mut displaced = None;
        if self.waiting >= self.line_max(class) {
            displaced = self.displace(class, tenant);
            if displaced.is_none() {
                return Entry::Shed(self.full(class));
            }
        }
        self.turns += 1;
        self.waiting += 1;
        self.tenants.wait(tenant);
        self.lines[class as usize].push_back(Waiting { number: self.turns, tenant: Arc::clone(tenant), wake: wake() });
        Entry::Wait { turn: Turn { number: self.turns, class }, displaced }
    }

    /// The next in line takes a free place; `None` when nobody waits or no place is free. To be called until then
    /// whenever a place may have become free. Whoever it names is at work and ends with [`Bulkhead::leave`].
    pub fn promote(&mut self) -> Option<(W, Arc<str>)> {
        if self.waiting == 0 || self.in_flight >= self.limit {
            return None;
        }
        let (class, at) = self.chosen()?;
        let Waiting { tenant, wake, .. } = self.lines[class as usize].remove(at)?;
        self.waiting -= 1;
        self.in_flight += 1;
        self.tenants.stop_waiting(&tenant);
        self.tenants.enter(&tenant);
        Some((wake, tenant))
    }

    /// One who waits leaves the line without a place. False, with nothing changed, when it is not in line any more.
    pub fn give_up(&mut self, turn: Turn) -> bool {
        let line = &mut self.lines[turn.class as usize];
        let Ok(at) = line.binary_search_by_key(&turn.number, |waiting| waiting.number) else { return false };
        let Some(gone) = line.remove(at) else { return false };
        self.waiting -= 1;
        self.tenants.stop_waiting(&gone.tenant);
        true
    }

    /// One at work is done after `service`, waiting not included, or `None` where it never began; its place is free. A
    /// call too many frees nothing.
    pub fn leave(&mut self, tenant: &Arc<str>, service: Option<Duration>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.tenants.leave(tenant);
        if let Some(sample) = service.map(|service| service.as_secs_f64()) {
            self.service_secs = Some(self.service_secs.map_or(sample, |known| KEEP * known + (1.0 - KEEP) * sample));
        }
    }

    /// From now on so many may be at work, at least 1; those who are go on.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit.max(1);
    }

    /// From now on these rules hold, but for the most at work, which is [`Bulkhead::set_limit`]'s; whoever is at work or
    /// in line stays there.
    pub fn set_rules(&mut self, config: BulkheadConfig) {
        self.config = config;
        self.tenants.set_share(config.tenant_share);
    }

    /// The rules.
    pub fn rules(&self) -> BulkheadConfig {
        self.config
    }

    /// Estimated time in line of one of this class who joined it now: the moving average of service times, times
    /// everybody ahead and itself, shared by all places. Zero until the first work is done.
    pub fn expected_wait(&self, class: Class) -> Duration {
        let ahead = Class::ORDER.into_iter().filter(|other| *other >= class);
        let ahead: usize = ahead.map(|class| self.lines[class as usize].len()).sum();
        let secs = self.service_secs.unwrap_or(0.0) * (ahead as f64 + 1.0) / f64::from(self.limit);
        Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX)
    }

    /// How many may be at work.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// How many are at work.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many wait in line.
    pub fn waiting(&self) -> u32 {
        self.waiting
    }

    /// Who is next: by class, then first come first served. Whoever's tenant has its share lets the others go first,
    /// and goes if there are none.
    fn chosen(&self) -> Option<(Class, usize)> {
        let first = |class: Class| (!self.lines[class as usize].is_empty()).then_some((class, 0));
        let first_of_all = || Class::ORDER.into_iter().find_map(first);
        if !self.tenants.counts() {
            return first_of_all();
        }
        let most = self.tenants.share_of(self.limit);
        let may_go = |waiting: &Waiting<W>| self.tenants.inside(&waiting.tenant) < most;
        let next = |class: Class| Some((class, self.lines[class as usize].iter().position(may_go)?));
        Class::ORDER.into_iter().find_map(next).or_else(first_of_all)
    }

    /// How long the line may be for a class to join it.
    fn line_max(&self, class: Class) -> u32 {
        let share = match class {
            Class::Low => self.config.shed_low,
            Class::Normal => self.config.shed_normal,
            Class::Critical => 1.0,
        };
        // A share of a short line is at least one place of it; rounding adds none.
        let most = (f64::from(self.config.queue_max) * share - 1e-9).ceil().max(0.0);
        (most as u32).min(self.config.queue_max)
    }

    fn full(&self, class: Class) -> Shed {
        let (most, queue_max) = (self.line_max(class), self.config.queue_max);
        if most < queue_max && self.waiting < queue_max {
            return Shed::Class { class, most, queue_max };
        }
        Shed::QueueFull { queue_max }
    }

    /// Takes somebody out of the line for a newcomer: the last of the lowest class below it, or the last of its class or
    /// below whose tenant has more than its share of the line, while the newcomer's has not.
    fn displace(&mut self, class: Class, tenant: &Arc<str>) -> Option<W> {
        let most = self.tenants.share_of(self.config.queue_max);
        let fair = self.tenants.counts() && self.tenants.waiting(tenant) < most;
        let yields = |other: Class, waiting: &Waiting<W>| {
            other < class || (fair && other == class && self.tenants.waiting(&waiting.tenant) > most)
        };
        let last = |other: Class| {
            let at = self.lines[other as usize].iter().rposition(|waiting| yields(other, waiting))?;
            Some((other, at))
        };
        let (other, at) = Class::ORDER.into_iter().rev().filter(|other| *other <= class).find_map(last)?;
        let gone = self.lines[other as usize].remove(at)?;
        self.waiting -= 1;
        self.tenants.stop_waiting(&gone.tenant);
        Some(gone.wake)
    }
}

#[cfg(test)]
mod tests;
