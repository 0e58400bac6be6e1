//! The servers that the configuration file of an MCP client names, of any client, without its secrets.
//!
//! A value of an environment variable or a header is a secret until somebody says otherwise: each is replaced by the name
//! of a variable, and the report says which to set. What a value was is never kept and never shown. Arguments, the program
//! and addresses are looked through for what could be one; in doubt it is one.

use crate::id;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The most servers of one file.
const SERVERS_MAX: usize = 500;
/// The most arguments, variables or headers of one server.
const ENTRIES_MAX: usize = 200;
/// The longest argument or address, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;

/// What `/mcp/s/…` shows already: no server takes such a name.
const TAKEN: [&str; 8] = ["decisions", "claims", "tools", "knowledge", "context", "github", "hubspot", "agents"];

/// A server that is known and not connected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// `stdio`, `http`, `sse` or `websocket`.
    pub transport: String,
    /// The program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Its variables, each with where its value lies: `env:NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The address, where it is reached over a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Headers, each with where its value lies: `env:NAME`, or `Bearer env:NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The variables that must be set before it can be connected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Why it cannot be kept, if so.
    #[serde(skip)]
    pub trouble: Option<String>,
}

/// A server as a report tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Noted {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub transport: String,
    /// `added`, `changed` or `same`.
    pub outcome: &'static str,
    /// The variables that must be set before it can be connected.
    pub needs: Vec<String>,
}

/// The servers of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Server>, (String, String)> {
    let hint = || "send the file with `mcpServers`, `servers` or `[mcp_servers.NAME]` in it".to_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| ("the file is not UTF-8".to_owned(), hint()))?;
    let whole: Value = match text.trim_start().starts_with('{') {
        // What a parser says of a file may hold a piece of it.
        true => serde_json::from_str(&without_comments(text)).map_err(|error| {
            (format!("the file is no JSON at line {} column {}", error.line(), error.column()), hint())
        })?,
        false => toml::from_str(text).map_err(|_| ("the file is no TOML".to_owned(), hint()))?,
    };
    let nested = whole.get("mcp").unwrap_or(&Value::Null);
    let found = ["mcpServers", "servers", "mcp_servers"].iter().find_map(|key| whole.get(*key).or(nested.get(*key)));
    let named: Vec<(String, &Value)> = match found {
        Some(Value::Object(servers)) => servers.iter().map(|(name, it)| (name.clone(), it)).collect(),
        Some(Value::Array(servers)) => servers.iter().map(|it| (text_of(it, "name").unwrap_or_default(), it)).collect(),
        _ => return Err(("the file names no servers".to_owned(), hint())),
    };
    if named.len() > SERVERS_MAX {
        return Err((format!("the file names {} servers, more than {SERVERS_MAX}", named.len()), hint()));
    }
    Ok(named.into_iter().map(|(name, it)| server(name, it)).collect())
}

fn text_of(it: &Value, key: &str) -> Option<String> {
    it.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn server(name: String, it: &Value) -> Server {
    let mut made = Server { name, ..Server::default() };
    if let Some(trouble) = id::name_trouble(&made.name) {
        made.trouble = Some(format!("its name {trouble}"));
        return made;
    }
    if TAKEN.iter().any(|taken| made.name.eq_ignore_ascii_case(taken)) {
        made.trouble = Some(format!("its name is taken: `/mcp/s/{}` is a set of tools; call it otherwise", made.name));
        return made;
    }
    let prefix = variable(&made.name);
    made.command = text_of(it, "command").map(|command| program(&command, &prefix, &mut made.needs));
    let url = ["url", "serverUrl", "httpUrl", "endpoint"].iter().find_map(|key| text_of(it, key));
    let said = text_of(it, "type").or_else(|| text_of(it, "transport"));
    made.transport = transport(said.as_deref(), url.as_deref(), made.command.is_some()).to_owned();
    made.url = url.map(|url| hidden_url(&url, &prefix, &mut made.needs));
    made.args = arguments(it.get("args"), &prefix, &mut made.needs);
    let empty = Map::new();
    let members = |key: &str| it.get(key).and_then(Value::as_object).unwrap_or(&empty);
    for (key, value) in members("env") {
        let name = referred(value).unwrap_or_else(|| variable(key));
        made.env.insert(key.clone(), format!("env:{name}"));
        made.needs.push(name);
    }
    for (key, value) in members("headers").iter().chain(members("http_headers")) {
        let name = referred(value).unwrap_or_else(|| format!("{prefix}_{}", variable(key)));
        let scheme = value.as_str().map(scheme).unwrap_or_default();
        made.headers.insert(key.to_lowercase(), format!("{scheme}env:{name}"));
        made.needs.push(name);
    }
    if let Some(name) = text_of(it, "bearer_token_env_var") {
        made.headers.insert("authorization".to_owned(), format!("Bearer env:{}", variable(&name)));
        made.needs.push(variable(&name));
    }
    made.needs.sort();
    made.needs.dedup();
    made.trouble = trouble(&made);
    made
}

fn transport(said: Option<&str>, url: Option<&str>, command: bool) -> &'static str {
    match (said.map(str::to_lowercase).as_deref(), url) {
        (Some("sse"), _) => "sse",
        (Some("ws" | "websocket"), _) => "websocket",
        (_, Some(url)) if url.starts_with("ws") => "websocket",
        (_, Some(_)) => "http",
        (Some("http" | "streamable-http" | "streamable_http"), None) if !command => "http",
        _ => "stdio",
    }
}

