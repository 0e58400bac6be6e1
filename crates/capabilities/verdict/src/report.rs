//! What a run says about itself: the shape of `report.json`, which everything else is made from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::Interval;
use std::collections::BTreeMap;

/// The version of the shape below; it rises when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// What a requirement, a scenario or a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds, and the interval says so.
    Pass,
    /// It does not hold, and the interval says so.
    Fail,
    /// The interval crosses the target.
    Inconclusive,
    /// The generator, not the target, was measured; or the run was cut short.
    Invalid,
    /// The target cannot tell.
    NotMeasured,
}

/// The house's grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Grade {
    /// Success ≥ 99 % and p95 ≤ half the target.
    A,
    /// Success ≥ 95 % and p95 ≤ the target.
    B,
    /// Success ≥ 93 % and p95 ≤ 1.25 × the target.
    C,
    /// Success ≥ 90 % and p95 ≤ 2 × the target.
    D,
    /// Anything below.
    F,
}

/// The grade of Clinical Metabolomics Oracle's own table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CmoGrade {
    /// Success ≥ 99 % and p95 ≤ 500 ms.
    #[serde(rename = "A+")]
    APlus,
    /// Success ≥ 95 % and p95 ≤ 1,000 ms.
    A,
    /// Success ≥ 90 % and p95 ≤ 1,500 ms.
    B,
    /// Success ≥ 85 % and p95 ≤ 2,500 ms.
    C,
    /// Success ≥ 75 % and p95 ≤ 4,000 ms.
    D,
    /// Anything below.
    F,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this shape.
    pub schema: u32,
    /// `load_` and 16 hexadecimal digits.
    pub id: String,
    /// What was run: a scenario's or a set's name.
    pub name: String,
    /// When it began, as `2026-11-21T03:26:06Z`.
    pub started: String,
    /// Who was measured.
    pub target: TargetFacts,
    /// Where the generator ran.
    pub environment: Environment,
    /// How often each scenario was run.
    pub repeats: u32,
    /// Whether everything planned was done.
    pub complete: bool,
    /// Why not, if not.
    pub incomplete: Option<String>,
    /// The worst scenario's.
    pub verdict: Verdict,
    /// The worst scenario's.
    pub grade: Grade,
    /// The worst scenario's, by the original's table.
    pub grade_cmo: CmoGrade,
    /// All scenarios together; their plain means are there because the original published such.
    pub pooled: Pooled,
    /// The original's layers over the whole run: `cmo_015` and `revalidation`. They do not decide the exit code.
    pub layers: Vec<Layer>,
    /// Each scenario.
    pub scenarios: Vec<ScenarioReport>,
    /// What asking the same alone and under load showed, with `--integrity`.
    pub integrity: Option<Integrity>,
    /// What a reader should know before believing the figures.
    pub notes: Vec<String>,
}

/// Who was measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetFacts {
    /// Its root, without credentials.
    pub url: String,
    /// The version it says, if it is an Althing server.
    pub althing: Option<String>,
    /// Whether answers were marked as simulated.
    pub simulated: bool,
}

/// Where the generator ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Version of the generator.
    pub version: String,
    /// Operating system and kernel.
    pub system: String,
    /// Name of the processor.
    pub processor: String,
    /// Cores that may be used.
    pub cores: u32,
    /// Memory in MB.
    pub memory_mb: u64,
    /// Load average of the last minute when the run began.
    pub load_average: Option<f64>,
}

/// All scenarios together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pooled {
    /// Successes of all operations.
    pub success: Share,
    /// The plain mean of the scenarios' shares, as the original computed it.
    pub success_mean: f64,
    /// The plain mean of the scenarios' 95th percentiles in milliseconds, as the original computed it.
    pub p95_ms_mean: f64,
}

/// A share of a count, with its 95 % Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// 0 to 1; 0 of nothing.
    pub share: f64,
    /// Where the true share lies.
    pub interval: Interval,
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Requirement {
    /// Its key in `[slo]`, or the layer's own name for it.
    pub name: String,
    /// What is asked for, in the unit of the name.
    pub target: f64,
    /// What was found.
    pub measured: Option<f64>,
    /// Where the true value lies.
    pub interval: Option<Interval>,
    /// What it comes to.
    pub verdict: Verdict,
    /// How many operations would settle it, if that can be said.
    pub operations_needed: Option<u64>,
    /// Why, in a sentence, where the figures alone do not say.
    pub reason: Option<String>,
}

