//! What is written into the log, and what is not.

use crate::backend::{Backend, everywhere};
use std::io::Write;
use std::sync::{Arc, Mutex};
use store::args;
use tracing_subscriber::fmt::MakeWriter;

everywhere!(slow_statements_are_counted_and_shown_without_values, what_was_used_is_counted);

/// Everything that was logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Captures what this thread logs, down to the smallest detail.
pub(crate) fn captured() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(writer).finish();
    (log, tracing::subscriber::set_default(subscriber))
}

async fn slow_statements_are_counted_and_shown_without_values(mut backend: Backend) {
    backend.settings.slow_ms = 60;
    let site = backend.open().await;
    site.exec("CREATE TABLE note (id BIGINT PRIMARY KEY, words TEXT)", args![]).await.unwrap();
    let before = site.metrics.slow.value();
    let (log, _guard) = captured();
    // A reader runs on this thread on both databases.
    let slow = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) \
                SELECT COUNT(*) FROM n WHERE $1 <> 'x'";
    site.rows(slow, args!["private words"]).await.unwrap();
    let text = log.text();
    assert!(text.contains("a slow statement") && text.contains("WITH RECURSIVE n"), "{text}");
    assert!(!text.contains("private"), "{text}");
    assert!(site.metrics.slow.value() > before);
    site.rows("SELECT id FROM note", args![]).await.unwrap();
    assert_eq!(log.text().matches("a slow statement").count(), 1);
}

async fn what_was_used_is_counted(mut backend: Backend) {
    (backend.settings.pool_min, backend.settings.pool_max) = (1, 3);
    let site = backend.open().await;
    site.exec("CREATE TABLE note (id BIGINT PRIMARY KEY, words TEXT)", args![]).await.unwrap();
    for id in 0..20_i64 {
        site.exec("INSERT INTO note (id) VALUES ($1)", args![id]).await.unwrap();
        site.rows("SELECT id FROM note", args![]).await.unwrap();
    }
    assert!(site.is_quiet().await);
    let text = site.all.encode();
    let value = |line: &str| {
        let found = text
            .lines()
            .find_map(|found| found.strip_prefix(line)?.trim_start_matches("{}").trim().parse::<f64>().ok());
        found.unwrap_or_else(|| panic!("{line} is missing in {text}"))
    };
    let (writes, reads) = if backend.is_sqlite() { (21.0, 20.0) } else { (42.0, 0.0) };
    // Opening the fewest connections waits for them too.
    let waits = |pool: &str| value(&format!("althing_store_wait_seconds_count{{pool=\"{pool}\"}}"));
    assert!((writes..=writes + 1.0).contains(&waits("writer")), "{}", waits("writer"));
    assert!((reads..=reads + 1.0).contains(&waits("reader")), "{}", waits("reader"));
    assert_eq!(value("althing_store_transactions_total{outcome=\"committed\"}"), 21.0);
    assert_eq!(value("althing_store_commits_total"), 21.0);
    let limits = ["writer", "reader"].map(|pool| value(&format!("althing_store_pool_limit{{pool=\"{pool}\"}}")));
    assert_eq!(limits, if backend.is_sqlite() { [1.0, 3.0] } else { [3.0, 0.0] });
    assert_eq!(value("althing_store_queue_depth"), 0.0);
}