fn trouble(server: &Server) -> Option<String> {
    if server.command.is_none() && server.url.is_none() {
        return Some("it has neither `command` nor `url`".to_owned());
    }
    let texts = server.args.iter().chain(&server.command).chain(&server.url);
    if texts.into_iter().any(|text| text.len() > TEXT_BYTES_MAX || text.contains('\0')) {
        return Some(format!("its address or an argument is longer than {TEXT_BYTES_MAX} bytes"));
    }
    let most = server.args.len().max(server.env.len()).max(server.headers.len());
    (most > ENTRIES_MAX).then(|| format!("it has {most} arguments, variables or headers, more than {ENTRIES_MAX}"))
}

/// The variable that a value refers to already: `${NAME}`, `${env:NAME}`, `${NAME:-default}`, `Bearer ${NAME}`,
/// `env:NAME`.
fn referred(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let inner = match text.strip_prefix("env:") {
        Some(name) => name,
        None => {
            let (_, rest) = text.split_once("${")?;
            let (inner, _) = rest.split_once('}')?;
            inner.trim_start_matches("env:").trim_start_matches("input:").split(':').next().unwrap_or_default()
        }
    };
    let fits = !inner.is_empty()
        && inner.len() <= 100
        && inner.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    fits.then(|| variable(inner))
}

/// What stands before a secret in a header, which is none.
fn scheme(value: &str) -> &'static str {
    let known = ["Bearer ", "Basic ", "Token "];
    let begins = |head: &&&str| value.get(..head.len()).is_some_and(|it| it.eq_ignore_ascii_case(head));
    known.iter().find(begins).copied().unwrap_or_default()
}

/// The name of a variable that something could lie in.
fn variable(name: &str) -> String {
    let made: String =
        name.chars().take(64).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if made.starts_with(|c: char| c.is_ascii_digit()) { format!("_{made}") } else { made }
}

/// An address without what could be a secret in it: a user, a query's values, keys in the path. Of what stands before an
/// `@`, nobody can tell for sure where a password ends, so all of it is hidden.
fn hidden_url(url: &str, prefix: &str, needs: &mut Vec<String>) -> String {
    let mut hide = |what: &str| {
        let name = format!("{prefix}_{what}");
        needs.push(name.clone());
        format!("${{{name}}}")
    };
    let (scheme, rest) = url.split_once("://").map_or((None, url), |(scheme, rest)| (Some(scheme), rest));
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, host)) => (format!("{}@", hide("URL_USER")), host),
        None => (String::new(), rest),
    };
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let path = path.split('#').next().unwrap_or_default();
    // A long mixed part of a path is a key that stands in the address.
    let part = |part: &str| if is_key(part) || looks_secret(part) { hide("URL_KEY") } else { part.to_owned() };
    let path = path.split('/').map(part).collect::<Vec<_>>().join("/");
    let pairs = query.map(|query| {
        query.split('#').next().unwrap_or_default().split('&').map(|pair| match pair.split_once('=') {
            Some((key, _)) if !is_key(key) && !looks_secret(key) => format!("{key}={}", hide(&variable(key))),
            _ => hide("URL_QUERY"),
        })
    });
    let query = pairs.map(|pairs| format!("?{}", pairs.collect::<Vec<_>>().join("&"))).unwrap_or_default();
    let scheme = scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default();
    format!("{scheme}{user}{path}{query}")
}

fn is_key(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let upper = part.bytes().any(|b| b.is_ascii_uppercase()) && part.bytes().any(|b| b.is_ascii_lowercase());
    let plain = part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    plain && ((part.len() >= 16 && digits >= 3) || (part.len() >= 20 && upper))
}

/// A program; where it is written with arguments and any of them could be a secret, all of it is one.
fn program(command: &str, prefix: &str, needs: &mut Vec<String>) -> String {
    shown(command, &format!("{prefix}_COMMAND"), prefix, needs)
}

/// Arguments, where what follows `--token` and the like, or looks like a key, is a reference.
fn arguments(args: Option<&Value>, prefix: &str, needs: &mut Vec<String>) -> Vec<String> {
    let texts = args.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    list(texts, prefix, needs)
}

fn list<'a>(args: impl Iterator<Item = &'a str>, prefix: &str, needs: &mut Vec<String>) -> Vec<String> {
    let mut hide_next: Option<String> = None;
    let mut kept = Vec::new();
    for arg in args {
        let place = format!("{prefix}_ARG_{}", kept.len() + 1);
        kept.push(match hide_next.take() {
            Some(name) => {
                needs.push(name.clone());
                format!("${{{name}}}")
            }
            None => shown(arg, &place, prefix, needs),
        });
        if is_flag(arg) && (is_secret_flag(arg) || arg == "-H") {
            hide_next = Some(format!("{prefix}_{}", variable(arg.trim_start_matches('-'))));
        }
    }
    kept
}

