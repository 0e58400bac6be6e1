//! All tools in memory, as little of each as finding and listing need, and who may see which.
//!
//! What a caller may not see does not exist for it: everything that names tools goes through [`Catalogue::get`] and
//! [`Catalogue::visible`]. Of two tools with one id, a tenant sees its own.

use crate::id::{self, EVERYBODY};
use caller::{Identity, Role};
use definitions::{Definition, Kind};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// The most ids that are compared with one that nobody knows.
const COMPARED_MAX: usize = 3_000;
/// The most ids that are looked through for those to compare.
const LOOKED_MAX: usize = 20_000;
/// The most ids offered for one that nobody knows.
pub(crate) const NEAREST_MAX: usize = 3;

/// What is kept of each tool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) id: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) server: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) domain: Arc<str>,
    pub(crate) role: Role,
    pub(crate) summary: Arc<str>,
    pub(crate) tags: Arc<[Arc<str>]>,
    pub(crate) read_only: bool,
    pub(crate) trusted_read_only: bool,
    /// What its definition takes in a model's context.
    pub(crate) tokens: u64,
    pub(crate) version: i64,
    /// Of the whole definition.
    pub(crate) hash: Arc<str>,
}

impl Entry {
    /// Of a definition; `version` is how often it was changed, from 1.
    pub(crate) fn of(tool: &Definition, version: i64) -> Self {
        let text = serde_json::to_vec(tool).unwrap_or_default();
        Self {
            tenant: tool.tenant.clone(),
            id: Arc::clone(&tool.id),
            name: tool.name.as_str().into(),
            server: tool.server.as_str().into(),
            kind: tool.kind,
            domain: tool.domain.as_str().into(),
            role: tool.role,
            summary: tool.summary().into(),
            tags: tool.tags.iter().map(|tag| tag.as_str().into()).collect(),
            read_only: tool.annotations.read_only,
            trusted_read_only: tool.trusted_read_only,
            tokens: tool.tokens(),
            version,
            hash: definitions::hex(&[&text]).into(),
        }
    }

    pub(crate) fn call_with(&self) -> &'static str {
        if self.trusted_read_only { "call_read_tool" } else { "call_tool" }
    }

    pub(crate) fn index_id(&self) -> Arc<str> {
        id::index_id(self.tenant.as_deref(), &self.id).into()
    }
}

/// Who looks: a tenant and a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Viewer {
    pub(crate) tenant: Arc<str>,
    pub(crate) role: Role,
}

impl Viewer {
    pub(crate) fn of(who: &Identity) -> Self {
        Self { tenant: Arc::clone(&who.tenant), role: who.role }
    }

    /// The scopes of the index that hold what it may see.
    pub(crate) fn scopes(&self) -> Vec<Arc<str>> {
        let roles = || Role::ALL.into_iter().filter(|role| *role <= self.role);
        let tenants = [EVERYBODY, &self.tenant];
        tenants.iter().flat_map(|tenant| roles().map(move |role| scope(tenant, role))).collect()
    }
}

/// The scope of the index that tools of a tenant and a role are in.
pub(crate) fn scope(tenant: &str, role: Role) -> Arc<str> {
    format!("{tenant}/{}", role.name()).into()
}

/// How much there is for a caller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) tools: usize,
    pub(crate) tokens: u64,
}

/// All tools.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// By tenant, `*` for everybody, then by id.
    shelves: HashMap<Arc<str>, BTreeMap<Arc<str>, Arc<Entry>>>,
    pub(crate) version: i64,
    totals: HashMap<Viewer, Totals>,
    count: usize,
}

impl Catalogue {
    pub(crate) fn new(entries: Vec<Entry>, version: i64) -> Self {
        let mut made = Self { version, ..Self::default() };
        entries.into_iter().for_each(|entry| made.put(entry));
        made
    }

    /// Takes a tool in, instead of the one of the same tenant and id.
    pub(crate) fn put(&mut self, entry: Entry) {
        let tenant = entry.tenant.clone().unwrap_or_else(|| EVERYBODY.into());
        let before = self.shelves.entry(tenant).or_default().insert(Arc::clone(&entry.id), Arc::new(entry));
        self.count += usize::from(before.is_none());
        self.totals.clear();
    }

    pub(crate) fn remove(&mut self, tenant: Option<&str>, id: &str) {
        let shelf = self.shelves.get_mut(tenant.unwrap_or(EVERYBODY));
        let gone = shelf.and_then(|shelf| shelf.remove(id));
        self.count -= usize::from(gone.is_some());
        self.totals.clear();
    }

