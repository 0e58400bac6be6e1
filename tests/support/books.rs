//! What tests about money share: a provider whose every answer costs the same, and what the server tells of it.

use super::{Response, ask, question, says, try_ask, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use testkit::{Reply, Upstream};

/// What each whole answer of [`metered`] costs by [`priced`], in billionths of a dollar.
pub(crate) const CALL: i64 = 300_000;

/// How a budget stands, in billionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) limit: i64,
    pub(crate) spent: i64,
    pub(crate) reserved: i64,
    pub(crate) left: i64,
}

/// A provider's upstream that takes its time for each answer and counts 100 tokens in, 100 out. Its model `slow` begins
/// and then never ends, `mute` does not even begin, and `broken` fails.
pub(crate) async fn metered(takes: Duration) -> Upstream {
    Upstream::start(move |seen| {
        let asked = seen.json();
        match (asked["model"].as_str(), asked["stream"] == true) {
            (Some("mute"), _) => Reply::hang(),
            (Some("broken"), _) => Reply::error(500, "server_error", "SECRET"),
            (Some("slow"), true) => Reply::stream(&[&says("forty"), &says("-two")]).stall(),
            (_, true) => told().into_iter().fold(Reply::stream(&[]), |reply, event| reply.event(&event)).after(takes),
            (_, false) => whole().after(takes),
        }
    })
    .await
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200,
        "prompt_tokens_details": { "cached_tokens": 40 }, "completion_tokens_details": { "reasoning_tokens": 30 }
    })
}

fn whole() -> Reply {
    let message = json!({ "role": "assistant", "content": "forty-two" });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    Reply::json(200, &json!({ "id": "x", "object": "chat.completion", "choices": [choice], "usage": usage() }))
}

fn told() -> [String; 5] {
    let stop = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }).to_string();
    let last = json!({ "choices": [], "usage": usage() }).to_string();
    [says("forty"), says("-two"), stop, last, "[DONE]".to_owned()]
}

/// The settings of the provider `kit` with the models `m`, `slow`, `mute` and `broken`, at a dollar per million tokens in
/// and two per million out.
pub(crate) fn priced(upstream: &Upstream) -> String {
    let model = |name: &str| format!("{{ name = {name:?}, price = {{ input = 1.0, output = 2.0 }} }}");
    let (url, models) = (upstream.url(), ["m", "slow", "mute", "broken"].map(model).join(", "));
    format!("[[provider]]\nname = \"kit\"\nkind = \"openai\"\nbase_url = {url:?}\nmodels = [{models}]\n")
}

/// A chat request of this way; a stream asks for its usage.
pub(crate) fn request(model: &str, stream: bool, max_tokens: Option<u32>) -> Value {
    let mut body = question(model, stream);
    if stream {
        body["stream_options"] = json!({ "include_usage": true });
    }
    if let Some(most) = max_tokens {
        body["max_tokens"] = most.into();
    }
    body
}

/// Asks for a chat with a key.
pub(crate) async fn spend(address: SocketAddr, key: &str, body: &Value) -> Response {
    ask(address, key, "POST", "/v1/chat/completions", Some(body)).await
}

/// Asks for a chat from a server that may be killed meanwhile.
pub(crate) async fn try_spend(address: SocketAddr, key: &str, body: &Value) -> Option<Response> {
    try_ask(address, key, "POST", "/v1/chat/completions", Some(body)).await
}

/// The code of an error, in either shape.
pub(crate) fn code(reply: &Response) -> String {
    let body = reply.json();
    let code = body["code"].as_str().or_else(|| body["error"]["code"].as_str());
    code.unwrap_or_default().to_owned()
}

/// All entries of a list, page after page.
pub(crate) async fn items(address: SocketAddr, key: &str, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    let sign = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = ask(address, key, "GET", &format!("{path}{sign}limit=1000{cursor}"), None).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let mut page = page.json();
        let Value::Array(items) = page["items"].take() else { panic!("{path}: no items") };
        all.extend(items);
        let Some(next) = page["cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

/// How the tenant `acme`, or the key of it that spends, stands with its budget; nothing if there is none.
pub(crate) async fn budget(address: SocketAddr, key: &str, scope: &str) -> Option<Budget> {
    let all = items(address, key, "/api/v1/budgets").await;
    let found = all.iter().find(|budget| budget["scope"] == scope && budget["tenant"] == "acme");
    found.map(|budget| Budget {
        limit: nano(&budget["limit_usd"]),
        spent: nano(&budget["spent_usd"]),
        reserved: nano(&budget["reserved_usd"]),
        left: nano(&budget["left_usd"]),
    })
}

/// The same once nothing of it is reserved any more.
pub(crate) async fn settled(address: SocketAddr, key: &str, scope: &str) -> Budget {
    let look = async || budget(address, key, scope).await.filter(|budget| budget.reserved == 0);
    until("nothing is reserved", look).await
}

/// Billionths in an amount that is told as exact text.
pub(crate) fn nano(usd: &Value) -> i64 {
    let text = usd.as_str().unwrap_or_else(|| panic!("no amount: {usd}"));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<9}");
    digits.parse().unwrap_or_else(|_| panic!("no amount: {text:?}"))
}
