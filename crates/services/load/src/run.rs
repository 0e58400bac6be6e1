//! Running a set of scenarios: from schedules to a report. Knows how the parts follow one another, and what none of them
//! does by itself.

mod assemble;
mod blocks;
mod error;
mod inject;
mod levels;
mod measured;
mod target;

pub use error::LoadError;
pub use levels::sweep;

use crate::environment::environment;
use crate::scenario::{Files, Kind, Scenario, Set};
use crate::watch::{Look, Watch};
use crate::{prepare, schedule};
use assemble::scenario_report;
use http::{HeaderMap, Uri};
use inject::Injection;
use measured::Measured;
use std::sync::Arc;
use std::time::{Duration, Instant};
use target::Target;
use tokio_util::sync::CancellationToken;
use traffic::{Arrival, Job, Meter, Mode, Taken};
use verdict::{
    CmoGrade, Environment, Grade, Integrity, Pooled, Report, SCHEMA, ScenarioReport, Share, TargetFacts, Verdict,
    layers, overall,
};

/// How often the target's metrics are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The most arrivals that may wait for a free user, for each worker.
const WAITING_MAX: usize = 200_000;
/// How many arrivals per second one worker is given before there is another.
const RATE_PER_WORKER: f64 = 5_000.0;
/// How many different requests are asked alone, for each scenario, where integrity is looked at.
const ALONE_MAX: usize = 200;

/// How a set is run, beside what its scenarios say.
#[derive(Debug, Clone)]
pub struct Options {
    /// The target's root.
    pub target: Uri,
    /// Headers that every request carries, such as `authorization`.
    pub headers: HeaderMap,
    /// How often each scenario is run; each further time the seed rises by 1.
    pub repeats: u32,
    /// Threads that send; as many as the rate asks for if none.
    pub workers: Option<u32>,
    /// The model, panel or route for every entry of a mix that names none; the target is asked if none.
    pub model: Option<String>,
    /// The simulated upstream that is told to fail while a scenario with `fault` runs.
    pub inject: Option<Uri>,
    /// A local process whose memory and processor time stand in for metrics that the target does not show.
    pub pid: Option<u32>,
    /// Whether the same requests are asked alone as well, and the answers compared.
    pub integrity: bool,
    /// The generator's version.
    pub version: String,
}

/// What a run tells while it lasts.
#[derive(Debug, Clone)]
pub enum Step {
    /// Requests are asked alone, for the sake of integrity.
    Alone {
        /// The scenario's name.
        scenario: String,
    },
    /// A repeat begins.
    Begins {
        /// The scenario's name.
        scenario: String,
        /// Which repeat, from 1.
        repeat: u32,
        /// How many there are.
        of: u32,
        /// Requests in it.
        planned: u64,
        /// Users in it.
        users: u32,
        /// Where to see how it goes.
        meter: Arc<Meter>,
    },
    /// A scenario has ended.
    Ends {
        /// Its name.
        scenario: String,
        /// What it comes to.
        verdict: Verdict,
    },
}

/// Runs every scenario of a set, one after the other, and judges. `files` holds the prompt files of each scenario, in
/// their order. What `stop` cuts short is reported as such, never judged.
///
/// # Errors
/// [`LoadError`] when a run cannot begin at all; a target that fails later is a figure, not an error.
pub async fn run(
    set: &Set,
    files: &[Files],
    options: &Options,
    stop: &CancellationToken,
    tell: impl Fn(Step),
) -> Result<Report, LoadError> {
    let started = calendar::rfc3339(calendar::now_ms());
    let environment = environment(&options.version);
    let target = Target::find(options, set).await?;
    let none = Files::new();
    let mut ended = Vec::new();
    let mut answers = Answers::default();
    let mut simulated = false;
    let mut notes = Vec::new();
    for (at, scenario) in set.scenarios.iter().enumerate() {
        if stop.is_cancelled() {
            break;
        }
        let files = files.get(at).unwrap_or(&none);
        let one = One { scenario, files, options, target: &target, stop, tell: &tell };
        let measured = one.measure(&mut answers).await?;
        simulated |= measured.simulated();
        notes.extend(measured.notes.iter().cloned());
        let report = scenario_report(scenario, &measured, stop.is_cancelled());
        tell(Step::Ends { scenario: scenario.name.clone(), verdict: report.verdict });
        ended.push(report);
    }
    let facts = TargetFacts { url: target.shown(), althing: target.version.clone(), simulated };
    notes.dedup();
    let planned = set.scenarios.len();
    let mut report = whole(set, ended, facts, notes);
    (report.started, report.environment, report.repeats) = (started, environment, options.repeats);
    report.integrity = answers.compared();
    if stop.is_cancelled() {
        report.complete = false;
        report.verdict = Verdict::Invalid;
        report.incomplete = Some(format!(
            "interrupted: {} of {planned} scenarios were begun, the last was not finished",
            report.scenarios.len()
        ));
    }
    Ok(report)
}

