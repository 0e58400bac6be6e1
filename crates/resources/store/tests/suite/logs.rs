//! What is written into the log, and what is not.

use crate::backend::{Backend, everywhere};
use std::io::Write;
use std::sync::{Arc, Mutex};
use store::args;
use tracing_subscriber::fmt::MakeWriter;

everywhere!(slow_statements_are_counted_and_shown_without_values);

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
