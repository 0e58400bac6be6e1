//! Tools on their way in and out: into the store, then into the index, then to be seen, a slice at a time.
//!
//! The store comes first and says of each tool whether the index has it: what a crash leaves in between is made good when
//! the catalogue is opened.

use crate::catalogue::Entry;
use crate::document::document;
use crate::error::ToolboxError;
use crate::id::index_id;
use crate::tables::{self, Place, column};
use crate::{COLLECTION, Rules, Toolbox, read, write};
use caller::{Identity, Role};
use definitions::Definition;
use definitions::shape;
use definitions::{self, Contents, Defaults, Format, Report, definition};
use definitions::{Noted, Server};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Tools that go in together.
const SLICE: usize = 1_000;

/// The most servers that are known, of all tenants.
const UPSTREAMS_MAX: usize = 1_000;

/// An import in progress.
struct Intake<'a> {
    rules: Arc<Rules>,
    defaults: &'a Defaults,
    report: Report,
    /// The ids so far, with their lines.
    seen: HashMap<Arc<str>, usize>,
    servers: HashSet<String>,
    /// What was refused, as far as it has a name: it stays as it was.
    spared: HashSet<String>,
    /// Whether something was refused of which nobody can tell what it is.
    nameless: bool,
    /// What whoever imports may see and change.
    role: Role,
    waiting: Vec<(Definition, Entry)>,
}

impl<'a> Intake<'a> {
    fn new(rules: Arc<Rules>, defaults: &'a Defaults, report: Report, role: Role) -> Self {
        let (seen, servers, spared) = (HashMap::new(), HashSet::new(), HashSet::new());
        Self { rules, defaults, report, seen, servers, spared, nameless: false, role, waiting: Vec::new() }
    }

    /// Whether a tool goes that the document did not hold.
    fn sweeps(&self, entry: &Entry) -> bool {
        let own = self.defaults.server.as_deref().is_none_or(|server| *server == *entry.server);
        let held =
            self.seen.contains_key(&entry.id) || self.spared.contains(&*entry.id) || self.spared.contains(&*entry.name);
        own && self.servers.contains(&*entry.server) && !held && entry.role <= self.role
    }
}

impl Toolbox {
    /// Takes in what a document holds: tools as JSON Lines, as a JSON list or as OpenAPI, or the servers of an MCP client's
    /// configuration. What is wrong with some of them keeps none of the others out. It goes on to its end, whether or not
    /// somebody waits for it, and reads the document where nobody waits behind it.
    ///
    /// # Errors
    /// [`ToolboxError`]: the caller may not, the document cannot be read at all, or the store fails; what went in before
    /// stays.
    pub async fn import(
        self: &Arc<Self>,
        who: &Identity,
        bytes: &[u8],
        format: Option<Format>,
        mut defaults: Defaults,
    ) -> Result<Report, ToolboxError> {
        let rules = self.rules();
        permitted(who, &mut defaults)?;
        credential(&rules, &defaults)?;
        let (toolbox, bytes, here) = (Arc::clone(self), bytes.to_vec(), Handle::current());
        let role = who.role;
        let work = move || here.block_on(toolbox.take_in(&bytes, format, &defaults, (rules, role)));
        to_its_end(tokio::task::spawn_blocking(work)).await
    }

    async fn take_in(
        self: &Arc<Self>,
        bytes: &[u8],
        format: Option<Format>,
        defaults: &Defaults,
        (rules, role): (Arc<Rules>, Role),
    ) -> Result<Report, ToolboxError> {
        let unreadable = |(problem, hint)| ToolboxError::Import { problem, hint };
        let (format, contents) =
            definitions::open(bytes, format, defaults, rules.settings.schema_bytes_max).map_err(unreadable)?;
        let _alone = self.changing.lock().await;
        let report = Report { format: format.name(), ..Report::default() };
        let mut intake = Intake::new(rules, defaults, report, role);
        match contents {
            Contents::Items(items) => {
                for (line, item) in items {
                    let read = item.map_err(|why| (String::new(), why)).and_then(|item| named(item, defaults));
                    self.take(&mut intake, line, read, format).await?;
                }
            }
            Contents::Tools { tools, skipped } => {
                for (name, why) in skipped {
                    intake.spared.insert(name.clone());
                    intake.report.refuse(0, name, why);
                }
                for (at, tool) in tools.into_iter().enumerate() {
                    self.take(&mut intake, at + 1, Ok(tool), format).await?;
                }
            }
            Contents::Servers(servers) => self.keep_servers(&mut intake, servers).await?,
        }
        self.admit(&mut intake).await?;
        if defaults.replace {
            self.sweep(&mut intake).await?;
        }
        intake.report.catalog_version = self.catalog_version();
        self.show_change();
        Ok(intake.report)
    }

