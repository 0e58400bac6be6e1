//! Who lets callers in: asked once for each request, before anything else is looked at.

use crate::app::App;
use access::{Gate, Presented};
use axum::extract::Request;
use caller::{Guest, ToolFault};
use futures_util::future::BoxFuture;
use http::HeaderMap;
use origin::ClientAddr;
use routes::Refusal;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use store::Store;

/// An answer that is there at once, or after a look into the store.
pub enum Admitted {
    /// At once.
    Now(Result<Guest, ToolFault>),
    /// After a look.
    Later(BoxFuture<'static, Result<Guest, ToolFault>>),
}

/// Who lets callers in.
pub trait Admits: Send + Sync {
    /// Judges the credential in these headers, if there is one; `client` is who sent them.
    fn admit(&self, headers: &HeaderMap, client: IpAddr) -> Admitted;

    /// Whether figures can be read without a credential.
    fn metrics_open(&self) -> bool {
        false
    }

    /// Whether whatever it stands on answers.
    fn healthy(&self) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// The gate, and the store it stands on.
pub struct Desk {
    /// Who judges.
    pub gate: Arc<Gate>,
    /// What must answer for the server to be ready.
    pub store: Store,
}

impl Admits for Desk {
    fn admit(&self, headers: &HeaderMap, client: IpAddr) -> Admitted {
        let presented = Presented::from_headers(headers);
        if let Some(judged) = self.gate.admit_now(presented.as_ref(), client) {
            return Admitted::Now(judged.map_err(|denial| ToolFault::from(&denial)));
        }
        let gate = Arc::clone(&self.gate);
        Admitted::Later(Box::pin(async move {
            gate.admit(presented.as_ref(), client).await.map_err(|denial| ToolFault::from(&denial))
        }))
    }

    fn metrics_open(&self) -> bool {
        self.gate.metrics_open()
    }

    fn healthy(&self) -> BoxFuture<'static, Result<(), String>> {
        let store = self.store.clone();
        Box::pin(async move { store.ping().await.map_err(|error| error.to_string()) })
    }
}

impl Admitted {
    /// The guest, or why there is none.
    pub(crate) async fn known(self) -> Result<Guest, Box<Refusal>> {
        let admitted = match self {
            Self::Now(admitted) => admitted,
            Self::Later(looking) => looking.await,
        };
        admitted.map_err(|fault| Box::new(Refusal::of(&fault)))
    }
}

/// Asks who sends a request.
pub(crate) fn admit(app: &App, request: &Request) -> Admitted {
    // Every connection of the listener names its client; only tests in process have none.
    let client = request.extensions().get::<ClientAddr>().map_or(IpAddr::V6(Ipv6Addr::LOCALHOST), |client| client.0);
    app.0.admits.admit(request.headers(), client)
}