    /// How many there are of all tenants.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The tool of exactly this tenant.
    pub(crate) fn of(&self, tenant: Option<&str>, id: &str) -> Option<&Arc<Entry>> {
        self.shelves.get(tenant.unwrap_or(EVERYBODY))?.get(id)
    }

    /// The tool that a caller means by an id, if it may.
    pub(crate) fn get(&self, viewer: &Viewer, id: &str) -> Option<&Arc<Entry>> {
        let own = self.of(Some(&viewer.tenant), id).filter(|entry| entry.role <= viewer.role);
        own.or_else(|| self.of(None, id)).filter(|entry| entry.role <= viewer.role)
    }

    /// The tool behind what the index calls it, if a caller may see it and it is what the id means to that caller.
    pub(crate) fn found(&self, viewer: &Viewer, index_id: &str) -> Option<&Arc<Entry>> {
        let (tenant, id) = id::of_index(index_id)?;
        self.get(viewer, id).filter(|entry| entry.tenant.as_deref() == tenant)
    }

    /// All tools of a tenant, by id, or of everybody.
    pub(crate) fn shelf(&self, tenant: Option<&str>) -> impl Iterator<Item = &Arc<Entry>> {
        self.shelves.get(tenant.unwrap_or(EVERYBODY)).into_iter().flat_map(BTreeMap::values)
    }

    /// All tools of all tenants.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.shelves.values().flat_map(BTreeMap::values)
    }

    /// All that a caller may see: those of everybody first, then its own.
    pub(crate) fn visible<'a>(&'a self, viewer: &'a Viewer) -> impl Iterator<Item = &'a Arc<Entry>> {
        let shared = self.shelf(None).filter(|it| !self.is_shadowed(viewer, it));
        shared.chain(self.shelf(Some(&viewer.tenant))).filter(|entry| entry.role <= viewer.role)
    }

    fn is_shadowed(&self, viewer: &Viewer, shared: &Entry) -> bool {
        self.of(Some(&viewer.tenant), &shared.id).is_some_and(|own| own.role <= viewer.role)
    }

    /// How much a caller may see; reckoned once after each change.
    pub(crate) fn totals(&mut self, viewer: &Viewer) -> Totals {
        if let Some(known) = self.totals.get(viewer) {
            return *known;
        }
        let add = |sum: Totals, entry: &Arc<Entry>| Totals { tools: sum.tools + 1, tokens: sum.tokens + entry.tokens };
        let made = self.visible(viewer).fold(Totals::default(), add);
        if self.totals.len() >= 10_000 {
            self.totals.clear();
        }
        self.totals.insert(viewer.clone(), made);
        made
    }

    /// How much a caller may see, where that was reckoned since the last change.
    pub(crate) fn known_totals(&self, viewer: &Viewer) -> Option<Totals> {
        self.totals.get(viewer).copied()
    }

    /// What a caller may see of the ids that begin in some way.
    fn beginning<'a>(&'a self, viewer: &'a Viewer, head: &str) -> impl Iterator<Item = &'a Arc<Entry>> {
        let of = |tenant: &str| {
            let (shelf, head) = (self.shelves.get(tenant), head.to_owned());
            let from = shelf.map(|shelf| shelf.range::<str, _>((Bound::Included(&*head), Bound::Unbounded)));
            let entries = from.into_iter().flatten().map(|(_, entry)| entry).take(COMPARED_MAX);
            entries.take_while(move |entry| entry.id.starts_with(&*head))
        };
        of(EVERYBODY).chain(of(&viewer.tenant)).filter(|entry| entry.role <= viewer.role)
    }

    /// The ids nearest to one that nobody knows, among those that a caller may see.
    pub(crate) fn nearest(&self, viewer: &Viewer, asked: &str) -> Vec<String> {
        let asked: String = asked.chars().take(200).collect::<String>().to_lowercase();
        let words: Vec<&str> = pieces(&asked).collect();
        // Comparing takes time, and looking too: of very many tools the order has those that begin alike at hand, and the
        // index finds others by their words.
        let shares = |entry: &&Arc<Entry>| {
            let id = entry.id.to_lowercase();
            words.iter().any(|word| id.contains(word)) || id.get(..3).is_some_and(|head| asked.starts_with(head))
        };
        let looked = || self.visible(viewer).take(LOOKED_MAX);
        let alike = self.beginning(viewer, asked.get(..3).unwrap_or(&asked)).take(COMPARED_MAX / 2);
        let mut near: Vec<&str> = alike.map(|entry| &*entry.id).collect();
        near.extend(looked().filter(shares).take(COMPARED_MAX / 2).map(|entry| &*entry.id));
        if near.is_empty() {
            near = looked().take(COMPARED_MAX).map(|entry| &*entry.id).collect();
        }
        near.sort_unstable();
        near.dedup();
        fault::nearest(&asked, near, NEAREST_MAX).into_iter().map(str::to_owned).collect()
    }
}