    async fn take(
        self: &Arc<Self>,
        intake: &mut Intake<'_>,
        line: usize,
        read: Result<Definition, (String, String)>,
        format: Format,
    ) -> Result<(), ToolboxError> {
        match read.and_then(|tool| self.judge(intake, line, tool, format)) {
            Ok(Some(fit)) => intake.waiting.push(fit),
            Ok(None) => intake.report.same += 1,
            Err((id, why)) => {
                intake.nameless |= id.is_empty();
                intake.spared.insert(id.clone());
                intake.report.refuse(line, id, why);
            }
        }
        if intake.waiting.len() >= SLICE {
            self.admit(intake).await?;
        }
        Ok(())
    }

    /// Whether a tool goes in; `None` for one that is there already.
    fn judge(
        &self,
        intake: &mut Intake<'_>,
        line: usize,
        mut tool: Definition,
        format: Format,
    ) -> Result<Option<(Definition, Entry)>, (String, String)> {
        let refuse = |tool: &Definition, why: String| Err((tool.id.to_string(), why));
        if let Some(first) = intake.seen.get(&tool.id) {
            return refuse(&tool, format!("its id is taken by line {first}"));
        }
        let bytes = tool.input_schema.to_string().len();
        let most = intake.rules.settings.schema_bytes_max;
        if bytes > most {
            return refuse(&tool, format!("its schema has {bytes} bytes, more than {most} (`tools.schema_bytes_max`)"));
        }
        if let Err(why) = shape(&tool.input_schema) {
            return refuse(&tool, why);
        }
        if tool.role > intake.role {
            return refuse(&tool, format!("its role `{}` is above yours", tool.role));
        }
        if format != Format::OpenApi {
            tool.source = format.name().to_owned();
        }
        let explicit = Some(tool.domain.as_str());
        tool.domain = intake.rules.domains.of(explicit, &tool.id, &tool.name, &tool.server, &tool.description);
        let catalogue = read(&self.catalogue);
        let before = catalogue.of(tool.tenant.as_deref(), &tool.id);
        if before.is_some_and(|before| before.role > intake.role) {
            // Whose it is, is not for whoever may not see it.
            return refuse(&tool, "its id is taken".to_owned());
        }
        if let Some(before) = before.filter(|before| *before.server != *tool.server) {
            return refuse(&tool, format!("its id is taken by a tool of the server `{}`", before.server));
        }
        let full = catalogue.len() + intake.waiting.len() >= intake.rules.settings.tools_max;
        if before.is_none() && full {
            let most = intake.rules.settings.tools_max;
            return refuse(&tool, format!("the catalogue holds {most} tools already (`tools.tools_max`)"));
        }
        let entry = Entry::of(&tool, before.map_or(1, |before| before.version + 1));
        intake.seen.insert(Arc::clone(&tool.id), line);
        intake.servers.insert(tool.server.clone());
        match before {
            Some(before) if before.hash == entry.hash => return Ok(None),
            Some(_) => intake.report.changed += 1,
            None => intake.report.added += 1,
        }
        Ok(Some((tool, entry)))
    }

    /// Puts a slice in.
    async fn admit(self: &Arc<Self>, intake: &mut Intake<'_>) -> Result<(), ToolboxError> {
        if intake.waiting.is_empty() {
            return Ok(());
        }
        let slice = Arc::new(std::mem::take(&mut intake.waiting));
        let version = tables::write(&self.store, Arc::clone(&slice)).await?;
        let tools: Vec<&Definition> = slice.iter().map(|(tool, _)| tool).collect();
        self.index(&tools).await?;
        let mut catalogue = write(&self.catalogue);
        slice.iter().for_each(|(_, entry)| catalogue.put(entry.clone()));
        catalogue.version = version;
        Ok(())
    }

