//! A tool as what the index finds it by: which words count how much, which texts become vectors, which tags filter.

use crate::catalogue::scope;
use crate::id::{EVERYBODY, index_id};
use definitions::{Definition, words_of};
use retrieval::Document;
use search::Field;
use std::sync::Arc;

/// What words of the name count.
const NAME_WEIGHT: f32 = 2.0;
/// What words of the server's name count: a question may name it, as in "a GitHub issue".
const SERVER_WEIGHT: f32 = 0.5;
/// What words of the descriptions of parameters count.
const PARAMETER_TEXT_WEIGHT: f32 = 0.5;
/// The longest text that becomes a vector, in bytes: models read no more.
const MEANING_BYTES_MAX: usize = 2_000;

/// The tag of the tools of one server.
pub(crate) fn server_tag(server: &str) -> Arc<str> {
    format!("server:{server}").into()
}

/// The tag of the tools of one domain.
pub(crate) fn domain_tag(domain: &str) -> Arc<str> {
    format!("domain:{domain}").into()
}

/// The tag of the tools that somebody has tagged so.
pub(crate) fn word_tag(tag: &str) -> Arc<str> {
    format!("tag:{}", tag.trim().to_lowercase()).into()
}

/// The tag of the tools that are trusted to change nothing.
pub(crate) const READ_ONLY: &str = "read_only";

/// A tool as the index takes it.
pub fn document(tool: &Definition) -> Document {
    let field = |text: &str, weight: f32| Field { text: text.to_owned(), weight };
    let parts = words_of(&tool.input_schema);
    let names = parts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ");
    let texts = parts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ");
    let mut fields = vec![
        field(&tool.name, NAME_WEIGHT),
        field(&tool.server, SERVER_WEIGHT),
        field(&tool.description, 1.0),
        field(&names, 1.0),
        field(&texts, PARAMETER_TEXT_WEIGHT),
    ];
    fields.extend(tool.examples.iter().map(|example| field(&example.scenario, 1.0)));
    fields.retain(|field| !field.text.trim().is_empty());
    let mut tags = vec![domain_tag(&tool.domain)];
    tags.extend((!tool.server.is_empty()).then(|| server_tag(&tool.server)));
    tags.extend(tool.tags.iter().map(|tag| word_tag(tag)));
    tags.extend(tool.trusted_read_only.then(|| READ_ONLY.into()));
    let tenant = tool.tenant.as_deref();
    Document {
        id: index_id(tenant, &tool.id).into(),
        scope: scope(tenant.unwrap_or(EVERYBODY), tool.role),
        fields,
        meanings: meanings(tool, &parts),
        tags,
    }
}

/// What a tool means, twice: what it does; and its name with that and with what it is called with. A third text, its name
/// with what it does, changed nothing on either of the labelled sets.
fn meanings(tool: &Definition, parts: &[(String, String)]) -> Vec<String> {
    let name = spaced(&tool.name);
    let said = tool.description.trim();
    let mut called = format!("{name}: {said}");
    for (part, text) in parts {
        called.push_str(&format!(" {}: {text}", spaced(part)));
    }
    let alone = if said.is_empty() { name } else { said.to_owned() };
    [alone, called].iter().map(|text| head(text).to_owned()).collect()
}

/// The beginning of a text.
fn head(text: &str) -> &str {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MEANING_BYTES_MAX).last();
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// `createPullRequest` and `create_pull_request` as words.
fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            words.push(' ');
        } else if c.is_uppercase() && lower_before {
            words.push(' ');
            words.extend(c.to_lowercase());
        } else {
            words.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase();
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use definitions::{Defaults, definition};
    use serde_json::json;

    #[test]
    fn a_tool_is_found_by_all_that_is_said_of_it() {
        let item = json!({
            "name": "createPullRequest", "server": "github", "description": "Opens one.", "tags": ["VCS"],
            "input_schema": { "properties": { "title": { "description": "What it is called" } } },
            "examples": [{ "scenario": "a fix" }], "domain": "github", "annotations": { "read_only": true },
        });
        let defaults = Defaults { tenant: Some("acme".into()), trust_read_only: true, ..Defaults::default() };
        let made = document(&definition(item, &defaults).unwrap());
        assert_eq!((&*made.id, &*made.scope), ("acme github__createPullRequest", "acme/user"));
        let texts: Vec<&str> = made.fields.iter().map(|field| field.text.as_str()).collect();
        assert_eq!(texts, ["createPullRequest", "github", "Opens one.", "title", "What it is called", "a fix"]);
        let all = "create pull request: Opens one. title: What it is called";
        assert_eq!(made.meanings, ["Opens one.", all]);
        let tags: Vec<&str> = made.tags.iter().map(|tag| &**tag).collect();
        assert_eq!(tags, ["domain:github", "server:github", "tag:vcs", "read_only"]);
        let long = definition(json!({ "name": "x", "description": "ü".repeat(3_000) }), &Defaults::default()).unwrap();
        assert!(document(&long).meanings.iter().all(|text| text.len() <= MEANING_BYTES_MAX));
    }
}
