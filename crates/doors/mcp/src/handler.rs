//! What the protocol asks, answered from the shelf.

use crate::McpConfig;
use crate::call::{self, Call};
use crate::read::Reading;
use crate::shelf::Shelf;
use caller::{Caller, Guest};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode, ErrorData,
    Implementation, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourcesCapability,
    ServerCapabilities, ServerConfig, Tool as Shown,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "althing";
const TITLE: &str = "Althing";
const INSTRUCTIONS: &str = "Tools of one Althing server: a panel of language models, a catalogue of tools to find and \
     call, decisions between options. A result marked as an error says what to change; repair the arguments and call again.";
/// How long a client of 2026-07-28 may reuse the list.
const LIST_TTL_MS: u64 = 60_000;

/// The server behind every session and every request; clones share the shelf.
#[derive(Clone)]
pub(crate) struct Handler {
    shelf: Arc<Shelf>,
    reading: Reading,
    version: Arc<str>,
    deadline: Duration,
    /// Who speaks where there is no listener that asks.
    guest: Guest,
}

impl Handler {
    pub(crate) fn new(shelf: Shelf, reading: Reading, config: &McpConfig) -> Self {
        let (version, guest) = (config.server_version.as_str().into(), config.guest.clone());
        Self { shelf: Arc::new(shelf), reading, version, deadline: config.deadline, guest }
    }

    /// Who asks. A request over HTTP carries whom the listener has let in; without that, nobody is.
    fn guest(&self, context: &RequestContext<RoleServer>) -> Result<Guest, ErrorData> {
        let Some(parts) = context.extensions.get::<http::request::Parts>() else { return Ok(self.guest.clone()) };
        let nobody = || ErrorData::new(ErrorCode::INVALID_REQUEST, "nobody has let this request in", None);
        parts.extensions.get::<Guest>().cloned().ok_or_else(nobody)
    }

    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        Ok(call::caller(self.deadline, self.guest(context)?))
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder().enable_tools().build();
        if !self.reading.is_empty() {
            capabilities.resources = Some(ResourcesCapability::default());
        }
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(NAME, &*self.version).with_title(TITLE))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        one_page(page)?;
        let list = ListToolsResult::with_all_items(self.shelf.list(self.guest(&context)?.identity.role));
        // Private, because what a caller may see depends on its key.
        Ok(if is_modern(&context) { list.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private) } else { list })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let call = Call {
            name: request.name.into_owned(),
            arguments: Value::Object(request.arguments.unwrap_or_default()),
            deadline: self.deadline,
            guest: self.guest(&context)?,
        };
        Ok(call::run(&self.shelf, call, context).await.into())
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        one_page(page)?;
        let list = ListResourcesResult::with_all_items(self.reading.list(&self.caller(&context)?).await?);
        Ok(if is_modern(&context) { list.with_ttl_ms(0).with_cache_scope(CacheScope::Private) } else { list })
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        one_page(page)?;
        self.guest(&context)?;
        let list = ListResourceTemplatesResult::with_all_items(self.reading.templates());
        Ok(if is_modern(&context) { list.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private) } else { list })
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = self.caller(&context)?;
        let read = tokio::select! {
            biased;
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("the client does not wait", None)),
            read = self.reading.read(&caller, &request.uri) => read?,
        };
        let result = ReadResourceResult::new(vec![read]);
        let result =
            if is_modern(&context) { result.with_ttl_ms(0).with_cache_scope(CacheScope::Private) } else { result };
        Ok(result.into())
    }

    fn get_tool(&self, name: &str) -> Option<Shown> {
        self.shelf.shown(name)
    }

    /// Whatever fits no known request ends here, also a known one whose parameters have a wrong shape.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let hint = match request.method.as_str() {
            "tools/call" => "`params` needs a string `name` and, if any, an object `arguments`",
            "resources/read" => "`params` needs a string `uri`",
            "tools/list" | "resources/list" | "resources/templates/list" => {
                "`params` may hold a string `cursor` and nothing else"
            }
            "initialize" => "`params` needs `protocolVersion`, `capabilities` and `clientInfo`",
            _ => return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None)),
        };
        let message = format!("the parameters of `{}` have a wrong shape: {hint}", request.method);
        Err(ErrorData::invalid_params(message, None))
    }
}

/// Lists come whole: no cursor was ever given out.
fn one_page(page: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    let Some(cursor) = page.and_then(|page| page.cursor) else { return Ok(()) };
    let message = format!("unknown cursor `{cursor}`: the list has one page, ask without a cursor");
    Err(ErrorData::invalid_params(message, None))
}

fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}
