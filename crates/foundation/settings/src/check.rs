//! What settings of the right types may still not say, alone or beside one another.
//!
//! Every trouble is found, not only the first. Which models exist and which kinds of provider there are is not known
//! here, so neither is judged.

mod access;
mod decisions;
mod flags;
mod search;
mod store;

use std::collections::BTreeMap;

use crate::balance::Replicas;
use crate::host::{is_authority, is_host_port, is_origin, url_trouble};
use crate::layer::element;
use crate::limits;
use crate::model::{Guard, Server, Settings};
use crate::panel::{Panel, Resolution, Route, Rule};
use crate::provider::{Aws, ModelEntry, Provider};
use crate::wording::cut;

/// The most providers, panels, routes or flags.
const SECTIONS_MAX: usize = 256;
/// The most models of one provider.
const MODELS_MAX: usize = 4096;
/// The most members of one panel.
const MEMBERS_MAX: usize = 64;
/// The fewest members asked first: one has nobody to agree with.
const FIRST_LEAST: usize = 2;
/// By how much the shares of a route's rules may miss 1, because thirds have no end.
const SLACK: f64 = 1e-6;
/// The most rules of one route, and the most models of one rule.
const RULES_MAX: usize = 64;
/// The most tags that one request can carry.
const TAGS_MAX: usize = 16;
/// The most entries in other lists.
const ENTRIES_MAX: usize = 256;
/// The most characters in a name.
const NAME_CHARS_MAX: usize = 200;

/// Headers that carry credentials, which belong elsewhere.
const CREDENTIALS: [&str; 5] = ["authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"];
/// Headers that belong to the connection.
const RESERVED: [&str; 6] = ["host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade"];

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) problem: String,
    pub(crate) hint: String,
}

/// Everything that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Notes what is wrong with the value at a path.
    pub(crate) fn add(&mut self, path: &str, problem: String, hint: &str) {
        self.0.push(Finding { path: path.to_owned(), problem, hint: hint.to_owned() });
    }

    fn refuse(&mut self, path: &str, problem: &str, hint: &str) {
        self.add(path, format!("`{path}` {problem}"), hint);
    }

    fn at_most(&mut self, path: &str, count: usize, most: usize) {
        if count > most {
            self.refuse(path, &format!("has `{count}` entries"), &format!("write at most {most}"));
        }
    }
}

/// Everything that is wrong with settings.
pub(crate) fn check(settings: &Settings) -> Vec<Finding> {
    let mut found = Findings::default();
    server(&settings.server, &mut found);
    guard(&settings.guard, &mut found);
    limits::balance(&settings.balance, &mut found);
    limits::cache(&settings.cache, &mut found);
    similar(settings, &mut found);
    replicas(&settings.replicas, &mut found);
    store::store(&settings.store, &mut found);
    access::access(&settings.access, &mut found);
    limits::budget(&settings.budget, &mut found);
    limits::ledger(&settings.ledger, &mut found);
    flags::flags(&settings.flag, &mut found);
    search::search(settings, &mut found);
    decisions::decisions(&settings.decisions, &mut found);
    found.at_most("provider", settings.provider.len(), SECTIONS_MAX);
    found.at_most("panel", settings.panel.len(), SECTIONS_MAX);
    found.at_most("route", settings.route.len(), SECTIONS_MAX);
    for (index, it) in settings.provider.iter().enumerate() {
        provider(&element("provider", index), it, &mut found);
    }
    for (index, it) in settings.panel.iter().enumerate() {
        panel(&element("panel", index), it, &mut found);
    }
    for (index, it) in settings.route.iter().enumerate() {
        route(&element("route", index), it, &mut found);
    }
    aliases(&settings.alias, &mut found);
    flags::conditions(&settings.route, &settings.flag, &mut found);
    clashes(settings, &mut found);
    found.0
}

fn server(server: &Server, found: &mut Findings) {
    limits::server(server, found);
    if !is_host_port(&server.bind) {
        let problem = format!("is `{}`, not an address", cut(&server.bind));
        found.refuse("server.bind", &problem, "write `host:port`, such as `127.0.0.1:8700` or `[::1]:8700`");
    }
    if let Some((problem, hint)) = server.public_url.as_deref().and_then(url_trouble) {
        found.refuse("server.public_url", &problem, hint);
    }
    found.at_most("server.allowed_hosts", server.allowed_hosts.len(), ENTRIES_MAX);
    found.at_most("server.allowed_origins", server.allowed_origins.len(), ENTRIES_MAX);
    for (index, host) in server.allowed_hosts.iter().enumerate().filter(|(_, host)| !is_authority(host)) {
        let path = element("server.allowed_hosts", index);
        found.refuse(&path, &format!("is `{}`, not a host", cut(host)), "write `host` or `host:port`");
    }
    for (index, origin) in server.allowed_origins.iter().enumerate().filter(|(_, origin)| !is_origin(origin)) {
        let path = element("server.allowed_origins", index);
        let hint = "write `scheme://host` or `scheme://host:port`, without a slash at the end";
        found.refuse(&path, &format!("is `{}`, not an origin", cut(origin)), hint);
    }
    access::proxies(&server.trusted_proxies, found);
    if let Some(tls) = &server.tls {
        access::tls(tls, found);
    }
}