    /// Puts tools into the index, and notes that they are there. A tool that changed its role leaves its old scope.
    async fn index(&self, tools: &[&Definition]) -> Result<(), ToolboxError> {
        let documents = tools.iter().map(|tool| document(tool)).collect();
        self.retrieval.put(&COLLECTION, documents).await?;
        let place = |tool: &&Definition| (column(tool.tenant.as_deref()).into(), Arc::clone(&tool.id));
        Ok(tables::indexed(&self.store, Arc::new(tools.iter().map(place).collect())).await?)
    }

    /// Removes the tools of the servers of an import that it did not hold, as far as whoever imports may see them. What it
    /// held and could not be taken stays; where nobody can tell what that was, everything does.
    async fn sweep(self: &Arc<Self>, intake: &mut Intake<'_>) -> Result<(), ToolboxError> {
        if intake.nameless {
            let why = "nothing of what was there is removed, as something that was refused has no name";
            intake.report.refuse(0, "", why);
            return Ok(());
        }
        let tenant = intake.defaults.tenant.as_deref();
        let mut gone: Vec<Place> = {
            let catalogue = read(&self.catalogue);
            let place = |entry: &Arc<Entry>| (column(tenant).into(), Arc::clone(&entry.id));
            catalogue.shelf(tenant).filter(|entry| intake.sweeps(entry)).map(place).collect()
        };
        if !intake.spared.is_empty() {
            gone = self.without_spared(intake, gone).await?;
        }
        for slice in gone.chunks(SLICE) {
            self.expel(slice.to_vec(), None).await?;
            intake.report.removed += slice.len();
        }
        Ok(())
    }

    /// Of an OpenAPI document, what was left out is known by method and path.
    async fn without_spared(&self, intake: &Intake<'_>, gone: Vec<Place>) -> Result<Vec<Place>, ToolboxError> {
        let mut kept = Vec::with_capacity(gone.len());
        for place in gone {
            let tool = tables::read(&self.store, own(&place.0), &place.1).await?;
            let http = tool
                .and_then(|tool| tool.http)
                .map(|http| format!("{} {}", http.operation.method, http.operation.path));
            if http.is_none_or(|key| !intake.spared.contains(&key)) {
                kept.push(place);
            }
        }
        Ok(kept)
    }

    /// Takes tools out: of sight, of the index, of the store. The version grows once more at the end: what was found in
    /// between was found among those that were on their way out.
    pub(crate) async fn expel(&self, places: Vec<Place>, must: Option<i64>) -> Result<(), ToolboxError> {
        let places = Arc::new(places);
        let version = tables::bury(&self.store, Arc::clone(&places), must).await?;
        {
            let mut catalogue = write(&self.catalogue);
            places.iter().for_each(|(tenant, id)| catalogue.remove(own(tenant), id));
            catalogue.version = version;
        }
        self.unindex(places).await?;
        let version = tables::bury(&self.store, Arc::default(), None).await?;
        write(&self.catalogue).version = version;
        Ok(())
    }

    async fn unindex(&self, places: Arc<Vec<Place>>) -> Result<(), ToolboxError> {
        let ids: Vec<Arc<str>> = places.iter().map(|(tenant, id)| index_id(own(tenant), id).into()).collect();
        self.retrieval.remove(&COLLECTION, &ids).await?;
        places.iter().for_each(|place| self.records.forget(place));
        Ok(tables::forget(&self.store, places).await?)
    }

    /// Makes good what a crash has left between store and index.
    pub(crate) async fn reconcile(&self) -> Result<(), ToolboxError> {
        loop {
            let (gone, new) = tables::unsettled(&self.store).await?;
            if gone.is_empty() && new.is_empty() {
                return Ok(());
            }
            tracing::info!(removed = gone.len(), put = new.len(), "the index is brought in line with the catalogue");
            if !gone.is_empty() {
                self.unindex(Arc::new(gone)).await?;
            }
            if !new.is_empty() {
                self.index(&new.iter().collect::<Vec<_>>()).await?;
            }
        }
    }

