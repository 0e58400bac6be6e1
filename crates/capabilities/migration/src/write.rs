//! Settings as a TOML file with comments, only what differs from the defaults, lines of at most eighty columns where
//! names allow it.

use crate::Whole;
use crate::detect::Format;
use crate::house::{Built, BuiltProvider};
use settings::{Aws, ModelEntry, Panel, Price, Provider, Route};

/// How many places a comment names.
const PLACES_MAX: usize = 4;

/// The file.
pub(crate) fn toml(built: &Built, format: Format) -> String {
    let mut out = Out(String::new());
    out.line(&format!("# Brought along from settings of {}; `althing config check` reads them.", format.name()));
    whole(&mut out, &built.whole);
    for provider in &built.providers {
        one_provider(&mut out, provider);
    }
    for (panel, from) in built.panels.iter().zip(&built.panels_from) {
        one_panel(&mut out, panel, from);
    }
    for (route, from) in built.routes.iter().zip(&built.routes_from) {
        one_route(&mut out, route, from);
    }
    if !built.alias.is_empty() {
        out.line("\n# Names that clients ask for.\n[alias]");
        for (name, target) in &built.alias {
            out.line(&format!("{} = {}", quoted(name), quoted(target)));
        }
    }
    out.0
}

struct Out(String);

impl Out {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn word(&mut self, key: &str, word: Option<&str>) {
        if let Some(word) = word {
            self.line(&format!("{key} = {}", quoted(word)));
        }
    }

    fn number<T: ToString>(&mut self, key: &str, number: Option<T>) {
        if let Some(number) = number {
            self.line(&format!("{key} = {}", number.to_string()));
        }
    }

    fn list(&mut self, key: &str, words: &[&str]) {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let short = format!("{key} = [{}]", words.join(", "));
        if short.len() <= 80 {
            return self.line(&short);
        }
        self.line(&format!("{key} = ["));
        for word in words {
            self.line(&format!("    {word},"));
        }
        self.line("]");
    }

    /// A comment that says where the table below it comes from.
    fn from(&mut self, places: &[String]) {
        let mut told: Vec<&str> = places.iter().map(String::as_str).collect();
        told.dedup();
        let more = told.len().saturating_sub(PLACES_MAX);
        told.truncate(PLACES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.line(&format!("\n# From {}{more}.", told.join(", ")));
    }
}

/// A word as a basic string of TOML, which may be a key as well as a value.
fn quoted(word: &str) -> String {
    let mut quoted = "\"".to_owned();
    for letter in word.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(letter))),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

fn whole(out: &mut Out, whole: &Whole) {
    match (&whole.bind, whole.deadline_ms) {
        (None, None) => {}
        (None, Some(_)) => out.line("\n# As long as the slowest provider may take.\n[server]"),
        (Some(_), _) => out.line("\n# Where it listened; an address that others reach wants a key first.\n[server]"),
    }
    out.word("bind", whole.bind.as_deref());
    out.number("deadline_ms", whole.deadline_ms);
    if !whole.decisions.is_empty() {
        out.line("\n# How large decisions may be, how many are kept, how they are evaluated.\n[decisions]");
        for (key, value) in &whole.decisions {
            out.number(key, Some(value));
        }
    }
    let guard = Whole { deadline_ms: None, bind: None, decisions: Vec::new(), ..whole.clone() };
    if guard != Whole::default() {
        out.line("\n# Retries and cooldowns.\n[guard]");
        out.number("attempts_max", guard.attempts_max);
        out.number("backoff_base_ms", guard.backoff_base_ms);
        out.number("breaker_failures", guard.breaker_failures);
        out.number("breaker_open_ms", guard.breaker_open_ms);
    }
}

fn one_provider(out: &mut Out, built: &BuiltProvider) {
    let Provider { name, kind, base_url, api_key, timeout_ms, models, aws, .. } = &built.provider;
    out.from(&built.from);
    out.line("[[provider]]");
    out.word("name", Some(name));
    out.word("kind", Some(kind));
    out.word("base_url", base_url.as_deref());
    out.word("api_key", api_key.as_ref().map(ToString::to_string).as_deref());
    out.number("timeout_ms", *timeout_ms);
    let bare = models.iter().all(|model| *model == ModelEntry { name: model.name.clone(), ..ModelEntry::default() });
    if bare && !models.is_empty() {
        out.list("models", &models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>());
    }
    if let Some(aws) = aws {
        one_aws(out, aws);
    }
    if !bare {
        models.iter().for_each(|model| one_model(out, model));
    }
}

fn one_aws(out: &mut Out, aws: &Aws) {
    out.line("\n[provider.aws]");
    out.word("region", aws.region.as_deref());
    out.word("profile", aws.profile.as_deref());
    for (key, secret) in [
        ("access_key_id", &aws.access_key_id),
        ("secret_access_key", &aws.secret_access_key),
        ("session_token", &aws.session_token),
    ] {
        out.word(key, secret.as_ref().map(ToString::to_string).as_deref());
    }
}

fn one_model(out: &mut Out, model: &ModelEntry) {
    out.line("\n[[provider.models]]");
    out.word("name", Some(&model.name));
    out.word("upstream_name", model.upstream_name.as_deref());
    out.number("output_tokens_max", model.output_tokens_max);
    out.number("context_tokens", model.context_tokens);
    out.number("rpm", model.rpm);
    out.number("tpm", model.tpm);
    if let Some(price) = &model.price {
        one_price(out, price);
    }
}

fn one_price(out: &mut Out, price: &Price) {
    let mut usd =
        |key: &str, usd: Option<&settings::Usd>| out.word(&format!("price.{key}"), usd.map(settings::Usd::as_str));
    usd("input", Some(&price.input));
    usd("output", Some(&price.output));
    usd("cached", price.cached.as_ref());
    usd("cached_write", price.cached_write.as_ref());
    usd("cached_write_hour", price.cached_write_hour.as_ref());
    usd("reasoning", price.reasoning.as_ref());
    usd("request", price.request.as_ref());
    let Some(long) = &price.long else { return };
    usd("long.input", Some(&long.input));
    usd("long.output", Some(&long.output));
    usd("long.cached", long.cached.as_ref());
    usd("long.cached_write", long.cached_write.as_ref());
    out.number("price.long.above_tokens", Some(long.above_tokens));
}

fn one_panel(out: &mut Out, panel: &Panel, from: &str) {
    out.line(&format!("\n# From {from}, which were asked together."));
    out.line("[[panel]]");
    out.word("name", Some(&panel.name));
    out.list("members", &panel.members.iter().map(|member| member.model.as_str()).collect::<Vec<_>>());
    out.number("agreement", Some(panel.agreement));
    out.number("deadline_ms", Some(panel.deadline_ms));
}

fn one_route(out: &mut Out, route: &Route, from: &str) {
    out.line(&format!("\n# From {from}: tried in this order."));
    out.line("[[route]]");
    out.word("name", Some(&route.name));
    for rule in &route.rules {
        out.line("\n[[route.rules]]");
        out.list("models", &rule.models.iter().map(|choice| choice.model.as_str()).collect::<Vec<_>>());
    }
}
