//! What can be read by its address: definitions of tools, and results that were too large to be told.

use crate::Toolbox;
use crate::catalogue::Viewer;
use crate::error::ToolboxError;
use crate::results::{Named, address, named, tool_address};
use caller::{Caller, Content, LinksFuture, ReadFuture, ResourceLink, ResourceTemplate, Resources, ToolFault};
use definitions::text::cut;
use std::sync::Arc;

/// The most results that are listed.
const LISTED_MAX: usize = 100;

/// The catalogue as something to read from.
pub(crate) struct Readable(Arc<Toolbox>);

impl Toolbox {
    /// What can be read by its address, for doors that show resources.
    pub fn resources(self: &Arc<Self>) -> Arc<dyn Resources> {
        Arc::new(Readable(Arc::clone(self)))
    }

    /// Reads a result or a tool's definition by its address.
    ///
    /// # Errors
    /// [`ToolboxError::Unknown`]: there is none, or the caller may not know of it.
    pub async fn resource(self: &Arc<Self>, caller: &Caller, uri: &str) -> Result<Content, ToolboxError> {
        let who = &caller.guest.identity;
        match named(uri) {
            Some(Named::Result(id)) => {
                let kept = self.results.get(&who.tenant, id);
                // A result is of the tool it came from: who may not see that one may not see what it said.
                let viewer = Viewer::of(who);
                let kept = kept.filter(|kept| crate::read(&self.catalogue).get(&viewer, &kept.tool).is_some());
                let kept = kept.ok_or_else(|| unknown("result", uri))?;
                Ok(Content { bytes: kept.bytes.to_vec(), mime: kept.mime })
            }
            Some(Named::Tool(id)) => {
                let shown = self.get(who, &id).await?.shown();
                Ok(Content { bytes: shown.to_string().into_bytes(), mime: "application/json".to_owned() })
            }
            None => Err(unknown("resource", uri)),
        }
    }
}

fn unknown(what: &'static str, uri: &str) -> ToolboxError {
    ToolboxError::Unknown { what, id: cut(uri, 100), nearest: Vec::new() }
}

impl Resources for Readable {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![
            ResourceTemplate {
                uri: "tool://{id}",
                name: "tool",
                description: "A tool's whole definition, by its id.",
                mime: "application/json",
            },
            ResourceTemplate {
                uri: "tool://result/{id}",
                name: "result",
                description: "A result that was too large to be told; kept for an hour.",
                mime: "application/octet-stream",
            },
        ]
    }

    fn list<'a>(&'a self, caller: &'a Caller) -> LinksFuture<'a> {
        let viewer = Viewer::of(&caller.guest.identity);
        let results = self.0.results.list(&viewer.tenant);
        let catalogue = crate::read(&self.0.catalogue);
        let seen = results.into_iter().filter(|kept| catalogue.get(&viewer, &kept.tool).is_some());
        let link = |kept: crate::results::Kept| ResourceLink {
            uri: address(&kept.id),
            name: format!("result of {}", kept.tool),
            description: format!("see {}", tool_address(&kept.tool)),
            mime: kept.mime,
            size: Some(kept.bytes.len() as u64),
        };
        let links = seen.take(LISTED_MAX).map(link).collect();
        Box::pin(std::future::ready(Ok(links)))
    }

    fn read<'a>(&'a self, caller: &'a Caller, uri: &'a str) -> ReadFuture<'a> {
        Box::pin(async move { self.0.resource(caller, uri).await.map_err(|error| ToolFault::from(&error)) })
    }
}