    async fn keep_servers(&self, intake: &mut Intake<'_>, servers: Vec<Server>) -> Result<(), ToolboxError> {
        let mut known = tables::servers(&self.store, None).await?.len();
        for (at, server) in servers.into_iter().enumerate() {
            if let Some(why) = server.trouble.clone() {
                intake.report.refuse(at + 1, server.name, why);
                continue;
            }
            if known >= UPSTREAMS_MAX {
                intake.report.refuse(
                    at + 1,
                    server.name,
                    format!("{UPSTREAMS_MAX} servers are known already; remove some"),
                );
                continue;
            }
            let (name, transport, needs) = (server.name.clone(), server.transport.clone(), server.needs.clone());
            let tenant = column(intake.defaults.tenant.as_deref()).into();
            let outcome = tables::keep_server(&self.store, tenant, server).await?;
            match outcome {
                "added" => {
                    known += 1;
                    intake.report.added += 1;
                }
                "changed" => intake.report.changed += 1,
                _ => intake.report.same += 1,
            }
            intake.report.upstreams.push(Noted { name, transport, outcome, needs });
        }
        Ok(())
    }
}

/// What a task came to that goes on when nobody waits for it any more: of a change, a part would be in the store and not
/// in memory.
pub(crate) async fn to_its_end<T>(task: JoinHandle<Result<T, ToolboxError>>) -> Result<T, ToolboxError> {
    task.await.unwrap_or_else(|broken| match broken.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(ToolboxError::Stopped),
    })
}

/// A tool with what it is called, where it cannot be read.
fn named(item: Value, defaults: &Defaults) -> Result<Definition, (String, String)> {
    let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let name = text("id").or_else(|| text("name")).unwrap_or_default();
    definition(item, defaults).map_err(|why| (name, why))
}

/// A tenant as memory has it.
pub(crate) fn own(column: &str) -> Option<&str> {
    (column != crate::id::EVERYBODY).then_some(column)
}

/// Operators import; those of a tenant for that tenant alone, and not above their own role.
fn permitted(who: &Identity, defaults: &mut Defaults) -> Result<(), ToolboxError> {
    if who.role < Role::Operator {
        let problem = format!("importing needs the role `operator`, and yours is `{}`", who.role);
        return Err(ToolboxError::Forbidden { problem, hint: "ask with a key of that role" });
    }
    if let Some(tenant) = &defaults.tenant
        && !caller::is_tenant(tenant)
    {
        let hint = "write 1 to 64 of `a`–`z`, `0`–`9`, `-`, `_` and `.`".to_owned();
        return Err(ToolboxError::argument("`tenant` is no name of a tenant", hint));
    }
    if defaults.role > who.role {
        let problem = format!("tools of the role `{}` are above yours, which is `{}`", defaults.role, who.role);
        return Err(ToolboxError::Forbidden { problem, hint: "leave `role` out, or name one that you have" });
    }
    match who.confined_to() {
        None => Ok(()),
        Some(own) if defaults.tenant.as_deref().is_none_or(|asked| asked == own) => {
            defaults.tenant = Some(own.into());
            Ok(())
        }
        Some(_) => {
            let problem = "tools of another tenant are not yours to import".to_owned();
            Err(ToolboxError::Forbidden { problem, hint: "leave `tenant` out" })
        }
    }
}

/// A credential that is named must exist, and be one for the tenant.
fn credential(rules: &Rules, defaults: &Defaults) -> Result<(), ToolboxError> {
    let Some(name) = &defaults.credential else { return Ok(()) };
    let tenant = defaults.tenant.as_deref();
    let fits = |it: &&settings::Credential| {
        it.tenants.is_empty() || tenant.is_none_or(|tenant| it.tenants.iter().any(|own| own == tenant))
    };
    let known: Vec<&str> = rules.settings.credential.iter().filter(fits).map(|it| it.name.as_str()).collect();
    if known.contains(&name.as_str()) {
        return Ok(());
    }
    let near = fault::nearest(name, known.iter().copied(), 3);
    let hint = match near.is_empty() {
        true => "an operator can set it up under `[[tools.credential]]`".to_owned(),
        false => format!("did you mean {}?", definitions::text::quoted(near)),
    };
    Err(ToolboxError::argument(format!("there is no credential `{}`", definitions::text::cut(name, 60)), hint))
}