/// A report with everything that follows from its scenarios.
fn whole(set: &Set, scenarios: Vec<ScenarioReport>, target: TargetFacts, notes: Vec<String>) -> Report {
    let counts = scenarios.iter().fold((0, 0), |sum, one| (sum.0 + one.success.count, sum.1 + one.success.of));
    let mean = |value: fn(&ScenarioReport) -> f64| {
        let values: Vec<f64> = scenarios.iter().map(value).collect();
        if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
    };
    Report {
        schema: SCHEMA,
        id: format!("load_{:016x}", fastrand::u64(..)),
        name: set.name.clone(),
        started: String::new(),
        target,
        environment: Environment::default(),
        repeats: 1,
        complete: true,
        incomplete: None,
        verdict: overall(scenarios.iter().map(|one| one.verdict)),
        grade: scenarios.iter().map(|one| one.grade).max().unwrap_or(Grade::F),
        grade_cmo: scenarios.iter().map(|one| one.grade_cmo).max().unwrap_or(CmoGrade::F),
        pooled: Pooled {
            success: Share::new(counts.0, counts.1),
            success_mean: mean(|one| one.success.share),
            p95_ms_mean: mean(|one| one.latency_ms.p95),
        },
        layers: layers(&scenarios),
        scenarios,
        integrity: None,
        notes,
    }
}

/// One scenario while it is run.
struct One<'a, T: Fn(Step)> {
    scenario: &'a Scenario,
    files: &'a Files,
    options: &'a Options,
    target: &'a Target,
    stop: &'a CancellationToken,
    tell: &'a T,
}

impl<T: Fn(Step)> One<'_, T> {
    async fn measure(&self, answers: &mut Answers) -> Result<Measured, LoadError> {
        let model = self.options.model.as_deref().or(self.target.model.as_deref()).unwrap_or_default();
        let pool = prepare::pool(self.scenario, model, self.files);
        let prompts = pool.prompts();
        let requests = Arc::new(pool.requests);
        let mut measured = Measured::new(self.scenario, model, Arc::clone(&requests));
        if self.scenario.fault.is_some() && self.options.inject.is_none() {
            measured.notes.push(format!(
                "`{}` is meant to run while its upstream fails: name the simulated upstream with `--inject`",
                self.scenario.name
            ));
        }
        let mut heard = Vec::new();
        self.warm_up(&requests, &prompts).await?;
        for repeat in 0..self.options.repeats.max(1) {
            let arrivals = Arc::new(schedule::schedule(self.scenario, repeat, &prompts));
            if repeat == 0 {
                measured.schedule_sha256 = schedule::sha256(&arrivals);
            }
            let job = Job { keep_answers: self.options.integrity, ..self.job(&requests, arrivals) };
            let (taken, looks) = self.repeat(repeat, job.clone()).await?;
            if self.options.integrity {
                heard.extend(texts(&job.arrivals, &taken));
            }
            measured.add(taken, &looks);
            if self.stop.is_cancelled() {
                break;
            }
        }
        // Behind what is measured: asked before, the same questions would have filled the target's caches.
        if self.options.integrity && !self.stop.is_cancelled() {
            (self.tell)(Step::Alone { scenario: self.scenario.name.clone() });
            self.alone(&requests, &pool.answers, answers).await?;
            answers.loaded(heard);
        }
        Ok(measured)
    }

    fn job(&self, requests: &Arc<Vec<traffic::Prepared>>, arrivals: Arc<Vec<Arrival>>) -> Job {
        let rate = f64::from(self.scenario.operations) / self.scenario.duration_s.max(1e-9);
        let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        let wanted = if self.scenario.closed { 1.0 } else { (rate / RATE_PER_WORKER).ceil() };
        Job {
            target: self.options.target.clone(),
            headers: self.options.headers.clone(),
            requests: Arc::clone(requests),
            arrivals,
            mode: if self.scenario.closed { Mode::Closed } else { Mode::Open },
            users: self.scenario.users,
            workers: self.options.workers.unwrap_or((wanted as u32).clamp(1, cores)),
            timeout: Duration::from_millis(self.scenario.timeout_ms),
            waiting_max: WAITING_MAX,
            keep_answers: false,
        }
    }

    /// One repeat, with the target watched and, where the scenario asks for it, its upstream told to fail.
    async fn repeat(&self, repeat: u32, job: Job) -> Result<(Taken, Vec<(Instant, Look)>), LoadError> {
        let meter = Arc::new(Meter::new(job.workers).map_err(traffic::TrafficError::System)?);
        (self.tell)(Step::Begins {
            scenario: self.scenario.name.clone(),
            repeat: repeat + 1,
            of: self.options.repeats.max(1),
            planned: job.arrivals.len() as u64,
            users: job.users,
            meter: Arc::clone(&meter),
        });
        let watch = Watch::new(&self.options.target, &self.options.headers, self.options.pid);
        let done = CancellationToken::new();
        let injection = match (&self.scenario.fault, &self.options.inject) {
            (Some(fault), Some(upstream)) => Some(Injection::prepare(upstream, fault).await?),
            _ => None,
        };
        // The first requests are not to be missing from the target's counters.
        let first = watch.look().await;
        let began = Instant::now();
        let failing = async {
            match &injection {
                Some(injection) => injection.follow(self.scenario.duration_s, &done).await,
                None => Ok(()),
            }
        };
        let sending = async {
            let taken = traffic::run(job, meter, self.stop.clone()).await;
            done.cancel();
            taken
        };
        let (taken, looks, failed) = tokio::join!(sending, watch.follow(LOOK_EVERY, done.clone()), failing);
        failed?;
        let looks = first.map(|look| (began, look)).into_iter().chain(looks).collect();
        Ok((taken?, looks))
    }

    async fn warm_up(&self, requests: &Arc<Vec<traffic::Prepared>>, prompts: &[u32]) -> Result<(), LoadError> {
        if self.scenario.warmup == 0 {
            return Ok(());
        }
        let warm = Scenario { operations: self.scenario.warmup, closed: true, think_ms: 0, ..self.scenario.clone() };
        let arrivals = Arc::new(schedule::schedule(&warm, u32::MAX, prompts));
        let job = Job { mode: Mode::Closed, ..self.job(requests, arrivals) };
        self.quietly(job).await.map(drop)
    }

    /// The first requests of the pool, twice, one after the other.
    async fn alone(
        &self,
        requests: &Arc<Vec<traffic::Prepared>>,
        known: &[Option<String>],
        answers: &mut Answers,
    ) -> Result<(), LoadError> {
        let asked = requests.len().min(ALONE_MAX);
        let arrival = |request: usize| Arrival { at_us: 0, request: u32::try_from(request).unwrap_or(0), think_us: 0 };
        let arrivals: Arc<Vec<Arrival>> = Arc::new((0..asked).map(arrival).collect());
        let mut passes = Vec::new();
        for _ in 0..2 {
            let job = self.job(requests, Arc::clone(&arrivals));
            let job = Job { mode: Mode::Closed, users: 1, workers: 1, keep_answers: true, ..job };
            let mut texts = vec![None; asked];
            for (arrival, text) in self.quietly(job).await?.answers {
                if let Some(place) = texts.get_mut(arrival as usize) {
                    *place = Some(text);
                }
            }
            passes.push(texts);
        }
        answers.alone(passes, known);
        Ok(())
    }

    async fn quietly(&self, job: Job) -> Result<Taken, LoadError> {
        let meter = Arc::new(Meter::new(job.workers).map_err(traffic::TrafficError::System)?);
        Ok(traffic::run(job, meter, self.stop.clone()).await?)
    }
}