/// One argument as it may be kept; `place` is the variable for one that is hidden whole.
fn shown(arg: &str, place: &str, prefix: &str, needs: &mut Vec<String>) -> String {
    let mut hide = |name: String| {
        needs.push(name.clone());
        format!("${{{name}}}")
    };
    // An address may hold `=`, so that it is looked for first.
    let own = arg.split_once('=').filter(|(flag, _)| is_name(flag));
    let (flag, value) = own.map_or((None, arg), |(flag, value)| (Some(flag), value));
    let named = flag.map(|flag| format!("{prefix}_{}", variable(flag.trim_start_matches('-'))));
    let before = flag.map(|flag| format!("{flag}=")).unwrap_or_default();
    let whole = || named.clone().unwrap_or_else(|| place.to_owned());
    if flag.is_some_and(is_secret_flag) || looks_secret(value) || says_secret(value) || hides_in_words(value, prefix) {
        return format!("{before}{}", hide(whole()));
    }
    if value.contains("://") {
        return format!("{before}{}", hidden_url(value, prefix, needs));
    }
    match names_user(value) {
        true => format!("{before}{}", hide(whole())),
        false => arg.to_owned(),
    }
}

/// Whether any word of a text with several is one that would be hidden.
fn hides_in_words(text: &str, prefix: &str) -> bool {
    let mut hidden = Vec::new();
    if text.trim().contains(char::is_whitespace) {
        let bare = |c: char| matches!(c, '"' | '\'' | '(' | ')' | ';' | ',');
        list(text.split_whitespace().map(|word| word.trim_matches(bare)), prefix, &mut hidden);
    }
    !hidden.is_empty()
}

/// Whether it is `user:password@host`, without a scheme before it.
fn names_user(text: &str) -> bool {
    let user = text.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    user.is_some_and(|(name, word)| !word.is_empty() && !name.contains(['/', '@']))
}

/// Whether a text of several parts names a secret: `Password=x;Host=y`, `{"apiKey": "x"}`, `Authorization: x`.
fn says_secret(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = rest.split_at(at);
        let name = before.trim_end_matches(['"', '\'', ' ']);
        let name =
            name.rsplit(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.')).next().unwrap_or_default();
        // Of an address, `hidden_url` tells.
        if is_secret_flag(name) && !after.starts_with("://") && !text.contains("://") {
            return true;
        }
        rest = after.get(1..).unwrap_or_default();
    }
    false
}

fn is_flag(arg: &str) -> bool {
    arg.starts_with('-') && is_name(arg)
}

/// Whether it can be the name of a flag or of a variable.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Whatever holds one of these names a secret.
const SECRET_PARTS: [&str; 12] = [
    "token",
    "key",
    "secret",
    "pass",
    "auth",
    "credential",
    "header",
    "bearer",
    "cookie",
    "session",
    "signature",
    "webhook",
];
/// A word that begins so does.
const SECRET_WORDS: [&str; 10] =
    ["pwd", "pw", "pat", "dsn", "conn", "connection", "connectionstring", "cred", "creds", "sig"];

fn is_secret_flag(flag: &str) -> bool {
    let lower = flag.to_lowercase();
    let parts =
        lower.split(|c: char| !c.is_alphanumeric()).map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
    let words = parts.chain(humps(flag));
    SECRET_PARTS.iter().any(|it| lower.contains(it)) || words.into_iter().any(is_secret_word)
}

fn is_secret_word(word: &str) -> bool {
    SECRET_WORDS.iter().any(|it| word.eq_ignore_ascii_case(it)) || word.to_lowercase().ends_with("pwd")
}

/// The words of `dbConnString`.
fn humps(text: &str) -> impl Iterator<Item = &str> {
    let mut begins: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_uppercase()).map(|(at, _)| at).collect();
    begins.push(text.len());
    let mut from = 0;
    begins.into_iter().filter_map(move |at| text.get(std::mem::replace(&mut from, at)..at)).filter(|it| !it.is_empty())
}

fn looks_secret(value: &str) -> bool {
    !value.contains('/') && !value.is_empty() && crate::text::redacted(value).is_empty()
}

/// JSON without the comments and the commas at the end that editors allow.
fn without_comments(text: &str) -> String {
    let (mut out, mut chars, mut quoted) = (String::with_capacity(text.len()), text.chars().peekable(), false);
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => {
                out.push(c);
                out.extend(chars.next());
                continue;
            }
            '"' => quoted = !quoted,
            '/' if !quoted && chars.peek() == Some(&'/') => {
                chars.by_ref().find(|c| *c == '\n');
                out.push('\n');
                continue;
            }
            '/' if !quoted && chars.peek() == Some(&'*') => {
                chars.next();
                let mut before = ' ';
                for c in chars.by_ref() {
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
                continue;
            }
            '}' | ']' if !quoted => {
                let kept = out.trim_end().len();
                if out[..kept].ends_with(',') {
                    out.truncate(kept - 1);
                }
            }
            _ => {}
        }
        out.push(c);
    }
    out
}
