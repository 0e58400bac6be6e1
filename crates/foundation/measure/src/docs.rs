//! The page `docs/metrics.md`, written from the catalogue.

use crate::registrar::{MetricInfo, catalogue};

const HEADER: &str = "\
# Metrics

<!-- Generated from the rows in `crates/foundation/measure`; regenerate with
     `ALTHING_WRITE_DOCS=1 cargo test -p measure docs`. -->

Every metric that the server exposes on `/metrics`, in the OpenMetrics text format that Prometheus reads. A histogram
called `x` exposes `x_bucket`, `x_sum` and `x_count`. A series with labels appears with its first event, or as soon as
the model or route it belongs to is set up. No label holds an identifier of a caller, a request or a session. Figures
called `process_…` exist on Linux only.

| Name | Kind | Labels | What it shows |
|---|---|---|---|
";

/// The page in Markdown, byte for byte as it lies in `docs/metrics.md`.
pub fn docs() -> String {
    catalogue().iter().map(line).fold(HEADER.to_owned(), |page, line| page + &line)
}

fn line(metric: &MetricInfo) -> String {
    let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{}` | {} | {} | {} |\n", metric.name, metric.kind, labels.join(", "), metric.help)
}

#[cfg(test)]
mod tests {
    use super::docs;
    use std::{env, fs};

    #[test]
    fn docs_are_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/metrics.md");
        if env::var_os("ALTHING_WRITE_DOCS").is_some_and(|value| value == "1") {
            fs::write(path, docs()).unwrap();
        }
        let page = fs::read_to_string(path).unwrap_or_default();
        assert_eq!(page, docs(), "regenerate with `ALTHING_WRITE_DOCS=1 cargo test -p measure docs`");
    }
}
