//! What may not be said about finding: vectors, rankings, tools and what they authenticate with.

use super::{CREDENTIALS, ENTRIES_MAX, Findings, RESERVED, name};
use crate::host::{is_authority, network, url_trouble};
use crate::layer::{element, join};
use crate::limits;
use crate::model::Settings;
use crate::search::{Credential, Domain, Embed, EmbedKind, Tools};
use crate::wording::cut;

/// The most keywords, or tools, of one domain.
const WORDS_MAX: usize = 1_000;

pub(super) fn search(settings: &Settings, found: &mut Findings) {
    limits::embed(&settings.embed, found);
    limits::ranking("search.tools", &settings.search.tools, found);
    limits::ranking("search.passages", &settings.search.passages, found);
    limits::tools(&settings.tools, found);
    embed(&settings.embed, found);
    tools(&settings.tools, found);
}

fn embed(embed: &Embed, found: &mut Findings) {
    name("embed.model", &embed.model, found);
    // The model is a folder among others, and leads nowhere else.
    let folder = embed.model.contains(['/', '\\']) || embed.model.starts_with('.');
    if embed.folder.is_none() && folder && matches!(embed.kind, EmbedKind::Local | EmbedKind::Auto) {
        let problem = format!("is `{}`, not the name of a folder", cut(&embed.model));
        found.refuse("embed.model", &problem, "name the folder alone, or set `embed.folder` to where it is");
    }
    for (key, place, what) in
        [("folder", &embed.folder, "folder"), ("path", &embed.path, "folder"), ("library", &embed.library, "file")]
    {
        if place.as_ref().is_some_and(|place| place.as_os_str().is_empty()) {
            found.refuse(&format!("embed.{key}"), "is empty", &format!("name a {what}, or remove it"));
        }
    }
    onnx(embed, found);
    match &embed.base_url {
        Some(url) => {
            if let Some((problem, hint)) = url_trouble(url) {
                found.refuse("embed.base_url", &problem, hint);
            }
        }
        None if embed.kind == EmbedKind::Openai => {
            let hint = "write where the server is, such as `https://api.openai.com/v1`";
            found.refuse("embed.base_url", "is missing, and `embed.kind` is `openai`", hint);
        }
        None => {}
    }
}

fn onnx(embed: &Embed, found: &mut Findings) {
    if embed.kind == EmbedKind::Onnx && embed.path.is_none() {
        let hint = "name a folder with `model.onnx` and `tokenizer.json`";
        found.refuse("embed.path", "is missing, and `embed.kind` is `onnx`", hint);
    }
    if embed.devices.is_empty() {
        found.refuse("embed.devices", "is empty", "write where a model may work, such as `[\"cuda\", \"cpu\"]`");
    }
    for (index, device) in embed.devices.iter().enumerate().filter(|(at, it)| embed.devices[..*at].contains(it)) {
        let problem = format!("is `{}`, which is named before", device.name());
        found.refuse(&element("embed.devices", index), &problem, "name each once, the best one first");
    }
}

fn tools(tools: &Tools, found: &mut Findings) {
    found.at_most("tools.allowed_networks", tools.allowed_networks.len(), ENTRIES_MAX);
    for (index, text) in tools.allowed_networks.iter().enumerate().filter(|(_, text)| network(text).is_none()) {
        let problem = format!("is `{}`, neither an address nor a network", cut(text));
        let hint = "write an IP address such as `10.0.0.7` or a network such as `10.0.0.0/8`";
        found.refuse(&element("tools.allowed_networks", index), &problem, hint);
    }
    found.at_most("tools.credential", tools.credential.len(), ENTRIES_MAX);
    for (index, it) in tools.credential.iter().enumerate() {
        let path = element("tools.credential", index);
        credential(&path, it, found);
        if tools.credential.iter().take(index).any(|before| before.name == it.name) {
            let problem = format!("is `{}`, the name of another credential too", cut(&it.name));
            found.refuse(&format!("{path}.name"), &problem, "give each a name of its own");
        }
    }
    found.at_most("tools.domain", tools.domain.len(), ENTRIES_MAX);
    for (key, it) in &tools.domain {
        domain(&join("tools.domain", key), key, it, found);
    }
}

fn credential(path: &str, it: &Credential, found: &mut Findings) {
    name(&format!("{path}.name"), &it.name, found);
    let header = it.header.to_ascii_lowercase();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let key = format!("{path}.header");
    if header.is_empty() || !header.bytes().all(token) {
        let problem = format!("is `{}`, not the name of a header", cut(&it.header));
        found.refuse(&key, &problem, "write one such as `authorization` or `x-api-key`");
    } else if RESERVED.contains(&header.as_str()) {
        let known = CREDENTIALS.map(|it| format!("`{it}`")).join(", ");
        found.refuse(
            &key,
            &format!("is `{header}`, which belongs to the connection"),
            &format!("write one of {known}, or the API's own"),
        );
    }
    if !it.prefix.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        found.refuse(&format!("{path}.prefix"), "holds characters that no header can", "write it such as `Bearer `");
    }
    let hosts = format!("{path}.hosts");
    if it.hosts.is_empty() {
        found.refuse(&hosts, "is empty, so that the credential is sent nowhere", "name the hosts that it is for");
    }
    found.at_most(&hosts, it.hosts.len(), ENTRIES_MAX);
    for (index, host) in
        it.hosts.iter().enumerate().filter(|(_, host)| !is_authority(host.strip_prefix("http://").unwrap_or(host)))
    {
        let problem = format!("is `{}`, not a host", cut(host));
        found.refuse(
            &element(&hosts, index),
            &problem,
            "write `host` or `host:port`, with `http://` before it only where the credential may go without TLS",
        );
    }
    found.at_most(&format!("{path}.tenants"), it.tenants.len(), ENTRIES_MAX);
    for (index, tenant) in it.tenants.iter().enumerate() {
        name(&element(&format!("{path}.tenants"), index), tenant, found);
    }
}

fn domain(path: &str, key: &str, it: &Domain, found: &mut Findings) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if key.is_empty() || key.len() > 64 || !key.chars().all(fits) || key == "auto" {
        let problem = format!("is `{}`, not the name of a domain", cut(key));
        found.refuse(path, &problem, "write up to 64 of `a`–`z`, `0`–`9`, `-` and `_`; `auto` means the query's own");
    }
    for (list, words) in [("keywords", &it.keywords), ("tools", &it.tools)] {
        let path = format!("{path}.{list}");
        found.at_most(&path, words.len(), WORDS_MAX);
        for (index, _) in words.iter().enumerate().filter(|(_, word)| !word.chars().any(char::is_alphanumeric)) {
            found.refuse(&element(&path, index), "holds no letter and no digit", "write a word or a phrase");
        }
    }
}
