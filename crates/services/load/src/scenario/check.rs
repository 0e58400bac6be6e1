//! Which scenarios are refused: those that cannot be run, or whose figures could not be believed.

use http::uri::PathAndQuery;

use super::{Fault, Goodput, Kind, Mix, Scenario, ScenarioError, Slo, wording};

/// The largest scenario file in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 1_048_576;
/// The most tables and lists inside one another.
pub(super) const DEPTH_MAX: usize = 32;
/// The most scenarios in a set.
pub(super) const SCENARIOS_MAX: usize = 100;
/// The largest prompt file in bytes.
pub(super) const PROMPT_FILE_BYTES_MAX: u64 = 16_000_000;
/// The most prompts of one entry of a mix.
pub(super) const PROMPTS_MAX: u32 = 100_000;
/// The most bytes that the prompts made for one entry of a mix may take together.
const POOL_BYTES_MAX: usize = 256_000_000;
/// The longest name in characters.
const NAME_CHARS_MAX: usize = 80;
/// The most entries of a mix.
const MIX_MAX: usize = 1_000;
/// The most users.
const USERS_MAX: u32 = 100_000;
/// The most requests.
const OPERATIONS_MAX: u32 = 10_000_000;
/// The longest time over which arrivals are spread, in seconds: seven days.
const DURATION_S_MAX: f64 = 604_800.0;
/// The longest timeout and the longest rest, in milliseconds: an hour.
const WAIT_MS_MAX: u64 = 3_600_000;
/// Methods of a `rest` request.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// A rule that a scenario breaks.
pub(super) struct Broken {
    /// The dotted path of the value.
    pub(super) path: String,
    /// What is wrong.
    pub(super) problem: String,
    /// What to write instead.
    pub(super) hint: String,
}

type Held = Result<(), Broken>;

fn hold(holds: bool, path: &str, problem: impl Into<String>, hint: impl Into<String>) -> Held {
    if holds { Ok(()) } else { Err(Broken { path: path.to_owned(), problem: problem.into(), hint: hint.into() }) }
}

fn within(path: &str, value: u64, least: u64, most: u64) -> Held {
    let problem = format!("`{path}` must be from {least} to {most}, not `{value}`");
    hold((least..=most).contains(&value), path, problem, "write a whole number in that range")
}

fn share(path: &str, value: f64) -> Held {
    let problem = format!("`{path}` must be a share from 0 to 1, not `{value}`");
    hold((0.0..=1.0).contains(&value), path, problem, "write `0.95` for 95 %")
}

fn positive(path: &str, value: f64, unit: &str) -> Held {
    let problem = format!("`{path}` must be above 0, not `{value}`");
    hold(value.is_finite() && value > 0.0, path, problem, format!("write a number of {unit}, or leave it out"))
}

impl Scenario {
    /// Whether it can be run. What [`super::read()`] gives can; ask again after changing it.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), ScenarioError> {
        self.faults().map_err(|Broken { path, problem, hint }| {
            let place = format!("in the scenario `{}`", wording::cut(&self.name));
            ScenarioError::Rule { path, problem, hint, place }
        })
    }

    pub(super) fn faults(&self) -> Held {
        name(&self.name)?;
        within("users", self.users.into(), 1, USERS_MAX.into())?;
        within("operations", self.operations.into(), 1, OPERATIONS_MAX.into())?;
        within("timeout_ms", self.timeout_ms, 1, WAIT_MS_MAX)?;
        within("think_ms", self.think_ms, 0, WAIT_MS_MAX)?;
        within("warmup", self.warmup.into(), 0, OPERATIONS_MAX.into())?;
        let duration = self.duration_s;
        let problem = format!("`duration_s` must be above 0 and at most {DURATION_S_MAX}, not `{duration}`");
        hold(duration > 0.0 && duration <= DURATION_S_MAX, "duration_s", problem, "write seconds, seven days at most")?;
        mix(&self.mix)?;
        slo(&self.slo, self)?;
        self.goodput.as_ref().map_or(Ok(()), goodput)?;
        self.fault.as_ref().map_or(Ok(()), injected)
    }
}

/// A scenario may not have the name of one before it: reports are compared by names.
pub(super) fn duplicate(scenario: &Scenario, earlier: &[Scenario]) -> Held {
    let is_new = earlier.iter().all(|other| other.name != scenario.name);
    let problem = format!("two scenarios are named `{}`", wording::cut(&scenario.name));
    hold(is_new, "name", problem, "give each its own name")
}

