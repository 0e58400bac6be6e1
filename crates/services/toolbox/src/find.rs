//! Finding tools: from a question to a few of thousands, as short as the caller wants it.

use crate::catalogue::{NEAREST_MAX, Viewer};
use crate::document::{READ_ONLY, domain_tag, server_tag, word_tag};
use crate::error::ToolboxError;
use crate::kept::{self, Ranked, Thing};
use crate::{Toolbox, read};
use cache::Made;
use caller::{Caller, ToolFault};
use definitions::tokens;
use retrieval::{Asked, Collection};
use search::Filter;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The most tools of one answer.
pub(crate) const LIMIT_MAX: usize = 100;
/// What decides about an answer besides what is asked: raised when ranking changes its meaning.
const POLICY: &[u8] = b"1";
/// How much of a question counts, in bytes.
const QUERY_BYTES_MAX: usize = 8 * 1024;
/// What the arguments of all tools of an answer may take, in bytes.
const SCHEMAS_BYTES_MAX: usize = 1 << 20;
/// How many more are looked for than are wanted: some may be hidden behind a tenant's own.
const SPARE: usize = 10;

/// How much is told of each tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// Its id, and how to call it.
    Names,
    /// What it does, too.
    #[default]
    Summary,
    /// Its arguments, too.
    Schema,
}

impl Detail {
    /// The detail that a word names: `names`, `summary` or `schema`.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "names" => Self::Names,
            "summary" => Self::Summary,
            "schema" => Self::Schema,
            _ => return None,
        })
    }
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Find {
    /// In the words of whoever needs it.
    pub query: String,
    /// The most tools, 1 to 100.
    pub limit: usize,
    /// Of one server only.
    pub server: Option<String>,
    /// That carry all of these.
    pub tags: Vec<String>,
    /// That are trusted to change nothing.
    pub read_only: bool,
    /// Of one domain only; `auto`: of the one that the query is about, and of all where it is about none or nothing is
    /// found there.
    pub domain: Option<String>,
    /// How much is told of each.
    pub detail: Detail,
    /// About how many tokens the answer may take; tools at its end are left out.
    pub max_tokens: usize,
}

impl Default for Find {
    fn default() -> Self {
        Self {
            query: String::new(),
            limit: 5,
            server: None,
            tags: Vec::new(),
            read_only: false,
            domain: None,
            detail: Detail::Summary,
            max_tokens: 2_000,
        }
    }
}

impl Find {
    /// All but the question.
    fn parts(&self) -> Self {
        let (server, tags, domain) = (self.server.clone(), self.tags.clone(), self.domain.clone());
        let Self { limit, read_only, detail, max_tokens, .. } = *self;
        Self { query: String::new(), limit, server, tags, read_only, domain, detail, max_tokens }
    }
}

/// The beginning of a question, as far as it counts.
pub(crate) fn within_bytes(query: &str) -> &str {
    query.get(..query.floor_char_boundary(QUERY_BYTES_MAX)).unwrap_or_default()
}

/// A tool that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundTool {
    /// By which it is described and called.
    pub id: Arc<str>,
    /// Who offers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Arc<str>>,
    /// What it does, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Arc<str>>,
    /// How good it is among those found for this question, 0 to 1.
    pub score: f64,
    /// The tool that calls it: `call_read_tool` or `call_tool`.
    pub call_with: &'static str,
    /// Its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
}

/// What an answer spares the model's context; tokens are reckoned as bytes divided by four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spared {
    /// What this answer takes.
    pub answer: u64,
    /// What the definitions of all permitted tools would take.
    pub catalog: u64,
    /// The difference.
    pub saved: u64,
    /// What all answers to the caller's tenant saved since the start of this server.
    pub saved_total: u64,
    /// How tokens are reckoned.
    pub method: &'static str,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Best first.
    pub tools: Vec<FoundTool>,
    /// Whether some were left out for want of room.
    pub truncated: bool,
    /// The version of the catalogue.
    pub catalog_version: i64,
    /// How many tools there are for the caller.
    pub total_available: usize,
    /// Whether nothing says that any of them has to do with the question.
    pub weak: bool,
    /// What was missing, where something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
    /// The domain that was looked through, where that was decided here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// What the answer spares.
    pub tokens: Spared,
}

impl Toolbox {
    /// Finds tools that the caller may use.
    ///
    /// # Errors
    /// [`ToolboxError`]: an argument is wrong, a server is unknown, or finding failed.
    pub async fn find(self: &Arc<Self>, caller: &Caller, find: &Find) -> Result<Answer, ToolboxError> {
        let viewer = Viewer::of(&caller.guest.identity);
        let find = &Find { query: within_bytes(&find.query).to_owned(), ..find.parts() };
        self.check(&viewer, find)?;
        let (ranked, version) = self.ranked(&viewer, find).await?;
        let (found, cut) = self.told(&viewer, &ranked, find).await?;
        let answer = self.within(&viewer, found, &ranked, find, version);
        let answer = Answer { truncated: answer.truncated || cut, ..answer };
        let ids = answer.tools.iter().map(|tool| Arc::clone(&tool.id)).collect();
        self.recent.note(&caller.guest.identity, &find.query, ids);
        Ok(answer)
    }

