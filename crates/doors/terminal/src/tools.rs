//! The catalogue of tools as tables of eighty columns, from what the API answers.

use crate::text::{WIDTH, beginning, clean, count, hang, labelled, length};
use serde_json::{Map, Value};

/// The widest that ids are shown beside something else.
const ID_WIDTH: usize = 36;
/// Refusals of an import that are shown; the rest is counted.
const REFUSALS_MAX: usize = 10;

fn text(value: &Value) -> String {
    clean(value.as_str().unwrap_or_default())
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn many(value: &Value) -> usize {
    usize::try_from(number(value)).unwrap_or(usize::MAX)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Names before texts: beside each other where the name is short, else above.
fn lines(rows: &[(String, String)]) -> String {
    let widest = rows.iter().map(|(name, _)| length(name)).filter(|wide| *wide <= ID_WIDTH).max().unwrap_or(0);
    let line = |(name, about): &(String, String)| {
        let room = WIDTH.saturating_sub(widest + 2);
        match length(name) > widest {
            true => format!("{name}\n{:widest$}  {}\n", "", beginning(about, room, 1)),
            false => format!("{name:widest$}  {}\n", beginning(about, room, 1)),
        }
    };
    rows.iter().map(line).map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A page of tools.
pub fn tools(page: &Value) -> String {
    let rows: Vec<_> = list(&page["items"]).iter().map(|tool| (text(&tool["id"]), text(&tool["summary"]))).collect();
    if rows.is_empty() {
        return "no tools\n".to_owned();
    }
    let more = if page["cursor"].is_null() { "" } else { "; there are more, see `--limit`" };
    format!("{}\n{}{more}\n", lines(&rows), count(rows.len(), "tool"))
}

/// What a search has found.
pub fn found_tools(answer: &Value) -> String {
    let row = |tool: &Value| {
        let score = tool["score"].as_f64().unwrap_or_default();
        (format!("{score:.2}  {}", text(&tool["id"])), text(&tool["summary"]))
    };
    let rows: Vec<_> = list(&answer["tools"]).iter().map(row).collect();
    let mut told = lines(&rows);
    if rows.is_empty() {
        told.push_str("nothing was found\n");
    } else if answer["weak"] == true {
        told.push_str("\nweak: nothing says that any of them has to do with the question\n");
    }
    if let Some(degraded) = answer["degraded"].as_str() {
        told.push_str(&hang("degraded: ", degraded));
    }
    let (saved, of) = (number(&answer["tokens"]["saved"]), number(&answer["total_available"]));
    told + &format!("\nof {of} tools; about {saved} tokens spared\n")
}

/// A tool in full.
pub fn tool(tool: &Value) -> String {
    let Some(fields) = tool.as_object() else { return String::new() };
    let shown = |value: &Value| match value {
        Value::String(text) => clean(text),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().map(text).collect::<Vec<_>>().join(", ")
        }
        other => clean(&other.to_string()),
    };
    let large =
        ["input_schema", "output_schema", "examples", "parameters", "returns", "http", "metadata", "annotations"];
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    let mut told = String::new();
    for (name, value) in fields.iter().filter(|(name, value)| !large.contains(&name.as_str()) && !empty(value)) {
        told.push_str(&hang(&format!("{name:18}  "), &shown(value)));
    }
    if let Some(schema) = fields.get("input_schema") {
        told.push_str(&format!("\narguments:\n{}\n", clean(&format!("{schema:#}"))));
    }
    told
}

/// What became of an import.
pub fn imported(report: &Value) -> String {
    let one = |name: &str| number(&report[name]);
    let mut told = format!("{} added, {} changed, {} as before", one("added"), one("changed"), one("same"));
    for (name, what) in [("removed", "removed"), ("refused_total", "refused")] {
        if one(name) > 0 {
            told.push_str(&format!(", {} {what}", one(name)));
        }
    }
    told.push('\n');
    for refused in list(&report["refused"]).iter().take(REFUSALS_MAX) {
        let place = format!("  {} {}: ", number(&refused["line"]), text(&refused["id"]));
        told.push_str(&hang(&place, &text(&refused["why"])));
    }
    for server in list(&report["upstreams"]) {
        let needs: Vec<String> = list(&server["needs"]).iter().map(text).collect();
        let needs = if needs.is_empty() { String::new() } else { format!("; needs {}", needs.join(", ")) };
        let about = format!("{}, {}{needs}", text(&server["transport"]), text(&server["outcome"]));
        told.push_str(&hang(&format!("  server {}: ", text(&server["name"])), &about));
    }
    told
}

/// The domains.
pub fn domains(page: &Value) -> String {
    let row = |domain: &Value| {
        let words: Vec<String> = list(&domain["keywords"]).iter().map(text).collect();
        (format!("{:>7}  {}", number(&domain["tools"]), text(&domain["name"])), words.join(", "))
    };
    format!("{:>7}  DOMAIN\n{}", "TOOLS", lines(&list(&page["items"]).iter().map(row).collect::<Vec<_>>()))
}

/// The catalogue in figures.
pub fn tool_statistics(told: &Value) -> String {
    let index = &told["index"];
    let model = index["model"].as_str().map_or_else(|| "words alone".to_owned(), clean);
    let place = index["place"].as_str().map_or_else(String::new, |place| format!(" on {}", clean(place)));
    let vectors = format!("{} of {} with vectors, {} wait", index["embedded"], index["documents"], index["waiting"]);
    let mut text =
        labelled("tools", &format!("{}, version {} of the catalogue", told["tools"], told["catalog_version"]));
    text.push_str(&labelled(
        "tokens",
        &format!("{}, of which {} were spared", told["tokens"], told["tokens_saved_total"]),
    ));
    text.push_str(&labelled("index", &format!("{model}{place}; {vectors}")));
    if let Some(degraded) = index["degraded"].as_str() {
        text.push_str(&labelled("degraded", degraded));
    }
    for (label, key) in [("domains", "by_domain"), ("servers", "by_server"), ("kinds", "by_type")] {
        text.push_str(&labelled(label, &counts(told[key].as_object())));
    }
    for tool in list(&told["most_called"]).iter().take(REFUSALS_MAX) {
        let rate =
            tool["success_rate"].as_f64().map_or_else(|| "-".to_owned(), |rate| format!("{:.0} %", rate * 100.0));
        let p50 = tool["p50_ms"].as_u64().map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
        let name = clean(tool["id"].as_str().unwrap_or_default());
        text.push_str(&labelled(
            "called",
            &format!("{name}: {}, {rate} good, half in {p50}", count(many(&tool["calls"]), "time")),
        ));
    }
    text
}

/// The largest groups first.
fn counts(groups: Option<&Map<String, Value>>) -> String {
    let mut groups: Vec<(u64, String)> =
        groups.into_iter().flatten().map(|(name, many)| (number(many), clean(name))).collect();
    groups.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    let shown: Vec<String> = groups.iter().take(12).map(|(many, name)| format!("{name} {many}")).collect();
    let more = if groups.len() > 12 { format!(", and {} more", groups.len() - 12) } else { String::new() };
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") + &more }
}

/// What a call came to: the result as it is, text as text.
pub fn called(answer: &Value) -> String {
    let mut told = match &answer["result"] {
        Value::String(text) => clean(text) + "\n",
        Value::Null => String::new(),
        result => clean(&format!("{result:#}")) + "\n",
    };
    if let Some(uri) = answer["resource_link"]["uri"].as_str() {
        told.push_str(&hang("the whole answer: ", &clean(uri)));
    }
    told
}

/// How many questions were forgotten.
pub fn forgotten(answer: &Value) -> String {
    format!("{} forgotten\n", count(many(&answer["forgotten"]), "question"))
}

/// How well something is found: the whole, then what it is made of.
pub fn evaluation(told: &Value) -> String {
    let figures = |name: &str, of: &Value| {
        let share = |key: &str| of[key].as_f64().map_or_else(|| "-".to_owned(), |share| format!("{share:.4}"));
        let [five, ten, ndcg, complete] = ["recall@5", "recall@10", "ndcg@10", "complete@10"].map(share);
        format!("{:16} {five:>10} {ten:>10} {ndcg:>10} {complete:>12}\n", clean(name))
    };
    let mut text =
        format!("{:16} {:>10} {:>10} {:>10} {:>12}\n", "RANKING", "RECALL@5", "RECALL@10", "NDCG@10", "COMPLETE@10");
    text.push_str(&figures("all", told));
    for (name, of) in told["by"].as_object().into_iter().flatten() {
        text.push_str(&figures(name, of));
    }
    let ms = |key: &str| told["latency_ms"][key].as_f64().unwrap_or_default();
    let (documents, queries) = (number(&told["documents"]), number(&told["queries"]));
    let set = clean(told["set"].as_str().unwrap_or_default());
    let (p50, p95) = (ms("p50"), ms("p95"));
    text + &format!("\n{set}: {documents} documents, {queries} queries; p50 {p50:.2} ms, p95 {p95:.2} ms\n")
}

/// Which weights were tried, and what the best comes to where it was not tried.
pub fn tuned(told: &Value) -> String {
    let mut text = format!("{:>8} {:>10}\n", "VECTORS", "NDCG@10");
    for step in list(&told["tried"]) {
        let [vectors, ndcg] = [0, 1].map(|at| step[at].as_f64().unwrap_or_default());
        text.push_str(&format!("{vectors:>8.2} {ndcg:>10.4}\n"));
    }
    let [before, after] = ["before", "after"].map(|key| told[key].as_f64().unwrap_or_default());
    let settings = clean(told["settings"].as_str().unwrap_or_default());
    text + &format!("\non the questions that were held out: {before:.4} now, {after:.4} with\n\n{settings}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tools_fit_a_terminal_and_say_nothing_that_it_obeys() {
        let long = "does something that takes many words to tell and \u{1b}[2Jmore of them than a line holds at all";
        let page = json!({ "items": [
            { "id": "github__create_issue", "summary": long },
            { "id": "a".repeat(60), "summary": "short" },
        ], "cursor": "x" });
        let text = tools(&page);
        assert!(text.lines().all(|line| length(line) <= WIDTH), "{text}");
        assert!(text.contains("2 tools; there are more") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(tools(&json!({ "items": [], "cursor": null })), "no tools\n");
    }

    #[test]
    fn what_is_found_and_what_is_not() {
        let answer = json!({ "tools": [{ "id": "a__b", "summary": "does b", "score": 0.934 }], "weak": true,
            "degraded": "no vectors", "total_available": 7, "tokens": { "saved": 900 } });
        let expect = "0.93  a__b  does b\n\nweak: nothing says that any of them has to do with the question\n\
                      degraded: no vectors\n\nof 7 tools; about 900 tokens spared\n";
        assert_eq!(found_tools(&answer), expect);
        assert!(found_tools(&json!({ "tools": [] })).starts_with("nothing was found\n"));
    }

    #[test]
    fn an_import_says_what_did_not_go_in() {
        let report = json!({ "added": 2, "changed": 0, "same": 1, "removed": 0, "refused_total": 1,
            "refused": [{ "line": 4, "id": "x", "why": "it has no name" }],
            "upstreams": [{ "name": "gh", "transport": "stdio", "outcome": "added", "needs": ["GH_TOKEN"] }] });
        let expect = "2 added, 0 changed, 1 as before, 1 refused\n  4 x: it has no name\n  \
                      server gh: stdio, added; needs GH_TOKEN\n";
        assert_eq!(imported(&report), expect);
    }

    #[test]
    fn figures_in_tables() {
        let half = json!({ "recall@5": 0.5, "recall@10": 0.75, "ndcg@10": 0.625, "complete@10": 0.5 });
        let mut told = half.clone();
        (told["by"], told["set"], told["documents"]) = (json!({ "words": half }), json!("s"), json!(3));
        let text = evaluation(&told);
        assert!(text.contains("words                0.5000     0.7500     0.6250       0.5000\n"), "{text}");
        assert!(text.lines().all(|line| length(line) <= WIDTH), "{text}");
        let tried = json!({ "tried": [[0.5, 0.71]], "before": 0.7, "after": 0.72, "settings": "[search.tools]\nvectors = 0.5\n" });
        let expect = " VECTORS    NDCG@10\n    0.50     0.7100\n\non the questions that were held out: 0.7000 now, 0.7200 with\n\n\
                      [search.tools]\nvectors = 0.5\n";
        assert_eq!(tuned(&tried), expect);
        let groups = json!({ "a": 1, "b": 3 });
        assert_eq!(counts(groups.as_object()), "b 3, a 1");
        let domain = json!({ "items": [{ "name": "aws", "tools": 2, "keywords": ["s3", "ec2"] }] });
        assert_eq!(domains(&domain), "  TOOLS  DOMAIN\n      2  aws  s3, ec2\n");
    }
}