/// The words of an id that are worth looking for.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use definitions::{Defaults, definition};
    use serde_json::json;

    fn entry(tenant: Option<&str>, id: &str, role: Role) -> Entry {
        let defaults = Defaults { tenant: tenant.map(Arc::from), role, ..Defaults::default() };
        Entry::of(&definition(json!({ "name": id }), &defaults).unwrap(), 1)
    }

    fn viewer(tenant: &str, role: Role) -> Viewer {
        Viewer { tenant: tenant.into(), role }
    }

    fn made() -> Catalogue {
        let entries = vec![
            entry(None, "add_numbers", Role::User),
            entry(None, "drop_table", Role::Admin),
            entry(Some("acme"), "add_numbers", Role::User),
            entry(Some("acme"), "pay_salaries", Role::Operator),
            entry(Some("other"), "pay_taxes", Role::Viewer),
        ];
        Catalogue::new(entries, 7)
    }

    #[test]
    fn nobody_sees_more_than_it_may() {
        let mut all = made();
        let check = |tenant: &str, role, expect: &[(&str, &str)]| {
            let viewer = viewer(tenant, role);
            let shown = |it: &Arc<Entry>| (it.tenant.as_deref().unwrap_or("*").to_owned(), it.id.to_string());
            let seen: Vec<_> = all.visible(&viewer).map(shown).collect();
            let expect: Vec<_> = expect.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(seen, expect, "{tenant} {role}");
            for (_, id) in &seen {
                assert!(all.get(&viewer, id).is_some());
            }
        };
        check("acme", Role::Viewer, &[]);
        check("acme", Role::User, &[("acme", "add_numbers")]);
        check("acme", Role::Operator, &[("acme", "add_numbers"), ("acme", "pay_salaries")]);
        check("acme", Role::Admin, &[("*", "drop_table"), ("acme", "add_numbers"), ("acme", "pay_salaries")]);
        check("new", Role::User, &[("*", "add_numbers")]);
        assert_eq!(all.totals(&viewer("acme", Role::Admin)).tools, 3);
        assert_eq!(all.known_totals(&viewer("acme", Role::Admin)).map(|it| it.tools), Some(3));
        all.remove(None, "drop_table");
        assert_eq!((all.totals(&viewer("acme", Role::Admin)).tools, all.len()), (2, 4));
    }

    #[test]
    fn what_may_not_be_seen_is_not_offered_either() {
        let all = made();
        assert_eq!(all.nearest(&viewer("acme", Role::Operator), "pay_salary"), ["pay_salaries"]);
        assert!(all.nearest(&viewer("acme", Role::User), "pay_salaries").is_empty());
        assert!(all.get(&viewer("acme", Role::User), "pay_salaries").is_none());
        assert!(all.get(&viewer("acme", Role::User), "pay_taxes").is_none());
        assert_eq!(all.nearest(&viewer("new", Role::User), "ADD_NUMBER"), ["add_numbers"]);
    }

    #[test]
    fn of_very_many_the_nearest_is_found_without_looking_at_all() {
        let mut all = made();
        let tools: Vec<Entry> =
            (0..30_000).map(|at| Entry { id: format!("a{at:05}").into(), ..entry(None, "x", Role::User) }).collect();
        tools.into_iter().for_each(|tool| all.put(tool));
        all.put(entry(None, "zebra_count", Role::User));
        all.put(entry(None, "zebra_secret", Role::Admin));
        assert_eq!(all.nearest(&viewer("new", Role::User), "zebra_conut"), ["zebra_count"]);
        assert_eq!(all.beginning(&viewer("new", Role::User), "a").count(), COMPARED_MAX);
    }

    #[test]
    fn the_index_leads_to_the_tool_that_an_id_means() {
        let all = made();
        let viewer = viewer("acme", Role::User);
        let found = |id: &str| all.found(&viewer, id).and_then(|it| it.tenant.clone());
        assert_eq!(found("acme add_numbers").as_deref(), Some("acme"));
        assert!(all.found(&viewer, "* add_numbers").is_none(), "its own is meant");
        assert!(all.found(&viewer, "other pay_taxes").is_none());
        assert!(all.found(&viewer, "nonsense").is_none());
        assert_eq!(viewer.scopes().len(), 4);
        assert_eq!(&*viewer.scopes()[0], "*/viewer");
    }
}