/// A set of requirements over the whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// `cmo_015` or `revalidation`.
    pub name: String,
    /// The worst of them.
    pub verdict: Verdict,
    /// Each.
    pub requirements: Vec<Requirement>,
}

/// Percentiles of a sample in milliseconds, each with a 95 % interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// How many values.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// Half are no larger.
    pub p50: f64,
    /// 90 % are no larger.
    pub p90: f64,
    /// 95 % are no larger.
    pub p95: f64,
    /// 99 % are no larger.
    pub p99: f64,
    /// 99.9 % are no larger.
    pub p999: f64,
    /// The largest.
    pub max: f64,
    /// By `p50`, `p95`, `p99`: where the true percentile lies, by order statistics.
    pub intervals: BTreeMap<String, Interval>,
    /// The same by a bootstrap over blocks of one second and repeats, which sees that slow seconds come together.
    pub block_intervals: BTreeMap<String, Interval>,
}

/// One scenario, its repeats together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioReport {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub description: String,
    /// Users.
    pub users: u32,
    /// Requests finished, over all repeats, one way or the other.
    pub operations: u64,
    /// Requests planned, over all repeats.
    pub planned: u64,
    /// `sustained`, `burst`, `realistic`, `spike`, `ramp` or `closed`.
    pub pattern: String,
    /// Seconds over which arrivals were spread, per repeat.
    pub duration_s: f64,
    /// Seconds that the repeats took, together.
    pub wall_s: f64,
    /// The seed of the first repeat; each further one adds 1.
    pub seed: u64,
    /// SHA-256 of the first repeat's schedule.
    pub schedule_sha256: String,
    /// Requests that got the answer they asked for.
    pub success: Share,
    /// From the intended start to the last byte, of successes.
    pub latency_ms: Percentiles,
    /// From the sending to the last byte, of successes.
    pub service_ms: Percentiles,
    /// Waiting for a free user, of all.
    pub wait_ms: Percentiles,
    /// From the intended start to the first content, of streams.
    pub first_token_ms: Option<Percentiles>,
    /// Mean time between pieces of content, per stream.
    pub per_token_ms: Option<Percentiles>,
    /// Between each two pieces of content, all streams together.
    pub between_tokens_ms: Option<Percentiles>,
    /// Good answers, where `goodput` says what that is.
    pub goodput: Option<Share>,
    /// Requests finished per second.
    pub rate_per_s: f64,
    /// Users that got an answer.
    pub users_seen: u32,
    /// The most requests outstanding at once.
    pub in_flight_max: u32,
    /// Mean cost of an answer in US dollars, as an Althing server says.
    pub cost_usd_mean: Option<f64>,
    /// Answers by the cache tier that held them, as an Althing server says; empty if it has none.
    pub cache: BTreeMap<String, u64>,
    /// Degraded answers, as an Althing server says.
    pub degraded: u64,
    /// Failures by class, the most frequent first.
    pub errors: Vec<ErrorCount>,
    /// Each entry of the mix.
    pub by_operation: Vec<OperationRow>,
    /// Each second, the repeats one after the other.
    pub slices: Vec<Slice>,
    /// The distribution of latencies.
    pub curve: Curve,
    /// What the target's own metrics said, every second.
    pub glimpses: Vec<Glimpse>,
    /// The target's resident memory.
    pub memory: Option<Memory>,
    /// The target's processor seconds per finished request.
    pub cpu_s_per_operation: Option<f64>,
    /// What the generator itself did.
    pub generator: Generator,
    /// What must hold.
    pub requirements: Vec<Requirement>,
    /// The worst requirement's.
    pub verdict: Verdict,
    /// By the house's table.
    pub grade: Grade,
    /// By the original's table.
    pub grade_cmo: CmoGrade,
}

/// Failures of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorCount {
    /// The class.
    pub class: String,
    /// How many.
    pub count: u64,
}

/// One entry of the mix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationRow {
    /// Its name.
    pub name: String,
    /// What was sent.
    pub kind: String,
    /// To which model, if to one.
    pub model: Option<String>,
    /// Requests that got the answer they asked for.
    pub success: Share,
    /// From the intended start to the last byte, of successes.
    pub latency_ms: Percentiles,
}