fn guard(guard: &Guard, found: &mut Findings) {
    limits::guard(guard, found);
    found.at_most("guard.critical_tenants", guard.critical_tenants.len(), ENTRIES_MAX);
    for (index, _) in guard.critical_tenants.iter().enumerate().filter(|(_, tenant)| tenant.trim().is_empty()) {
        found.refuse(&element("guard.critical_tenants", index), "is empty", "name a tenant, or remove it");
    }
}

/// The model whose vectors tell which questions are similar must be one, whatever else is asked for by name: vectors of
/// different models have nothing in common.
fn similar(settings: &Settings, found: &mut Findings) {
    let (path, Some(model)) = ("cache.semantic.model", &settings.cache.semantic.model) else { return };
    let Some((provider, bare)) =
        model.split_once('/').filter(|(provider, bare)| !provider.is_empty() && !bare.is_empty())
    else {
        let problem = format!("is `{}`, which is not of the form `provider/model`", cut(model));
        found.refuse(path, &problem, "write the provider's name, a slash and the model's name");
        return;
    };
    // Without any in the settings, providers are looked for at the start.
    if settings.provider.is_empty() {
        return;
    }
    let Some(known) = settings.provider.iter().find(|known| known.name == provider) else {
        let names: Vec<String> = settings.provider.iter().map(|known| known.name.clone()).collect();
        let hint = crate::error::offer(provider, &names, "providers").unwrap_or_default();
        found.refuse(path, &format!("names the provider `{}`, which does not exist", cut(provider)), &hint);
        return;
    };
    if !known.models.is_empty() && !known.models.iter().any(|it| it.name == bare) {
        let hint = "add it to the provider's `models`, or name one of those";
        found.refuse(path, &format!("is `{}`, which `{}` does not list", cut(model), cut(provider)), hint);
    }
}

fn provider(path: &str, provider: &Provider, found: &mut Findings) {
    limits::provider(path, provider, found);
    name(&format!("{path}.name"), &provider.name, found);
    if provider.name.contains('/') {
        let problem = format!("is `{}`, with a slash in it", cut(&provider.name));
        found.refuse(&format!("{path}.name"), &problem, "the slash parts `provider/model`, leave it out of the name");
    }
    name(&format!("{path}.kind"), &provider.kind, found);
    if let Some((problem, hint)) = provider.base_url.as_deref().and_then(url_trouble) {
        found.refuse(&format!("{path}.base_url"), &problem, hint);
    }
    found.at_most(&format!("{path}.models"), provider.models.len(), MODELS_MAX);
    found.at_most(&format!("{path}.headers"), provider.headers.len(), ENTRIES_MAX);
    models(&format!("{path}.models"), &provider.models, found);
    if let Some(settings) = &provider.aws {
        aws(&format!("{path}.aws"), settings, found);
    }
    for (header, value) in &provider.headers {
        let path = crate::layer::join(&format!("{path}.headers"), header);
        if let Some((problem, hint)) = header_trouble(header, value) {
            found.refuse(&path, problem, hint);
        }
    }
}

/// A region becomes part of an address that keys are sent to: nothing in it may lead elsewhere.
fn aws(path: &str, aws: &Aws, found: &mut Findings) {
    let is_region = |text: &str| {
        !text.is_empty()
            && text.chars().count() <= NAME_CHARS_MAX
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    if let Some(region) = aws.region.as_deref().filter(|region| !is_region(region)) {
        let problem = format!("is `{}`, not a region", cut(region));
        found.refuse(&format!("{path}.region"), &problem, "write it like `eu-central-1`");
    }
    if aws.profile.as_deref().is_some_and(|profile| profile.trim().is_empty()) {
        found.refuse(&format!("{path}.profile"), "is empty", "name a profile of the credentials file, or leave it out");
    }
}

fn models(list: &str, models: &[ModelEntry], found: &mut Findings) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, model) in models.iter().enumerate() {
        let path = format!("{}.name", element(list, index));
        name(&path, &model.name, found);
        limits::model(&element(list, index), model, found);
        if let Some(upstream) = &model.upstream_name {
            name(&format!("{}.upstream_name", element(list, index)), upstream, found);
        }
        if let Some(first) = seen.insert(&model.name, index) {
            let problem = format!("is `{}`, which `{}` already is", cut(&model.name), element(list, first));
            found.refuse(&path, &problem, "name each model once");
        }
    }
}

