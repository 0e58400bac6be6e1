//! What the protocol asks, answered from the shelf.

use crate::McpConfig;
use crate::call::{self, Call};
use crate::shelf::Shelf;
use caller::Guest;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode, ErrorData,
    Implementation, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
    Tool as Shown,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "althing";
const TITLE: &str = "Althing";
const INSTRUCTIONS: &str = "Tools of one Althing server: a panel of language models and what it can look up. A result \
     marked as an error says what to change; repair the arguments and call again.";
/// How long a client of 2026-07-28 may reuse the list.
const LIST_TTL_MS: u64 = 60_000;

/// The server behind every session and every request; clones share the shelf.
#[derive(Clone)]
pub(crate) struct Handler {
    shelf: Arc<Shelf>,
    version: Arc<str>,
    deadline: Duration,
    /// Who speaks where there is no listener that asks.
    guest: Guest,
}

impl Handler {
    pub(crate) fn new(shelf: Shelf, config: &McpConfig) -> Self {
        let (version, guest) = (config.server_version.as_str().into(), config.guest.clone());
        Self { shelf: Arc::new(shelf), version, deadline: config.deadline, guest }
    }

    /// Who asks. A request over HTTP carries whom the listener has let in; without that, nobody is.
    fn guest(&self, context: &RequestContext<RoleServer>) -> Result<Guest, ErrorData> {
        let Some(parts) = context.extensions.get::<http::request::Parts>() else { return Ok(self.guest.clone()) };
        let nobody = || ErrorData::new(ErrorCode::INVALID_REQUEST, "nobody has let this request in", None);
        parts.extensions.get::<Guest>().cloned().ok_or_else(nobody)
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(NAME, &*self.version).with_title(TITLE))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if let Some(cursor) = page.and_then(|page| page.cursor) {
            let message = format!("unknown cursor `{cursor}`: the list has one page, ask without a cursor");
            return Err(ErrorData::invalid_params(message, None));
        }
        let list = ListToolsResult::with_all_items(self.shelf.list(self.guest(&context)?.identity.role));
        let modern = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        // Private, because what a caller may see depends on its key.
        Ok(if modern { list.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private) } else { list })
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
            "tools/list" => "`params` may hold a string `cursor` and nothing else",
            "initialize" => "`params` needs `protocolVersion`, `capabilities` and `clientInfo`",
            _ => return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None)),
        };
        let message = format!("the parameters of `{}` have a wrong shape: {hint}", request.method);
        Err(ErrorData::invalid_params(message, None))
    }
}
