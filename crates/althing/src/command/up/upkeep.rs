//! What is done beside serving: code and memory that only a start needs are let go; checkpoints of the audit log,
//! scheduled backups.

use crate::house::House;
use audit::keep_checkpoints;
use settings::Settings;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Seconds in an hour.
const HOUR_S: u64 = 3_600;
/// How long after a start its code is let go: by then vectors that are kept are read, and a certificate is.
const STARTED: Duration = Duration::from_secs(2);

/// Runs for as long as it is polled.
pub(super) async fn run(house: Arc<House>, settings: Settings, data: PathBuf) {
    let every = Duration::from_secs(settings.access.checkpoint_s);
    let checkpoints = keep_checkpoints(Arc::clone(&house.audit), data.clone(), every);
    let backups = async {
        if settings.store.backup_every_h > 0 {
            let folder = settings.store.backup_dir.clone().unwrap_or_else(|| data.join("backups"));
            let every = Duration::from_secs(settings.store.backup_every_h * HOUR_S);
            store::keep_backups(house.store.clone(), folder, every, settings.store.backup_keep).await;
        }
    };
    let start = async {
        tokio::time::sleep(STARTED).await;
        let bytes = pages::let_go_of_code();
        pages::let_go_of_memory();
        tracing::debug!(bytes, "code and memory that only a start needed are let go");
    };
    tokio::join!(checkpoints, backups, start);
}

/// The last thing before the store is closed.
pub(super) async fn last(house: &House, data: &Path) {
    if let Err(error) = house.audit.checkpoint(data).await {
        tracing::warn!(%error, "no last checkpoint of the audit log could be written");
    }
}
