//! The catalogue for people and scripts: listed in pages, told in full, counted, removed from.

use crate::admit::{own, to_its_end};
use crate::catalogue::{Catalogue, Entry, Viewer};
use crate::error::ToolboxError;
use crate::kept::{self, Thing};
use crate::tables::{self, column};
use crate::{Toolbox, read};
use cache::Made;
use caller::{Identity, Role, ToolFault};
use definitions::Server;
use definitions::text::cut;
use definitions::{Definition, Kind};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::{Page, decode_cursor, page_limit};

/// The most tools in the statistics of calls.
const COUNTED_MAX: usize = 100;

/// Which tools are listed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// Of one server.
    pub server: Option<String>,
    /// Of one domain.
    pub domain: Option<String>,
    /// That carry a tag.
    pub tag: Option<String>,
    /// Of one kind.
    pub kind: Option<Kind>,
    /// For those who see all tenants: of this one alone.
    pub tenant: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// The most of a page, 1 to 1,000; 100 where nothing is said.
    pub limit: Option<usize>,
}

/// A tool in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// By which it is described and called.
    pub id: Arc<str>,
    /// Its own name.
    pub name: Arc<str>,
    /// Who offers it.
    pub server: Arc<str>,
    /// What kind of thing it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it is about.
    pub domain: Arc<str>,
    /// What it does, in a line.
    pub summary: Arc<str>,
    /// Words to filter by.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub tags: Arc<[Arc<str>]>,
    /// Whose it is; nobody's: everybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Arc<str>>,
    /// Who may find and call it.
    pub role: &'static str,
    /// Whether it says that it changes nothing.
    pub read_only: bool,
    /// Whether the operator vouches for that.
    pub trusted_read_only: bool,
    /// The tool that calls it.
    pub call_with: &'static str,
    /// How often it was changed, from 1; what is removed or replaced by version is this.
    pub version: i64,
}

impl From<&Entry> for Listed {
    fn from(entry: &Entry) -> Self {
        Self {
            id: Arc::clone(&entry.id),
            name: Arc::clone(&entry.name),
            server: Arc::clone(&entry.server),
            kind: entry.kind,
            domain: Arc::clone(&entry.domain),
            summary: Arc::clone(&entry.summary),
            tags: Arc::clone(&entry.tags),
            tenant: entry.tenant.clone(),
            role: entry.role.name(),
            read_only: entry.read_only,
            trusted_read_only: entry.trusted_read_only,
            call_with: entry.call_with(),
            version: entry.version,
        }
    }
}

/// A tool in full.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// What it is.
    pub definition: Arc<Definition>,
    /// How often it was changed, from 1.
    pub version: i64,
    /// How often it was called from here.
    pub calls: i64,
    /// The share of those that succeeded.
    pub success_rate: Option<f64>,
    /// What half of the last hundred successful calls took at most, in milliseconds.
    pub p50_ms: Option<u32>,
}

impl Info {
    /// As it is shown: the definition, with how its calls went. The number of changes is `catalog_version`'s neighbour
    /// `revision`, as `version` is the tool's own.
    pub fn shown(&self) -> Value {
        let mut shown = self.definition.shown();
        shown["revision"] = json!(self.version);
        shown["call_with"] = json!(self.definition.call_with());
        shown["calls"] = json!(self.calls);
        if let Some(rate) = self.success_rate {
            shown["success_rate"] = json!(rate);
        }
        if let Some(p50) = self.p50_ms {
            shown["p50_ms"] = json!(p50);
        }
        shown
    }
}

/// How many tools a domain has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainCount {
    /// Its name.
    pub name: String,
    /// How many tools.
    pub tools: usize,
    /// The words that put tools into it.
    pub keywords: Vec<String>,
}

/// How calls of one tool went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolCount {
    /// Which tool.
    pub id: Arc<str>,
    /// How often it was called.
    pub calls: i64,
    /// The share of those that succeeded.
    pub success_rate: Option<f64>,
    /// What half of the last hundred successful calls took at most, in milliseconds.
    pub p50_ms: Option<u32>,
}

