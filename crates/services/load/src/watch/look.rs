//! What a target says of itself at one moment, read from its metrics page. Knows no socket and no other moment.

use super::sample::{Sample, sample};

/// Bytes of the MB that reports count in.
const MB: f64 = 1_048_576.0;

/// What a target said of itself at one moment, each figure summed over its labels; counters are as the target counts
/// them, since its own start. What it does not say is none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Look {
    /// Whether its metrics page was read. If not, only its process was looked at: nothing is known of the rest.
    pub(crate) read: bool,
    /// Resident memory in MB.
    pub(crate) resident_mb: Option<f64>,
    /// Processor seconds used. A counter, like all but memory, breakers, connections and sessions.
    pub(crate) cpu_s: Option<f64>,
    /// Answers from any cache tier.
    pub(crate) cache_hits: Option<f64>,
    /// Lookups that no tier answered.
    pub(crate) cache_misses: Option<f64>,
    /// Breakers that are not closed.
    pub(crate) breakers_open: Option<f64>,
    /// Requests that moved on to the next endpoint.
    pub(crate) fallbacks: Option<f64>,
    /// Second and later attempts.
    pub(crate) retries: Option<f64>,
    /// Requests turned away because a limit was reached.
    pub(crate) shed: Option<f64>,
    /// Attempts to ask a model.
    pub(crate) model_calls: Option<f64>,
    /// Attempts to ask a model that failed or ran out of time.
    pub(crate) model_failures: Option<f64>,
    /// Seconds spent in models, summed over calls.
    pub(crate) model_s: Option<f64>,
    /// Connections to the database in use.
    pub(crate) store_in_use: Option<f64>,
    /// MCP sessions.
    pub(crate) sessions: Option<f64>,
}

impl Look {
    /// Adds a sample to the figure that it belongs to. All figures are amounts, so what is negative, infinite or no
    /// number is rubbish and left out.
    fn take(&mut self, sample: &Sample) {
        let value = sample.value;
        if !(0.0..f64::INFINITY).contains(&value) {
            return;
        }
        let if_so = |so: bool| if so { value } else { 0.0 };
        match sample.name {
            "process_resident_memory_bytes" => add(&mut self.resident_mb, value / MB),
            "process_cpu_seconds_total" => add(&mut self.cpu_s, value),
            "althing_cache_requests_total" => {
                let outcome = sample.label("outcome");
                add(&mut self.cache_hits, if_so(outcome.starts_with("hit")));
                add(&mut self.cache_misses, if_so(outcome == "miss"));
            }
            "althing_breaker_state" => add(&mut self.breakers_open, f64::from(value != 0.0)),
            "althing_fallbacks_total" => add(&mut self.fallbacks, value),
            "althing_retries_total" => add(&mut self.retries, value),
            "althing_shed_total" => add(&mut self.shed, value),
            "althing_model_requests_total" => {
                add(&mut self.model_calls, value);
                add(&mut self.model_failures, if_so(matches!(&*sample.label("outcome"), "failed" | "timed_out")));
            }
            "althing_model_duration_seconds_sum" => add(&mut self.model_s, value),
            "althing_store_pool_in_use" => add(&mut self.store_in_use, value),
            "althing_sessions_active" => add(&mut self.sessions, value),
            _ => {}
        }
    }
}

/// Adds to a figure, which is none until then; stays finite.
fn add(figure: &mut Option<f64>, value: f64) {
    *figure = Some((figure.unwrap_or_default() + value).min(f64::MAX));
}

/// A whole metrics page; `None` if no line of it is a sample, as of a page that is something else.
pub(super) fn look(page: &str) -> Option<Look> {
    let mut look = Look::default();
    for sample in page.lines().filter_map(sample) {
        look.read = true;
        look.take(&sample);
    }
    look.read.then_some(look)
}