fn header_trouble(name: &str, value: &str) -> Option<(&'static str, &'static str)> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = name.to_lowercase();
    if name.is_empty() || !name.bytes().all(token) {
        return Some(("is not the name of a header", "write letters, digits and dashes"));
    }
    if CREDENTIALS.contains(&lower.as_str()) {
        return Some(("carries a credential", "write it as `api_key = \"env:NAME\"`"));
    }
    if RESERVED.contains(&lower.as_str()) {
        return Some(("belongs to the connection", "leave it out"));
    }
    if !value.bytes().all(|byte| byte == b'\t' || (0x20..0x7f).contains(&byte)) {
        return Some(("has a value with line breaks or letters beyond ASCII", "write printable ASCII"));
    }
    None
}

fn panel(path: &str, panel: &Panel, found: &mut Findings) {
    limits::panel(path, panel, found);
    settled(path, panel, found);
    name(&format!("{path}.name"), &panel.name, found);
    let members = format!("{path}.members");
    if panel.members.is_empty() {
        found.refuse(&members, "is empty", "name at least one model");
    }
    found.at_most(&members, panel.members.len(), MEMBERS_MAX);
    for (index, member) in panel.members.iter().enumerate() {
        name(&format!("{}.model", element(&members, index)), &member.model, found);
    }
}

/// The beginning of keys must not be able to look like another's.
fn replicas(replicas: &Replicas, found: &mut Findings) {
    limits::replicas(replicas, found);
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let namespace = &replicas.namespace;
    if namespace.is_empty() || namespace.len() > NAME_CHARS_MAX || !namespace.bytes().all(known) {
        let problem = format!("is `{}`", cut(namespace));
        found.refuse("replicas.namespace", &problem, "write letters, digits, dashes, dots and underscores");
    }
}

/// A panel that has somebody settle its questions must name who, and one that is asked in two rounds must have both.
fn settled(path: &str, panel: &Panel, found: &mut Findings) {
    if panel.resolution != Resolution::Vote && panel.judge.is_none() {
        let hint = "name a model, or set `resolution` to `vote`";
        found.refuse(&format!("{path}.judge"), "is missing, and `resolution` asks for one", hint);
    }
    if let Some(judge) = &panel.judge {
        name(&format!("{path}.judge"), judge, found);
        if panel.resolution == Resolution::Vote {
            let hint = "set `resolution` to `judge` or `arbiter`, or remove it";
            found.refuse(&format!("{path}.judge"), "is never asked, as `resolution` is `vote`", hint);
        }
    }
    let members = panel.members.len();
    if let Some(first) = panel.first.filter(|first| !(FIRST_LEAST..=members).contains(first)) {
        let hint = match members {
            0..FIRST_LEAST => "nobody agrees with nobody else, remove it".to_owned(),
            FIRST_LEAST => "write 2, the number of members: nobody is of one mind alone".to_owned(),
            _ => format!("write 2 to {members}, the number of members: nobody is of one mind alone"),
        };
        found.refuse(&format!("{path}.first"), &format!("is `{first}`"), &hint);
    }
}

fn route(path: &str, route: &Route, found: &mut Findings) {
    name(&format!("{path}.name"), &route.name, found);
    limits::route(path, route, found);
    let rules = format!("{path}.rules");
    if route.rules.is_empty() {
        found.refuse(&rules, "is empty", "write at least one rule, such as `{ models = [\"NAME\"] }`");
    }
    found.at_most(&rules, route.rules.len(), RULES_MAX);
    let mut shares = 0.0;
    for (index, it) in route.rules.iter().enumerate() {
        let path = element(&rules, index);
        rule(&path, it, found);
        let share = it.when.as_ref().and_then(|when| when.share).filter(|share| (0.0..=1.0).contains(share));
        let before = shares;
        shares += share.unwrap_or_default();
        if before <= 1.0 + SLACK && shares > 1.0 + SLACK {
            let problem = format!("makes the shares of the route's rules `{}` together", thousandths(shares));
            let hint = "each share begins where the one before it ends, make them at most 1 together";
            found.refuse(&format!("{path}.when.share"), &problem, hint);
        }
    }
}