/// Answers of all scenarios, their requests counted through.
#[derive(Default)]
struct Answers {
    alone: [Vec<Option<String>>; 2],
    loaded: Vec<(u32, Option<String>)>,
    known: Vec<Option<String>>,
    /// Where the requests of the scenario that runs begin, and how many of them were asked alone.
    at: usize,
    asked: usize,
}

impl Answers {
    fn alone(&mut self, passes: Vec<Vec<Option<String>>>, known: &[Option<String>]) {
        (self.at, self.asked) = (self.known.len(), passes.first().map_or(0, Vec::len));
        self.known.extend(known.iter().take(self.asked).cloned());
        for (all, pass) in self.alone.iter_mut().zip(passes) {
            all.extend(pass);
        }
    }

    /// Takes answers under load, by request of the scenario that was asked alone last.
    fn loaded(&mut self, texts: Vec<(usize, Option<String>)>) {
        let (at, asked) = (self.at, self.asked);
        let known = texts.into_iter().filter(|(request, _)| *request < asked);
        self.loaded.extend(known.map(|(request, text)| (u32::try_from(at + request).unwrap_or(u32::MAX), text)));
    }

    fn compared(&self) -> Option<Integrity> {
        (!self.known.is_empty()).then(|| verdict::integrity(&self.alone, &self.loaded, &self.known))
    }
}

/// What each arrival that was dealt with has asked and been told.
fn texts(arrivals: &[Arrival], taken: &Taken) -> Vec<(usize, Option<String>)> {
    let mut texts: Vec<Option<&String>> = vec![None; arrivals.len()];
    for (arrival, text) in &taken.answers {
        if let Some(place) = texts.get_mut(*arrival as usize) {
            *place = Some(text);
        }
    }
    let asked = taken.records.iter().filter_map(|record| {
        let at = record.arrival as usize;
        Some((arrivals.get(at)?.request as usize, texts.get(at).copied().flatten().cloned()))
    });
    asked.collect()
}

/// Whether a kind of request names a model.
fn names_a_model(kind: Kind) -> bool {
    matches!(kind, Kind::Chat | Kind::Stream | Kind::Embeddings)
}
