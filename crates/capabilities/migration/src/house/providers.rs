//! Deployments as providers: grouped, named, with keys by reference.

use super::{BuiltProvider, MODELS_MAX, SECTIONS_MAX, is_name};
use crate::address;
use crate::deployment::{AwsKeys, Deployment};
use crate::litellm::usual_key;
use crate::notes::Notes;
use crate::secret::{Key, Variables};
use settings::{Aws, ModelEntry, Provider, SecretRef};
use std::collections::{BTreeMap, BTreeSet};

/// What deployments of one provider have in common.
type Common<'a> = (&'static str, Option<&'a str>, &'a Key, Option<&'a AwsKeys>, bool);

/// The providers, and what each deployment is called: `provider/model`, or nothing where it did not come along.
pub(super) fn build(deployments: &[Deployment], notes: &mut Notes) -> (Vec<BuiltProvider>, Vec<Option<String>>) {
    let mut maker = Maker { variables: Variables::default(), names: BTreeSet::new(), notes };
    deployments.iter().for_each(|deployment| maker.keep(deployment));
    let mut built = Vec::new();
    let mut ids = vec![None; deployments.len()];
    for group in grouped(deployments) {
        let members: Vec<&Deployment> = group.iter().filter_map(|at| deployments.get(*at)).collect();
        let Some(first) = members.first() else { continue };
        if built.len() == SECTIONS_MAX {
            maker.notes.leave(&first.from, format!("more than {SECTIONS_MAX} providers"));
            continue;
        }
        let (provider, models) = maker.provider(first, &members);
        for (at, model) in group.iter().zip(models) {
            if let (Some(id), Some(model)) = (ids.get_mut(*at), model) {
                *id = Some(format!("{}/{model}", provider.name));
            }
        }
        // With models that could not come along, it would answer to any name.
        if first.entry.is_some() && provider.models.is_empty() {
            continue;
        }
        let from = members.iter().map(|member| member.from.clone()).collect();
        built.push(BuiltProvider { provider, from });
    }
    (built, ids)
}

/// Which deployments belong together, in the order of their first; providers that answer to any name come first among
/// those of the same address, because they are called as clients know them.
fn grouped(deployments: &[Deployment]) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<Common<'_>, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let order = |open: bool| deployments.iter().enumerate().filter(move |(_, one)| one.entry.is_none() == open);
    for (at, one) in order(true).chain(order(false)) {
        let common = (one.kind, one.base_url.as_deref(), &one.key, one.aws.as_ref(), one.entry.is_none());
        let place = *places.entry(common).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups.sort_by_key(|group| group.first().copied());
    groups
}

struct Maker<'a> {
    variables: Variables,
    names: BTreeSet<String>,
    notes: &'a mut Notes,
}