/// The version that an Althing server's metrics page names, as text that is fit for a terminal.
pub(super) fn version(page: &str) -> Option<String> {
    let info = page.lines().filter_map(sample).find(|sample| sample.name == "althing_build_info")?;
    let version: String = info.label("version").chars().filter(|char| char.is_ascii_graphic()).take(64).collect();
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"
# HELP althing_model_requests Attempts to ask a model.
# TYPE althing_model_requests counter
althing_model_requests_total{provider="a",model="m",outcome="answered"} 90
althing_model_requests_total{provider="a",model="m",outcome="failed"} 6
althing_model_requests_total{provider="b",model="m\"} 5",outcome="timed_out"} 3
althing_model_requests_total{provider="b",model="m",outcome="shed"} 1
althing_model_first_token_seconds_bucket{provider="a",model="m",le="+Inf"} 99 # {trace="x"} 0.5
althing_model_duration_seconds_sum{provider="a",model="m"} 12.5
althing_model_duration_seconds_count{provider="a",model="m"} 90
althing_model_duration_seconds_sum{provider="b",model="m"} 2.5
althing_requests_in_flight 20
althing_breaker_state{provider="a",model="m"} 0
althing_breaker_state{provider="b",model="m"} 2
althing_breaker_state{provider="c",model="m"} 1
althing_fallbacks_total{reason="refused"} 4
althing_fallbacks_created{reason="refused"} 1700000000
althing_retries_total{provider="a",reason="status"} 2
althing_retries_total{provider="b",reason="status"} NaN
althing_shed_total{where="door"} 5
althing_shed_total{where="line"} 6 1700000000
althing_cache_requests_total{cache="answers",tier="memory",outcome="hit"} 30
althing_cache_requests_total{cache="answers",tier="disk",outcome="hit_stale"} 8
althing_cache_requests_total{cache="answers",tier="disk",outcome="miss"} 10
althing_cache_requests_total{cache="answers",tier="disk",outcome="refused"} 100
althing_store_pool_in_use{pool="reader"} 3
althing_store_pool_in_use{pool="writer"} 1
althing_sessions_active 7
althing_build_info{version="0.4.0"} 1
process_cpu_seconds_total 1.75
process_resident_memory_bytes 52428800
# EOF
"#;

    #[test]
    fn a_page_of_althing_is_summed() {
        let expect = Look {
            read: true,
            resident_mb: Some(50.0),
            cpu_s: Some(1.75),
            cache_hits: Some(38.0),
            cache_misses: Some(10.0),
            breakers_open: Some(2.0),
            fallbacks: Some(4.0),
            retries: Some(2.0),
            shed: Some(11.0),
            model_calls: Some(100.0),
            model_failures: Some(9.0),
            model_s: Some(15.0),
            store_in_use: Some(4.0),
            sessions: Some(7.0),
        };
        assert_eq!(look(PAGE), Some(expect));
        assert_eq!(version(PAGE).as_deref(), Some("0.4.0"));
    }

    #[test]
    fn what_is_not_said_is_none() {
        let read = Look { read: true, ..Look::default() };
        for (page, expect) in [
            ("", None),
            ("# EOF", None),
            ("<!doctype html>\n<title>No such page</title>\n", None),
            ("{\"error\": {\"message\": \"not found\"}}", None),
            ("\u{fffd}\u{fffd}\0", None),
            ("http_requests_total 5", Some(read)),
            ("process_resident_memory_bytes NaN", Some(read)),
            ("process_resident_memory_bytes +Inf\nprocess_cpu_seconds_total -1", Some(read)),
            ("althing_sessions_active 0", Some(Look { sessions: Some(0.0), ..read })),
            ("althing_breaker_state{model=\"a\"} 0", Some(Look { breakers_open: Some(0.0), ..read })),
            ("althing_retries 3", Some(read)),
            ("althing_shed_total 1e308\nalthing_shed_total 1e308", Some(Look { shed: Some(f64::MAX), ..read })),
            (
                "althing_model_requests_total{outcome=\"answered\"} 2",
                Some(Look { model_calls: Some(2.0), model_failures: Some(0.0), ..read }),
            ),
        ] {
            assert_eq!(look(page), expect, "{page}");
        }
    }

    #[test]
    fn a_version_is_fit_for_a_terminal() {
        for (page, expect) in [
            ("althing_build_info{version=\"1.0.0-rc.1+7\"} 1", Some("1.0.0-rc.1+7")),
            ("althing_build_info{version=\"\u{1b}[31m1.0\\n<b>\"} 1", Some("[31m1.0<b>")),
            ("althing_build_info{version=\"\"} 1", None),
            ("althing_build_info 1", None),
            ("build_info{version=\"1\"} 1", None),
        ] {
            assert_eq!(version(page).as_deref(), expect, "{page}");
        }
        let long = format!("althing_build_info{{version=\"{}\"}} 1", "9".repeat(10_000));
        assert_eq!(version(&long).map(|version| version.len()), Some(64));
    }
}
