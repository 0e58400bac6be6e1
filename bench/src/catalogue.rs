//! Tools and questions by a rule: as many as are asked for, no two alike, the same in every run. Knows no server.

use serde_json::{Value, json};

const SERVICES: [&str; 40] = [
    "github",
    "gitlab",
    "jira",
    "slack",
    "gmail",
    "calendar",
    "drive",
    "notion",
    "asana",
    "trello",
    "linear",
    "stripe",
    "paypal",
    "shopify",
    "salesforce",
    "hubspot",
    "zendesk",
    "intercom",
    "twilio",
    "sendgrid",
    "s3",
    "dynamodb",
    "lambda",
    "postgres",
    "mysql",
    "mongodb",
    "redis",
    "elastic",
    "grafana",
    "datadog",
    "sentry",
    "pagerduty",
    "kubernetes",
    "docker",
    "terraform",
    "spotify",
    "youtube",
    "weather",
    "maps",
    "flights",
];
const ACTIONS: [(&str, &str, &str); 20] = [
    ("create", "Create a new", "make a new"),
    ("delete", "Delete an existing", "get rid of the"),
    ("list", "List every", "show me all of the"),
    ("get", "Get one", "look up a"),
    ("update", "Update the fields of a", "change the"),
    ("search", "Search by text for a", "find the"),
    ("archive", "Archive a", "put away the"),
    ("restore", "Restore a deleted", "bring back the"),
    ("share", "Share with other people a", "give a colleague the"),
    ("export", "Export as CSV or JSON the", "download the"),
    ("import", "Import from a file a", "load from a file the"),
    ("copy", "Copy under another name a", "duplicate the"),
    ("move", "Move to another place a", "put elsewhere the"),
    ("rename", "Rename a", "give another name to the"),
    ("count", "Count by a filter the", "how many are there of the"),
    ("watch", "Tell about each change of a", "notify me about every change of the"),
    ("approve", "Approve a pending", "say yes to the"),
    ("reject", "Reject a pending", "say no to the"),
    ("schedule", "Schedule for later a", "do tomorrow the"),
    ("compare", "Compare two versions of a", "what differs between the"),
];
const THINGS: [&str; 20] = [
    "issue",
    "message",
    "invoice",
    "customer",
    "order",
    "report",
    "document",
    "folder",
    "user",
    "team",
    "branch",
    "deployment",
    "alert",
    "payment",
    "contact",
    "event",
    "playlist",
    "table",
    "bucket",
    "ticket",
];

/// The number of different tools there are.
pub(super) const TOOLS_MAX: usize = SERVICES.len() * ACTIONS.len() * THINGS.len();

/// A tool as an import takes it; `at` is below [`TOOLS_MAX`].
pub(super) fn tool(at: usize) -> Value {
    let (service, (action, says, _), thing) = parts(at);
    let key = format!("{thing}_id");
    json!({
        "id": format!("{service}__{action}_{thing}"), "name": format!("{action}_{thing}"), "server": service,
        "description": format!("{says} {thing} in {service}, and tell who did it and when."),
        "input_schema": { "type": "object", "required": [key], "properties": {
            key: { "type": "string", "description": format!("Which {thing} is meant") },
            "note": { "type": "string", "description": "What is written beside it" },
        }},
    })
}

/// So many tools, a line each.
pub(super) fn tools(count: usize) -> String {
    (0..count).map(|at| format!("{}\n", tool(at))).collect()
}

/// A question that one of the first `count` tools answers, in other words than the tool's. No two are alike.
pub(super) fn question(number: usize, count: usize) -> String {
    let (service, (_, _, asks), thing) = parts(spread(number) % count.max(1));
    format!("please {asks} {thing} number {number} in {service} for me")
}

/// Neighbours in the catalogue differ in every part: it is not sorted by service.
fn parts(at: usize) -> (&'static str, (&'static str, &'static str, &'static str), &'static str) {
    let at = at % TOOLS_MAX;
    let (service, rest) = (at % SERVICES.len(), at / SERVICES.len());
    let (action, thing) = (rest % ACTIONS.len(), rest / ACTIONS.len());
    let of = |list: &'static [&'static str], at: usize| list.get(at).copied().unwrap_or_default();
    (of(&SERVICES, service), ACTIONS.get(action).copied().unwrap_or_default(), of(&THINGS, thing))
}

/// Numbers in a row, far from one another.
fn spread(number: usize) -> usize {
    number.wrapping_mul(7_919)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_are_alike() {
        let ids: BTreeSet<String> = (0..TOOLS_MAX).map(|at| tool(at)["id"].to_string()).collect();
        assert_eq!((ids.len(), TOOLS_MAX), (16_000, 16_000));
        let asked: BTreeSet<String> = (0..1_000).map(|number| question(number, 100)).collect();
        assert_eq!(asked.len(), 1_000);
        assert_eq!(tools(3).lines().count(), 3);
    }
}