fn name(name: &str) -> Held {
    let length = name.chars().count();
    let is_good = (1..=NAME_CHARS_MAX).contains(&length) && !name.contains(|c: char| c.is_control() || c == '/');
    let hint = format!("write 1 to {NAME_CHARS_MAX} characters without `/`, such as `morning-rush`");
    hold(is_good, "name", format!("the name `{}` cannot be used", wording::cut(name)), hint)
}

fn mix(mix: &[Mix]) -> Held {
    let problem = format!("a mix of {} entries", mix.len());
    let hint = format!("write from 1 to {MIX_MAX} times `[[mix]]` with a `kind`");
    hold((1..=MIX_MAX).contains(&mix.len()), "mix", problem, hint)?;
    for (index, entry) in mix.iter().enumerate() {
        operation(entry).map_err(|broken| Broken { path: format!("mix[{index}].{}", broken.path), ..broken })?;
    }
    let weights: f64 = mix.iter().map(|entry| entry.weight).sum();
    let problem = format!("the weights of the mix come to `{weights}`");
    hold(weights > 0.0 && weights.is_finite(), "mix[0].weight", problem, "give at least one entry a weight above 0")
}

fn operation(mix: &Mix) -> Held {
    let problem = format!("`weight` must be 0 or more, not `{}`", mix.weight);
    hold(mix.weight.is_finite() && mix.weight >= 0.0, "weight", problem, "write a share among the weights of all")?;
    within("prompts", mix.prompts.into(), 1, PROMPTS_MAX.into())?;
    within("max_tokens", mix.max_tokens.unwrap_or(1).into(), 1, u32::MAX.into())?;
    let has_prompt = !mix.prompt.trim().is_empty() || mix.prompt_file.is_some();
    hold(has_prompt, "prompt", "an empty prompt", "write a question, or name a `prompt_file`")?;
    let has_topics = mix.topics.iter().all(|topic| !topic.trim().is_empty());
    hold(has_topics, "topics", "an empty topic", "leave it out; without topics the built-in ones are used")?;
    if mix.prompt_file.is_none() {
        let prompt = mix.prompt.len() + mix.prompt.matches("{topic}").count().saturating_mul(topic_bytes(mix));
        room(mix, usize::try_from(mix.prompts).unwrap_or(usize::MAX), prompt)?;
    }
    path(mix)?;
    tool(mix)?;
    method(mix)?;
    body(mix)
}

/// The bytes of the longest topic; the built-in ones are shorter than 32.
fn topic_bytes(mix: &Mix) -> usize {
    mix.topics.iter().map(String::len).max().unwrap_or(32)
}

/// Whether there is room for what is made from `count` prompts of at most `prompt` bytes.
pub(super) fn room(mix: &Mix, count: usize, prompt: usize) -> Held {
    let arguments = mix.arguments.as_ref().map(ToString::to_string);
    let around = mix.body.as_ref().or(arguments.as_ref()).map_or("", String::as_str);
    let times = |word: &str, bytes: usize| around.matches(word).count().saturating_mul(bytes);
    let words = times("{prompt}", prompt).saturating_add(times("{topic}", topic_bytes(mix)));
    let each = prompt.saturating_add(around.len()).saturating_add(words);
    let problem = format!("{count} prompts of {each} bytes are more than {POOL_BYTES_MAX} bytes");
    hold(each.saturating_mul(count) <= POOL_BYTES_MAX, "prompts", problem, "ask for fewer prompts, or shorter ones")
}

fn path(mix: &Mix) -> Held {
    let hint = "write the path from the target's root, such as `/api/v1/tools`";
    let Some(path) = &mix.path else {
        return hold(mix.kind != Kind::Rest, "path", "a `rest` request without a path", hint);
    };
    let is_path = path.starts_with('/') && !path.starts_with("//") && filled(path).parse::<PathAndQuery>().is_ok();
    hold(is_path, "path", format!("`{}` is no path that begins with `/`", wording::cut(path)), hint)
}

fn tool(mix: &Mix) -> Held {
    let is_mcp = mix.kind == Kind::Mcp;
    let hint = "write `kind = \"mcp\"`, or leave it out";
    hold(is_mcp || mix.tool.is_none(), "tool", "a `tool` is of `mcp` requests alone", hint)?;
    hold(is_mcp || mix.arguments.is_none(), "arguments", "`arguments` are of `mcp` requests alone", hint)?;
    let named = mix.tool.as_ref().is_some_and(|tool| !tool.trim().is_empty());
    hold(named || mix.tool.is_none(), "tool", "an empty tool", "write a tool's name, or leave it out to list tools")?;
    hold(named || mix.arguments.is_none(), "arguments", "`arguments` without a tool", "name the `tool` they are for")
}