/// The catalogue in figures, as far as the caller may see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// How many tools.
    pub tools: usize,
    /// What their definitions take in a model's context: a token for every four bytes.
    pub tokens: u64,
    /// The version of the catalogue.
    pub catalog_version: i64,
    /// Tools by domain.
    pub by_domain: BTreeMap<Arc<str>, usize>,
    /// Tools by server.
    pub by_server: BTreeMap<Arc<str>, usize>,
    /// Tools by kind.
    pub by_type: BTreeMap<&'static str, usize>,
    /// The tools that were called most.
    pub most_called: Vec<ToolCount>,
    /// Documents of the index, those that have vectors, and those that wait for them.
    pub index: IndexCount,
    /// Tokens that searches saved the caller's tenant since the start of this server; all tenants, for those who run the
    /// house.
    pub tokens_saved_total: u64,
}

/// How far the index is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexCount {
    /// Documents that can be found.
    pub documents: usize,
    /// Those that have vectors.
    pub embedded: usize,
    /// Those that wait for vectors.
    pub waiting: usize,
    /// The model that makes vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Where the model works, where that can be more than one place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What is missing, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
}

/// A server that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// Whose it is; nobody's: everybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Arc<str>>,
    /// What it is.
    #[serde(flatten)]
    pub server: Server,
    /// Whether it is connected: not yet.
    pub connected: bool,
}

/// Whose tools somebody lists: with everything of everybody, for those who run the house.
fn sees_all(who: &Identity) -> bool {
    who.confined_to().is_none()
}

impl Toolbox {
    /// A page of the tools that the caller may see, by id; those who run the house see every tenant's.
    ///
    /// # Errors
    /// [`ToolboxError::Cursor`].
    pub async fn list(self: &Arc<Self>, who: &Identity, wanted: &Wanted) -> Result<Value, ToolboxError> {
        let ttl_s = self.rules().settings.catalog_ttl_s;
        let version = self.catalog_version();
        let epoch = self.epoch.load(Ordering::Relaxed);
        let asked = format!("{wanted:?}");
        let key = kept::key(&[
            b"catalog:v2",
            who.tenant.as_bytes(),
            who.role.name().as_bytes(),
            &version.to_le_bytes(),
            &epoch.to_le_bytes(),
            asked.as_bytes(),
        ]);
        let (toolbox, who, tenant) = (Arc::clone(self), who.clone(), Arc::clone(&who.tenant));
        let wanted = wanted.clone();
        let make = move |_| async move {
            let page = toolbox.page(&who, &wanted).map_err(|error| ToolFault::from(&error))?;
            let told = json!({ "data": page.entries, "cursor": page.cursor, "catalog_version": version });
            Ok(Made { value: Thing::Page(Arc::new(told)), life: kept::life(true) })
        };
        match self.cache.get_or(kept::wanted(key, &tenant, ttl_s), make).await {
            Ok(answer) => match answer.value {
                Thing::Page(page) => Ok(Value::clone(&page)),
                _ => Ok(Value::Null),
            },
            Err(failed) => Err(failed.error.into()),
        }
    }

    /// A page of the tools that the caller may see, as values.
    ///
    /// # Errors
    /// [`ToolboxError::Cursor`].
    pub fn page(&self, who: &Identity, wanted: &Wanted) -> Result<Page<Listed>, ToolboxError> {
        let limit = page_limit(wanted.limit);
        let after = wanted.cursor.as_deref().map(|cursor| decode_cursor(cursor, 2)).transpose()?;
        let after =
            after.map(|key| (key.first().cloned().unwrap_or_default(), key.last().cloned().unwrap_or_default()));
        let fits = |entry: &&Arc<Entry>| {
            let same = |asked: &Option<String>, own: &str| asked.as_deref().is_none_or(|asked| asked == own);
            same(&wanted.server, &entry.server)
                && same(&wanted.domain, &entry.domain)
                && wanted.kind.is_none_or(|kind| kind == entry.kind)
                && wanted.tag.as_deref().is_none_or(|tag| entry.tags.iter().any(|own| **own == *tag))
                && wanted.tenant.as_deref().is_none_or(|tenant| column(entry.tenant.as_deref()) == tenant)
        };
        let catalogue = read(&self.catalogue);
        let viewer = Viewer::of(who);
        let mut all: Vec<&Arc<Entry>> = seen(&catalogue, &viewer, who).filter(fits).collect();
        let key = |entry: &Entry| (entry.id.to_string(), column(entry.tenant.as_deref()).to_owned());
        if let Some(after) = &after {
            all.retain(|entry| key(entry) > *after);
        }
        let place = |entry: &&Arc<Entry>| (Arc::clone(&entry.id), entry.tenant.clone());
        if all.len() > limit + 1 {
            // The page alone is put in order, not the whole.
            all.select_nth_unstable_by_key(limit, place);
            all.truncate(limit + 1);
        }
        all.sort_by_key(place);
        let listed = all.into_iter().map(|entry| Listed::from(&**entry)).collect();
        Ok(Page::cut(listed, limit, |it: &Listed| vec![it.id.to_string(), column(it.tenant.as_deref()).to_owned()]))
    }