    fn check(&self, viewer: &Viewer, find: &Find) -> Result<(), ToolboxError> {
        if find.query.trim().is_empty() {
            let hint = "say in a few words what the tool should do".to_owned();
            return Err(ToolboxError::argument("`query` is empty", hint));
        }
        if !(1..=LIMIT_MAX).contains(&find.limit) {
            return Err(ToolboxError::argument(format!("`limit` must be 1 to {LIMIT_MAX}"), None));
        }
        if find.tags.len() > 16 {
            return Err(ToolboxError::argument("`tags` must hold 16 words at most", None));
        }
        if let Some(server) = &find.server {
            self.known(viewer, "server", server, |entry| &entry.server)?;
        }
        match find.domain.as_deref() {
            Some(domain) if domain != AUTO => self.known(viewer, "domain", domain, |entry| &entry.domain),
            _ => Ok(()),
        }
    }

    /// Whether any tool that the caller may see has something; else the nearest that they have.
    fn known(
        &self,
        viewer: &Viewer,
        what: &'static str,
        asked: &str,
        of: impl Fn(&crate::catalogue::Entry) -> &Arc<str>,
    ) -> Result<(), ToolboxError> {
        let catalogue = read(&self.catalogue);
        let mut all: Vec<&str> = Vec::new();
        for entry in catalogue.visible(viewer) {
            let own = of(entry);
            if &**own == asked {
                return Ok(());
            }
            if !all.contains(&&**own) && all.len() < 1_000 {
                all.push(own);
            }
        }
        let nearest = fault::nearest(asked, all, NEAREST_MAX).into_iter().map(str::to_owned).collect();
        Err(ToolboxError::Unknown { what, id: definitions::text::cut(asked, 100), nearest })
    }

    /// What a search finds, from the cache where it was asked before.
    async fn ranked(self: &Arc<Self>, viewer: &Viewer, find: &Find) -> Result<(Arc<Ranked>, i64), ToolboxError> {
        let version = read(&self.catalogue).version;
        let key = self.search_key(viewer, find, version);
        let ttl_s = self.rules().settings.search_ttl_s;
        if ttl_s == 0 {
            return Ok((Arc::new(self.search(viewer, find).await?.0), version));
        }
        let tenant = Arc::clone(&viewer.tenant);
        let (toolbox, viewer, find) = (Arc::clone(self), viewer.clone(), find.clone());
        let make = move |_| async move {
            let (ranked, good) = toolbox.search(&viewer, &find).await.map_err(|error| ToolFault::from(&error))?;
            Ok(Made { value: Thing::Ranked(Arc::new(ranked)), life: kept::life(good) })
        };
        match self.cache.get_or(kept::wanted(key, &tenant, ttl_s), make).await {
            Ok(answer) => match answer.value {
                Thing::Ranked(ranked) => Ok((ranked, version)),
                _ => Ok((Arc::default(), version)),
            },
            Err(failed) => Err(failed.error.into()),
        }
    }

    pub(crate) fn search_key(&self, viewer: &Viewer, find: &Find, version: i64) -> cache::Key {
        let beside = json!([find.server, find.tags, find.read_only, find.domain]).to_string();
        let learned = self.recent.epoch(&viewer.tenant);
        kept::key(&[
            b"search",
            find.query.trim().as_bytes(),
            &version.to_le_bytes(),
            &find.limit.to_le_bytes(),
            viewer.tenant.as_bytes(),
            viewer.role.name().as_bytes(),
            beside.as_bytes(),
            &learned.to_le_bytes(),
            &self.epoch.load(Ordering::Relaxed).to_le_bytes(),
            self.model.as_deref().unwrap_or_default().as_bytes(),
            POLICY,
        ])
    }

    /// Searches, and whether the answer is worth keeping: one that lacks vectors will be a better one soon.
    async fn search(&self, viewer: &Viewer, find: &Find) -> Result<(Ranked, bool), ToolboxError> {
        let domain = match find.domain.as_deref() {
            Some(AUTO) => self.rules().domains.of_question(&find.query).map(str::to_owned),
            _ => None,
        };
        if let Some(domain) = &domain {
            let narrow = self.look(viewer, find, Some(domain)).await?;
            if !narrow.0.hits.is_empty() && !narrow.0.weak {
                return Ok((Ranked { domain: Some(domain.clone()), ..narrow.0 }, narrow.1));
            }
        }
        let explicit = find.domain.as_deref().filter(|domain| *domain != AUTO);
        self.look(viewer, find, explicit).await
    }

