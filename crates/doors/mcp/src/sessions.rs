//! The sessions of clients of 2025-11-25 and older, bounded in number.
//!
//! The protocol crate's own store has no upper bound. This one gives the seat of the longest unused session to a new
//! client, and refuses only when every session was used so lately that it may have a call running. A client whose
//! seat was given away gets 404 at its next request and starts anew, as the protocol wants.

use futures_util::Stream;
use measure::Level;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::WorkerTransport;
use rmcp::transport::streamable_http_server::SessionId;
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionManager, LocalSessionManagerError, LocalSessionWorker,
};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionManager};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a session without any message lives.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);
/// What the refusal of a new session starts with, for the front to tell it from a defect.
pub(crate) const FULL: &str = "every session is in use";

/// One session.
struct Seat {
    used: Instant,
    /// Whoever opened it, once that is known; nobody else may use it.
    owner: Option<Arc<str>>,
}

/// A store of at most `most` sessions.
pub(crate) struct Sessions {
    local: LocalSessionManager,
    most: usize,
    /// A session used within this time may have a call running.
    busy: Duration,
    used: Mutex<HashMap<SessionId, Seat>>,
    /// Shows how many are held.
    level: Option<Level>,
    /// Held while a session is made, so that two clients never take one seat.
    seating: tokio::sync::Mutex<()>,
}

/// Why there is no such session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionFault {
    #[error("{FULL}: all {most} were used within the last {busy_s} s")]
    Full { most: usize, busy_s: u64 },
    #[error(transparent)]
    Local(#[from] LocalSessionManagerError),
}

impl Sessions {
    pub(crate) fn new(most: usize, deadline: Duration, level: Option<Level>) -> Self {
        let mut local = LocalSessionManager::default();
        // A call without any message in between must not look idle.
        local.session_config.keep_alive = Some(IDLE_MAX.max(deadline.saturating_mul(2)));
        Self { local, most, busy: deadline, used: Mutex::default(), level, seating: Default::default() }
    }

    pub(crate) fn active(&self) -> usize {
        self.used().len()
    }

    /// Shows how many sessions are held, after that has changed.
    fn show(&self) {
        if let Some(level) = &self.level {
            level.set(i64::try_from(self.active()).unwrap_or(i64::MAX));
        }
    }

    fn used(&self) -> MutexGuard<'_, HashMap<SessionId, Seat>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self, id: &SessionId) {
        if let Some(seat) = self.used().get_mut(id) {
            seat.used = Instant::now();
        }
    }

    /// Notes who has opened a session.
    pub(crate) fn own(&self, id: &str, subject: &Arc<str>) {
        if let Some(seat) = self.used().get_mut(id) {
            seat.owner.get_or_insert_with(|| Arc::clone(subject));
        }
    }

    /// Whether a session is somebody else's.
    pub(crate) fn is_foreign(&self, id: &str, subject: &str) -> bool {
        self.used().get(id).is_some_and(|seat| seat.owner.as_deref().is_some_and(|owner| owner != subject))
    }

    /// The session to give up, if there is no seat left: none when there is one, a refusal when all are busy.
    fn make_room(&self) -> Result<Option<SessionId>, SessionFault> {
        let mut used = self.used();
        if used.len() < self.most {
            return Ok(None);
        }
        let oldest = used.iter().min_by_key(|(_, seat)| seat.used).map(|(id, seat)| (id.clone(), seat.used.elapsed()));
        match oldest {
            Some((id, idle)) if idle > self.busy => {
                used.remove(&id);
                Ok(Some(id))
            }
            _ => Err(SessionFault::Full { most: self.most, busy_s: self.busy.as_secs() }),
        }
    }
}

impl SessionManager for Sessions {
    type Error = SessionFault;
    type Transport = WorkerTransport<LocalSessionWorker>;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionFault> {
        let _seating = self.seating.lock().await;
        if let Some(oldest) = self.make_room()? {
            tracing::info!("gave up the longest unused session to make room");
            self.local.close_session(&oldest).await?;
        }
        let (id, transport) = self.local.create_session().await?;
        self.used().insert(id.clone(), Seat { used: Instant::now(), owner: None });
        self.show();
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionFault> {
        Ok(self.local.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionFault> {
        self.touch(id);
        Ok(self.local.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionFault> {
        self.used().remove(id);
        self.show();
        Ok(self.local.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        Ok(self.local.create_stream(id, message).await?)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionFault> {
        Ok(self.local.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        Ok(self.local.create_standalone_stream(id).await?)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionFault> {
        Ok(self.local.resume(id, last_event_id).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::{SessionFault, Sessions};
    use rmcp::transport::streamable_http_server::session::SessionManager;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn the_longest_unused_session_makes_room() {
        let level = measure::Metrics::new("test").sessions_active().clone();
        let sessions = Sessions::new(2, Duration::from_secs(60), Some(level.clone()));
        let (first, _first) = sessions.create_session().await.unwrap();
        let (second, _second) = sessions.create_session().await.unwrap();
        assert!(matches!(sessions.create_session().await, Err(SessionFault::Full { most: 2, busy_s: 60 })));

        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(sessions.has_session(&first).await.unwrap());
        let (third, _third) = sessions.create_session().await.unwrap();
        assert!(!sessions.has_session(&second).await.unwrap());
        assert!(sessions.has_session(&first).await.unwrap() && sessions.has_session(&third).await.unwrap());
        assert_eq!((sessions.active(), level.value()), (2, 2));

        sessions.close_session(&first).await.unwrap();
        assert_eq!((sessions.active(), level.value()), (1, 1));
    }
}