    /// A tool in full.
    ///
    /// # Errors
    /// [`ToolboxError::Unknown`] with the nearest ids that the caller may see.
    pub async fn get(self: &Arc<Self>, who: &Identity, id: &str) -> Result<Info, ToolboxError> {
        let entry = self.entry(&Viewer::of(who), id).await?;
        let definition = self.definition(&entry).await?;
        let record = self.records.of(&entry);
        Ok(Info {
            definition,
            version: entry.version,
            calls: record.calls,
            success_rate: record.success_rate(),
            p50_ms: record.p50_ms(),
        })
    }

    /// Removes a tool; `version` is how often it must have been changed, where that matters. Operators of a tenant remove
    /// their tenant's tools, those of the house everybody's; `tenant` says whose, for them. It goes on to its end, whether
    /// or not somebody waits for it.
    ///
    /// # Errors
    /// [`ToolboxError`]: the caller may not, nobody knows the tool, or it has changed meanwhile.
    pub async fn remove(
        self: &Arc<Self>,
        who: &Identity,
        tenant: Option<&str>,
        id: &str,
        version: Option<i64>,
    ) -> Result<(), ToolboxError> {
        let (toolbox, who, id) = (Arc::clone(self), who.clone(), id.to_owned());
        let tenant = tenant.map(str::to_owned);
        let work = async move { toolbox.take_out(&who, tenant.as_deref(), &id, version).await };
        to_its_end(tokio::spawn(work)).await
    }

    async fn take_out(
        &self,
        who: &Identity,
        tenant: Option<&str>,
        id: &str,
        version: Option<i64>,
    ) -> Result<(), ToolboxError> {
        let _alone = self.changing.lock().await;
        let entry = self.whose(who, tenant, id).await?;
        if who.role < Role::Operator || !(sees_all(who) || entry.tenant.as_deref() == who.confined_to()) {
            let problem = format!("`{}` is not yours to remove", entry.id);
            return Err(ToolboxError::Forbidden {
                problem,
                hint: "ask with a key of an operator, of whose tool it is",
            });
        }
        if let Some(asked) = version.filter(|asked| *asked != entry.version) {
            tracing::debug!(id, asked, version = entry.version, "a stale removal");
            return Err(ToolboxError::Stale { id: id.to_owned(), version: entry.version });
        }
        let place = (column(entry.tenant.as_deref()).into(), Arc::clone(&entry.id));
        self.expel(vec![place], version).await?;
        self.show_change();
        Ok(())
    }

    async fn whose(&self, who: &Identity, tenant: Option<&str>, id: &str) -> Result<Arc<Entry>, ToolboxError> {
        if let Some(tenant) = tenant.filter(|_| sees_all(who)) {
            let found = read(&self.catalogue).of(own(tenant), id).filter(|entry| entry.role <= who.role).cloned();
            return found.ok_or_else(|| ToolboxError::Unknown { what: "tool", id: cut(id, 100), nearest: Vec::new() });
        }
        self.entry(&Viewer::of(who), id).await
    }

    /// The domains, each with how many of the caller's tools are in it.
    pub fn domains(&self, who: &Identity) -> Vec<DomainCount> {
        let counts = self.counts(who).by_domain;
        let rules = self.rules();
        let mut all: Vec<DomainCount> = rules
            .domains
            .all()
            .map(|(name, keywords)| DomainCount {
                name: name.to_owned(),
                tools: counts.get(name).copied().unwrap_or(0),
                keywords: keywords.to_vec(),
            })
            .collect();
        // Tools say of themselves where they belong, too.
        let known: Vec<String> = all.iter().map(|it| it.name.clone()).collect();
        let more = counts.iter().filter(|(name, _)| !known.iter().any(|it| **it == ***name));
        all.extend(more.map(|(name, tools)| DomainCount {
            name: name.to_string(),
            tools: *tools,
            keywords: Vec::new(),
        }));
        all
    }