impl Maker<'_> {
    /// Keeps variables that sources refer to from being given to other keys.
    fn keep(&mut self, deployment: &Deployment) {
        let aws = deployment.aws.iter();
        let aws = aws.flat_map(|aws| [&aws.access_key_id, &aws.secret_access_key, &aws.session_token]);
        for key in aws.chain([&deployment.key]) {
            if let Key::Env(name) = key {
                self.variables.keep(name);
            }
        }
    }

    /// The provider of a group, and what each model is called in it.
    fn provider(&mut self, first: &Deployment, members: &[&Deployment]) -> (Provider, Vec<Option<String>>) {
        let name = self.name(first);
        let times: BTreeSet<u64> = members.iter().filter_map(|member| member.timeout_ms).collect();
        if times.len() > 1 {
            let why = "the models of a provider share `timeout_ms`, the longest is taken";
            self.notes.leave(&first.from, why);
        }
        let wishes =
            [usual_key(first.kind).filter(|_| first.base_url.is_none()).map(str::to_owned), wish(&name, "API_KEY")];
        let api_key = self.key(&first.key, &first.key_from, wishes);
        let aws = first.aws.as_ref().map(|aws| self.aws(aws, &name, &first.key_from));
        let (models, called) = self.models(members);
        let provider = Provider {
            name,
            kind: first.kind.to_owned(),
            base_url: first.base_url.clone(),
            api_key,
            aws: aws.filter(|aws| *aws != Aws::default()),
            timeout_ms: times.last().copied(),
            models,
            ..Provider::default()
        };
        (provider, called)
    }

    /// A name that nobody has: what was wished for, with the place behind it, and else with a number.
    fn name(&mut self, first: &Deployment) -> String {
        let place = first.base_url.as_deref().map(address::word);
        let usual = match (&place, first.kind) {
            (Some(place), "openai") => place.clone(),
            _ => first.kind.to_owned(),
        };
        let base = plain(first.provider.as_deref().unwrap_or(&usual));
        let region = first.aws.as_ref().and_then(|aws| aws.region.clone());
        let behind = region.or(place).map(|place| format!("{base}-{}", plain(&place)));
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let names = [Some(base.clone()), behind].into_iter().flatten().chain(numbered);
        let name = names.into_iter().find(|name| !self.names.contains(name)).unwrap_or_default();
        self.names.insert(name.clone());
        name
    }

    fn key(&mut self, key: &Key, from: &str, wishes: [Option<String>; 2]) -> Option<SecretRef> {
        match key {
            Key::None => None,
            Key::Env(name) => Some(SecretRef::Env(name.clone())),
            Key::Literal(key) => {
                let wishes: Vec<String> = wishes.into_iter().flatten().collect();
                let name = self.variables.propose(key, &wishes);
                self.notes.leave(from, format!("keys are never copied: put it into the variable `{name}`"));
                Some(SecretRef::Env(name))
            }
        }
    }

    fn aws(&mut self, aws: &AwsKeys, provider: &str, from: &str) -> Aws {
        let mut key = |key: &Key, last: &str| {
            let wishes = [Some(format!("AWS_{last}")), wish(provider, last)];
            let place = from.strip_suffix("api_key").map(|start| format!("{start}aws_{}", last.to_lowercase()));
            self.key(key, place.as_deref().unwrap_or(from), wishes)
        };
        Aws {
            region: aws.region.clone(),
            profile: aws.profile.clone(),
            access_key_id: key(&aws.access_key_id, "ACCESS_KEY_ID"),
            secret_access_key: key(&aws.secret_access_key, "SECRET_ACCESS_KEY"),
            session_token: key(&aws.session_token, "SESSION_TOKEN"),
        }
    }

    /// The models of a group, each once; two that differ in their limits alone get different names.
    fn models(&mut self, members: &[&Deployment]) -> (Vec<ModelEntry>, Vec<Option<String>>) {
        let mut models: Vec<ModelEntry> = Vec::new();
        let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut names = BTreeSet::new();
        let mut called = Vec::new();
        for member in members {
            let Some(entry) = &member.entry else {
                called.push(None);
                continue;
            };
            if !is_name(&entry.name) || models.len() == MODELS_MAX {
                self.notes.leave(&member.from, format!("its model is no name, or one of more than {MODELS_MAX}"));
                called.push(None);
                continue;
            }
            let alike = places.entry(entry.name.clone()).or_default();
            let same = alike.iter().filter_map(|at| models.get(*at)).find(|known| is_same(known, entry));
            if let Some(known) = same {
                called.push(Some(known.name.clone()));
                continue;
            }
            let mut entry = entry.clone();
            if names.contains(&entry.name) {
                let upstream = entry.name.clone();
                let numbered = (2..).map(|number| format!("{upstream}-{number}"));
                entry.name = numbered.into_iter().find(|name| !names.contains(name)).unwrap_or_default();
                entry.upstream_name = Some(upstream);
            }
            if !is_name(&entry.name) {
                self.notes.leave(&member.from, "its model is no name");
                called.push(None);
                continue;
            }
            names.insert(entry.name.clone());
            alike.push(models.len());
            called.push(Some(entry.name.clone()));
            models.push(entry);
        }
        (models, called)
    }
}

/// Whether two entries are the same but for what they are called here.
fn is_same(known: &ModelEntry, entry: &ModelEntry) -> bool {
    let upstream = known.upstream_name.as_ref().unwrap_or(&known.name);
    *upstream == entry.name && ModelEntry { name: entry.name.clone(), upstream_name: None, ..known.clone() } == *entry
}

/// A name for a variable of a provider.
fn wish(provider: &str, last: &str) -> Option<String> {
    let upper = provider.to_uppercase();
    let word: String = upper.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    let before = if word.starts_with(|first: char| first.is_ascii_digit()) { "KEY_" } else { "" };
    Some(format!("{before}{word}_{last}"))
}

/// A word that can name a provider.
fn plain(word: &str) -> String {
    let kept = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    let plain: String = word.chars().take(100).map(kept).collect();
    let plain = plain.trim_matches(['-', '.']).to_owned();
    if plain.is_empty() { "provider".to_owned() } else { plain }
}