/// One second of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// Seconds from the start, counted through all repeats.
    pub at_s: f64,
    /// Which repeat, from 0.
    pub repeat: u32,
    /// Requests meant to be sent in it.
    pub arrived: u32,
    /// Of those: failed.
    pub failed: u32,
    /// Median latency in milliseconds of those meant to be sent in it; none without a success.
    pub p50_ms: Option<f64>,
    /// Their 95th percentile.
    pub p95_ms: Option<f64>,
    /// The most requests outstanding at once.
    pub in_flight: u32,
    /// The most arrivals that waited for a free user at once.
    pub waiting: u32,
}

/// The distribution of latencies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// `[share, milliseconds]`, the share rising towards 1, from a merged high dynamic range histogram.
    pub percentiles: Vec<[f64; 2]>,
    /// `[milliseconds, share]`: the empirical distribution function, at no more than 400 points.
    pub ecdf: Vec<[f64; 2]>,
}

/// What the target's metrics said at one moment; counters are since the start of the scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Glimpse {
    /// Seconds from the start, counted through all repeats.
    pub at_s: f64,
    /// Resident memory in MB.
    pub resident_mb: Option<f64>,
    /// Processor seconds used.
    pub cpu_s: Option<f64>,
    /// Answers from any cache tier.
    pub cache_hits: Option<f64>,
    /// Lookups that no tier answered.
    pub cache_misses: Option<f64>,
    /// Breakers that are not closed.
    pub breakers_open: Option<f64>,
    /// Requests that moved on to the next endpoint.
    pub fallbacks: Option<f64>,
    /// Second and later attempts.
    pub retries: Option<f64>,
    /// Requests turned away because a limit was reached.
    pub shed: Option<f64>,
    /// Attempts to ask a model.
    pub model_calls: Option<f64>,
    /// Attempts to ask a model that failed.
    pub model_failures: Option<f64>,
    /// Seconds spent inside models, summed over calls.
    pub model_s: Option<f64>,
    /// Connections to the database in use.
    pub store_in_use: Option<f64>,
    /// MCP sessions.
    pub sessions: Option<f64>,
}

/// The target's resident memory during a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// MB at the start.
    pub start_mb: f64,
    /// MB at the end.
    pub end_mb: f64,
    /// The largest MB seen.
    pub max_mb: f64,
    /// The largest less the start, in MB.
    pub growth_mb: f64,
    /// MB per minute over the second half, and where the true slope lies.
    pub slope_mb_per_min: Option<f64>,
    /// Where the true slope lies.
    pub slope_interval: Option<Interval>,
}

/// What the generator itself did, by which a run is believed or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Threads that sent.
    pub workers: u32,
    /// How late it noticed arrivals, 99th percentile in milliseconds.
    pub lag_p99_ms: f64,
    /// The same, at worst.
    pub lag_max_ms: f64,
    /// Share of its busiest thread's time that it was working, 0 to 1.
    pub cpu_share: f64,
    /// Processor seconds of all its threads.
    pub cpu_s: f64,
    /// Arrivals that were never sent, for want of room to wait.
    pub dropped: u64,
    /// Arrivals that waited for a free user for more than a millisecond.
    pub waited: u64,
}

/// What asking the same alone and under load showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Integrity {
    /// Under load the answer is the one given alone.
    pub consistency: Share,
    /// Under load the answer is the known one; none where no answers are known.
    pub accuracy: Option<Share>,
    /// Alone the answer is the known one.
    pub accuracy_alone: Option<Share>,
    /// Asked alone twice, the answer is the same.
    pub reproducibility: Share,
    /// Requests that got no answer, alone and under load.
    pub unanswered: [u64; 2],
}

impl Report {
    /// The exit code that the verdict asks for: 0, 99, 98 or 97.
    pub fn exit_code(&self) -> u8 {
        crate::judge::exit_code(self.verdict)
    }
}

impl Share {
    /// So many of so many. Nothing of nothing is the share 0, of which nothing is known.
    pub fn new(count: u64, of: u64) -> Self {
        let [lo, hi] = statistics::wilson(count as f64, of as f64);
        let share = if of == 0 { 0.0 } else { count as f64 / of as f64 };
        Self { share, interval: Interval { lo, hi }, count, of }
    }
}

/// The JSON Schema (draft 2020-12) of a [`Report`].
pub fn report_schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}