fn method(mix: &Mix) -> Held {
    let Some(method) = &mix.method else { return Ok(()) };
    let hint = "write `kind = \"rest\"`, or leave it out";
    hold(mix.kind == Kind::Rest, "method", "a `method` is of `rest` requests alone", hint)?;
    let known = METHODS.map(str::to_owned);
    let hint = wording::offer(method, &known, "methods").unwrap_or_default();
    hold(known.contains(method), "method", format!("unknown method `{}`", wording::cut(method)), hint)
}

/// Everything but `rest` is asked in JSON.
fn body(mix: &Mix) -> Held {
    let Some(body) = mix.body.as_ref().filter(|_| mix.kind != Kind::Rest) else { return Ok(()) };
    match serde_json::from_str::<serde::de::IgnoredAny>(&filled(body)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let hint =
                format!("{}; `{{topic}}` and `{{prompt}}` stand within quotes", error.to_string().to_lowercase());
            hold(false, "body", "the body is not JSON", hint)
        }
    }
}

/// A text with something in place of what is filled in for each request: a number, or else words, which a body must hold
/// in quotes.
fn filled(text: &str) -> String {
    [("{n}", "1"), ("{topic}", "a"), ("{prompt}", "a")]
        .iter()
        .fold(text.to_owned(), |text, (word, by)| text.replace(word, by))
}

fn slo(slo: &Slo, of: &Scenario) -> Held {
    let shares = [
        ("success_min", slo.success_min),
        ("goodput_min", slo.goodput_min),
        ("cache_hit_min", slo.cache_hit_min),
        ("cache_l1_min", slo.cache_l1_min),
        ("cache_l2_min", slo.cache_l2_min),
        ("recovery_min", slo.recovery_min),
        ("fallback_min", slo.fallback_min),
    ];
    let times = [
        ("p50_ms_max", slo.p50_ms_max),
        ("p95_ms_max", slo.p95_ms_max),
        ("p99_ms_max", slo.p99_ms_max),
        ("ttft_ms_max", slo.ttft_ms_max),
        ("chain_ms_max", slo.chain_ms_max),
    ];
    let amounts = [
        ("memory_growth_mb_max", slo.memory_growth_mb_max),
        ("cost_usd_max", slo.cost_usd_max),
        ("rate_min", slo.rate_min),
    ];
    each("slo", &shares, share)?;
    each("slo", &times, |path, value| positive(path, value, "milliseconds"))?;
    each("slo", &amounts, |path, value| {
        let problem = format!("`{path}` must be 0 or more, not `{value}`");
        hold(value.is_finite() && value >= 0.0, path, problem, "write a number that is not negative, or leave it out")
    })?;
    let most = of.users.min(of.operations);
    let problem = format!("`slo.users_min` asks for {} users of {most}", slo.users_min.unwrap_or_default());
    hold(slo.users_min.is_none_or(|least| least <= most), "slo.users_min", problem, "ask for no more than take part")?;
    let has_meaning = slo.goodput_min.is_none() || of.goodput.is_some();
    let hint = "say what a good answer is, as in `[goodput]` with `latency_ms_max = 2000`";
    hold(has_meaning, "slo.goodput_min", "`slo.goodput_min` without `[goodput]`", hint)
}

fn goodput(goodput: &Goodput) -> Held {
    let times = [
        ("latency_ms_max", goodput.latency_ms_max),
        ("ttft_ms_max", goodput.ttft_ms_max),
        ("per_token_ms_max", goodput.per_token_ms_max),
    ];
    each("goodput", &times, |path, value| positive(path, value, "milliseconds"))
}

fn injected(fault: &Fault) -> Held {
    share("fault.error_rate", fault.error_rate)?;
    share("fault.from", fault.from)?;
    share("fault.until", fault.until)?;
    let problem = format!("the fault ends at `{}` and begins at `{}`", fault.until, fault.from);
    hold(fault.from < fault.until, "fault.until", problem, "let `from` be less than `until`")
}

fn each(table: &str, values: &[(&str, Option<f64>)], rule: impl Fn(&str, f64) -> Held) -> Held {
    values.iter().try_for_each(|(key, value)| value.map_or(Ok(()), |value| rule(&format!("{table}.{key}"), value)))
}