    async fn look(&self, viewer: &Viewer, find: &Find, domain: Option<&str>) -> Result<(Ranked, bool), ToolboxError> {
        let one = |tag: Arc<str>| vec![tag];
        let mut all: Vec<Vec<Arc<str>>> = Vec::new();
        all.extend(find.server.as_deref().map(|server| one(server_tag(server))));
        all.extend(find.tags.iter().map(|tag| one(word_tag(tag))));
        all.extend(find.read_only.then(|| one(READ_ONLY.into())));
        all.extend(domain.map(|domain| one(domain_tag(domain))));
        let asked = Asked {
            collection: &Collection::Tools,
            scopes: &viewer.scopes(),
            tenant: &viewer.tenant,
            text: find.query.trim(),
            filter: &Filter { all },
            limit: find.limit + SPARE,
        };
        let found = self.retrieval.search(asked).await?;
        // Where nobody makes vectors, nothing better is to be waited for.
        let settled = self.model.is_none() || found.degraded.is_none() && self.retrieval.progress().waiting == 0;
        let ranked = Ranked {
            hits: found.hits.into_iter().map(|hit| (hit.id, hit.score)).collect(),
            weak: found.weak,
            degraded: found.degraded.map(String::from),
            domain: None,
        };
        Ok((ranked, settled))
    }

    /// The tools found, told in the detail that is wanted; whether some were left out, as their arguments take too much.
    async fn told(
        self: &Arc<Self>,
        viewer: &Viewer,
        ranked: &Ranked,
        find: &Find,
    ) -> Result<(Vec<FoundTool>, bool), ToolboxError> {
        let entries: Vec<_> = {
            let catalogue = read(&self.catalogue);
            let own = |(id, score): &(Arc<str>, f32)| Some((Arc::clone(catalogue.found(viewer, id)?), *score));
            ranked.hits.iter().filter_map(own).take(find.limit).collect()
        };
        let mut tools = Vec::with_capacity(entries.len());
        let mut room = SCHEMAS_BYTES_MAX;
        for (entry, score) in entries {
            let mut schema = None;
            if find.detail == Detail::Schema {
                let tool = self.definition(&entry).await?;
                match room.checked_sub(tool.input_schema.to_string().len()) {
                    Some(left) => room = left,
                    None if !tools.is_empty() => return Ok((tools, true)),
                    // The best is told without them.
                    None => room = 0,
                }
                schema = (room > 0).then(|| tool.input_schema.clone());
            }
            let told = find.detail != Detail::Names;
            tools.push(FoundTool {
                id: Arc::clone(&entry.id),
                server: Some(Arc::clone(&entry.server)).filter(|server| told && !server.is_empty()),
                summary: told.then(|| Arc::clone(&entry.summary)),
                score: (f64::from(score) * 1_000.0).round() / 1_000.0,
                call_with: entry.call_with(),
                input_schema: schema,
            });
        }
        Ok((tools, false))
    }

    /// The answer, without the tools at its end that it has no room for. The best is told whatever room there is, without
    /// its arguments if need be.
    fn within(&self, viewer: &Viewer, found: Vec<FoundTool>, ranked: &Ranked, find: &Find, version: i64) -> Answer {
        let totals = self.totals(viewer);
        let (mut used, mut truncated, mut tools) = (0, false, Vec::with_capacity(found.len()));
        for mut tool in found {
            let size = |tool: &FoundTool| tokens(serde_json::to_string(tool).unwrap_or_default().len() + 1);
            let room = (find.max_tokens as u64).saturating_sub(used);
            if size(&tool) > room {
                truncated = true;
                if !tools.is_empty() {
                    break;
                }
                tool.input_schema = None;
            }
            used += size(&tool);
            tools.push(tool);
        }
        // What stands around the tools.
        let answer = used + 40;
        let saved = totals.tokens.saturating_sub(answer);
        let saved_total = self.saved.add(&viewer.tenant, saved);
        self.metrics.tokens_saved.add(saved);
        let spared = Spared { answer, catalog: totals.tokens, saved, saved_total, method: "bytes/4" };
        Answer {
            tools,
            truncated,
            catalog_version: version,
            total_available: totals.tools,
            weak: ranked.weak,
            degraded: self.degraded(ranked),
            domain: ranked.domain.clone(),
            tokens: spared,
        }
    }

    /// What is missing, of the search and of this moment: the latter is not kept with what was found.
    fn degraded(&self, ranked: &Ranked) -> Option<String> {
        let away = self.remote.as_ref().is_some_and(|remote| !remote.reachable());
        let words: Vec<&str> = ranked.degraded.as_deref().into_iter().chain(away.then_some(REDIS_AWAY)).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// What is said while the tier that replicas share does not answer.
const REDIS_AWAY: &str = "Redis is away: this server keeps what it finds for itself";

/// The domain that a query is about.
pub(crate) const AUTO: &str = "auto";
