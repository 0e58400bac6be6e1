//! What is done beside serving: checkpoints of the audit log, scheduled backups.

use access::{Access, keep_checkpoints};
use settings::Settings;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Runs for as long as it is polled.
pub(super) async fn run(access: Arc<Access>, settings: Settings, data: PathBuf) {
    let every = Duration::from_secs(settings.access.checkpoint_s);
    let checkpoints = keep_checkpoints(Arc::clone(&access.audit), data.clone(), every);
    checkpoints.await;
}

/// The last thing before the store is closed.
pub(super) async fn last(access: &Access, data: &Path) {
    if let Err(error) = access.audit.checkpoint(data).await {
        tracing::warn!(%error, "no last checkpoint of the audit log could be written");
    }
}