/// As people write it: sums of decimal fractions have long tails.
fn thousandths(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// An alias stands for what is asked, not for another alias: nobody should have to follow a chain of names.
fn aliases(aliases: &BTreeMap<String, String>, found: &mut Findings) {
    found.at_most("alias", aliases.len(), SECTIONS_MAX);
    for (alias, target) in aliases {
        let path = crate::layer::join("alias", alias);
        name(&path, alias.strip_suffix('*').filter(|start| !start.is_empty()).unwrap_or(alias), found);
        name(&path, target, found);
        if alias.trim_end_matches('*').contains('*') || alias.ends_with("**") {
            found.refuse(&path, "has a `*` before its end", "write one at the end, where it stands for any rest");
        }
        if aliases.contains_key(target) {
            let problem = format!("is `{}`, which is an alias too", cut(target));
            found.refuse(&path, &problem, "name the model, the panel or the route itself");
        }
    }
}

fn rule(path: &str, rule: &Rule, found: &mut Findings) {
    let models = format!("{path}.models");
    if rule.models.is_empty() {
        found.refuse(&models, "is empty", "name at least one model");
    }
    found.at_most(&models, rule.models.len(), RULES_MAX);
    for (index, model) in rule.models.iter().enumerate() {
        name(&element(&models, index), &model.model, found);
    }
    limits::rule(path, rule, found);
    let Some(when) = &rule.when else { return };
    if let (Some(least), Some(most)) = (when.prompt_chars_min, when.prompt_chars_max)
        && least > most
    {
        let path = format!("{path}.when.prompt_chars_min");
        let problem = format!("is `{least}`, above `prompt_chars_max`, which is `{most}`");
        found.refuse(&path, &problem, "no prompt can have that length, change one of them");
    }
    if let (Some(least), Some(below)) = (when.complexity_min, when.complexity_below)
        && least >= below
    {
        let problem = format!("is `{least}`, not below `complexity_below`, which is `{below}`");
        found.refuse(&format!("{path}.when.complexity_min"), &problem, "no question is that, change one of them");
    }
    let tags = format!("{path}.when.tags");
    found.at_most(&tags, when.tags.len(), TAGS_MAX);
    for (index, tag) in when.tags.iter().enumerate() {
        let path = element(&tags, index);
        name(&path, tag, found);
        if tag.contains(',') {
            let problem = format!("is `{}`, with a comma in it", cut(tag));
            found.refuse(&path, &problem, "a comma parts tags in `x-althing-tags`, write one entry for each");
        }
    }
}

fn name(path: &str, name: &str, found: &mut Findings) {
    if name.is_empty() {
        found.refuse(path, "is missing or empty", "give it a name");
    } else if name.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        found.refuse(path, &format!("is `{}`, with white space in it", cut(name)), "write a dash instead");
    } else if name.chars().count() > NAME_CHARS_MAX {
        let hint = format!("write at most {NAME_CHARS_MAX} characters");
        found.refuse(path, &format!("is `{}`, which is too long", cut(name)), &hint);
    }
}

/// Finds names that would leave open what a request for that `model` means.
fn clashes(settings: &Settings, found: &mut Findings) {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for (index, provider) in settings.provider.iter().enumerate() {
        claim(&mut taken, &provider.name, element("provider", index), found);
    }
    for (index, provider) in settings.provider.iter().enumerate() {
        for (at, model) in provider.models.iter().enumerate() {
            let path = element(&format!("{}.models", element("provider", index)), at);
            taken.entry(format!("{}/{}", provider.name, model.name)).or_insert_with(|| path.clone());
            taken.entry(model.name.clone()).or_insert(path);
        }
    }
    for (index, panel) in settings.panel.iter().enumerate() {
        claim(&mut taken, &panel.name, element("panel", index), found);
    }
    for (index, route) in settings.route.iter().enumerate() {
        claim(&mut taken, &route.name, element("route", index), found);
    }
    // An alias may take over a model's bare name, but not what a panel or a route is called.
    for alias in settings.alias.keys() {
        let named = |name: &str| name == alias;
        if settings.panel.iter().any(|panel| named(&panel.name)) || settings.route.iter().any(|it| named(&it.name)) {
            let path = crate::layer::join("alias", alias);
            found.refuse(&path, "is the name of a panel or a route too", "rename one of them");
        }
    }
}

fn claim(taken: &mut BTreeMap<String, String>, name: &str, path: String, found: &mut Findings) {
    if name.is_empty() {
        return;
    }
    match taken.get(name) {
        None => {
            taken.insert(name.to_owned(), path);
        }
        Some(other) => {
            let problem = format!("is `{}`, the name of `{other}` too", cut(name));
            found.refuse(
                &format!("{path}.name"),
                &problem,
                "a request must know which one it means, rename one of them",
            );
        }
    }
}
