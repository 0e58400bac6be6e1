//! What a server that runs here tells of its providers: times, errors, breakers, limits. It only reads, and where no
//! server lets us in there is nothing to tell. Knows no figure but those of `GET /api/v1/providers`.

use crate::command::server;
use doctor::Check;
use http::Method;
use remote::{RemoteError, Server};
use serde_json::Value;
use std::time::Duration;
use terminal::clean;

/// Where the figures are; nobody upstream is looked at for them.
const PATH: &str = "/api/v1/providers?look=false";
/// How long the server may take.
const WITHIN: Duration = Duration::from_secs(2);
/// Models shown, at most; those with calls come first.
const MODELS_MAX: usize = 32;

/// A line for each provider of a server, and one for each of its models that was asked lately.
pub(super) async fn providers(server: &Server) -> Vec<Check> {
    match server.ask(Method::GET, PATH, None, WITHIN).await {
        Ok(page) => told(&page),
        Err(RemoteError::Refused { status: 401 | 403, .. }) => {
            let key = server::KEY;
            vec![Check::ok("live", format!("the server wants a key that may see its providers; none in {key}"))]
        }
        Err(_) => Vec::new(),
    }
}

fn told(page: &Value) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut room = MODELS_MAX;
    for provider in page["items"].as_array().into_iter().flatten() {
        checks.push(Check::ok(format!("live {}", name(&provider["name"])), limits(provider)));
        let models = provider["models"].as_array().into_iter().flatten();
        let worth = models.filter(|model| number(&model["calls"]) > 0.0 || model["breaker"] != "closed");
        let worth: Vec<&Value> = worth.collect();
        checks.extend(worth.iter().take(room).map(|model| of_model(model)));
        room = room.saturating_sub(worth.len());
    }
    checks
}

/// What a provider may have to do at once and how long it may take, and what it has to do now.
fn limits(provider: &Value) -> String {
    let limits = &provider["limits"];
    let now = &provider["models"][0];
    let most = |value: &Value| value.as_u64().map_or("no end of".to_owned(), |most| most.to_string());
    let mut text = format!(
        "{} of {} calls, {} of {} waiting, {:.0} s each",
        number(&now["in_flight"]),
        most(&limits["in_flight_max"]),
        number(&now["waiting"]),
        most(&limits["queue_max"]),
        number(&limits["timeout_ms"]) / 1e3,
    );
    if let Some(most) = limits["pool_max"].as_u64() {
        text.push_str(&format!(", pool of {most}"));
    }
    text
}

/// How the calls of the last minutes went.
fn of_model(model: &Value) -> Check {
    let calls = number(&model["calls"]);
    let breaker = model["breaker"].as_str().map(clean).unwrap_or_default();
    let mut text = format!("breaker {breaker}, {:.1} % of {calls} failed", number(&model["error_rate"]) * 100.0);
    let times = &model["first_token_ms"];
    if times.is_object() {
        let at = |key: &str| format!("{key} {:.0}", number(&times[key]));
        text.push_str(&format!(", first token {} ms", ["p50", "p90", "p95", "p99"].map(at).join(" ")));
    }
    for key in ["rpm", "tpm"] {
        if let Some(most) = model[key].as_u64() {
            text.push_str(&format!(", {key} {most}"));
        }
    }
    let name = format!("live {}", name(&model["id"]));
    match breaker.as_str() {
        "open" => Check::warn(name, text, "it failed too often and rests; see why in the server's log"),
        _ => Check::ok(name, text),
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

fn name(value: &Value) -> String {
    clean(value.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests;