    /// The catalogue in figures, as far as the caller may see it.
    pub fn statistics(&self, who: &Identity) -> Statistics {
        self.counts(who)
    }

    fn counts(&self, who: &Identity) -> Statistics {
        let catalogue = read(&self.catalogue);
        let viewer = Viewer::of(who);
        let progress = self.retrieval.progress();
        let index = IndexCount {
            documents: progress.documents,
            embedded: progress.embedded,
            waiting: progress.waiting,
            model: progress.model,
            place: progress.place,
            degraded: progress.degraded,
        };
        let mut counted = Statistics {
            tools: 0,
            tokens: 0,
            catalog_version: catalogue.version,
            by_domain: BTreeMap::new(),
            by_server: BTreeMap::new(),
            by_type: BTreeMap::new(),
            most_called: Vec::new(),
            index,
            tokens_saved_total: self.saved.of(who.confined_to()),
        };
        for entry in seen(&catalogue, &viewer, who) {
            counted.tools += 1;
            counted.tokens += entry.tokens;
            *counted.by_domain.entry(Arc::clone(&entry.domain)).or_default() += 1;
            *counted.by_server.entry(Arc::clone(&entry.server)).or_default() += 1;
            *counted.by_type.entry(entry.kind.name()).or_default() += 1;
            let record = self.records.of(entry);
            if record.calls > 0 {
                counted.most_called.push(ToolCount {
                    id: Arc::clone(&entry.id),
                    calls: record.calls,
                    success_rate: record.success_rate(),
                    p50_ms: record.p50_ms(),
                });
            }
        }
        counted.most_called.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.id.cmp(&b.id)));
        counted.most_called.truncate(COUNTED_MAX);
        counted
    }

    /// The servers that are known to the caller's tenant, or to all for those who run the house. How they are reached is for
    /// operators of whose they are.
    ///
    /// # Errors
    /// [`ToolboxError::Store`].
    pub async fn upstreams(&self, who: &Identity) -> Result<Vec<Upstream>, ToolboxError> {
        let found = tables::servers(&self.store, who.confined_to()).await?;
        let told = |(tenant, server): (Arc<str>, Server)| {
            let theirs = who.confined_to().is_none_or(|confined| confined == &*tenant);
            let outside =
                |server: Server| Server { name: server.name, transport: server.transport, ..Server::default() };
            Upstream {
                tenant: own(&tenant).map(Arc::from),
                server: if theirs && who.role >= Role::Operator { server } else { outside(server) },
                connected: false,
            }
        };
        Ok(found.into_iter().map(told).collect())
    }

    /// Forgets a server.
    ///
    /// # Errors
    /// [`ToolboxError`]: the caller may not, or there is none of that name that is its business.
    pub async fn remove_upstream(&self, who: &Identity, name: &str) -> Result<(), ToolboxError> {
        if who.role < Role::Operator {
            let problem = format!("removing servers needs the role `operator`, and yours is `{}`", who.role);
            return Err(ToolboxError::Forbidden { problem, hint: "ask with a key of that role" });
        }
        let tenant = who.confined_to().unwrap_or(crate::id::EVERYBODY);
        if tables::forget_server(&self.store, tenant, name).await? {
            return Ok(());
        }
        let known = self.upstreams(who).await?;
        let names = known.iter().map(|it| it.server.name.as_str());
        let nearest = fault::nearest(name, names, 3).into_iter().map(str::to_owned).collect();
        Err(ToolboxError::Unknown { what: "server", id: cut(name, 100), nearest })
    }
}

/// All that somebody sees in lists.
fn seen<'a>(
    catalogue: &'a Catalogue,
    viewer: &'a Viewer,
    who: &Identity,
) -> Box<dyn Iterator<Item = &'a Arc<Entry>> + 'a> {
    match sees_all(who) {
        true => Box::new(catalogue.all().filter(|entry| entry.role <= viewer.role)),
        false => Box::new(catalogue.visible(viewer)),
    }
}
