//! Reports as text for spreadsheets: RFC 4180, lines ended by CR and LF.

use super::report::{CallRow, UsageRow};

/// Something that is a line of a table.
pub trait CsvRow {
    /// The names of the columns.
    const HEAD: &'static [&'static str];

    /// One text for each column.
    fn cells(&self) -> Vec<String>;
}

/// A table with its head. Text that a spreadsheet would take for a formula gets an apostrophe before it.
pub fn csv<T: CsvRow>(rows: &[T]) -> String {
    let head = T::HEAD.iter().map(|name| (*name).to_owned()).collect();
    let lines = std::iter::once(head).chain(rows.iter().map(CsvRow::cells));
    lines
        .map(|cells: Vec<String>| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\r\n")
        .collect()
}

fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && cell.parse::<f64>().is_err();
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

impl CsvRow for UsageRow {
    const HEAD: &'static [&'static str] = &[
        "day",
        "tenant",
        "subject",
        "model",
        "calls",
        "failed",
        "tokens_in",
        "tokens_out",
        "tokens_cached",
        "tokens_reasoning",
        "cost_usd",
        "latency_ms_mean",
    ];

    fn cells(&self) -> Vec<String> {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let figures =
            [self.calls, self.failed, self.tokens_in, self.tokens_out, self.tokens_cached, self.tokens_reasoning];
        let names = [text(&self.day), text(&self.tenant), text(&self.subject), text(&self.model)].into_iter();
        let last = [self.cost_usd.clone(), self.latency_ms_mean.to_string()];
        names.chain(figures.map(|figure| figure.to_string())).chain(last).collect()
    }
}

impl CsvRow for CallRow {
    const HEAD: &'static [&'static str] = &[
        "id",
        "at",
        "request_id",
        "tenant",
        "subject",
        "model",
        "outcome",
        "tokens_in",
        "tokens_out",
        "tokens_cached",
        "tokens_reasoning",
        "cost_usd",
        "exact",
        "latency_ms",
        "simulated",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.at.clone(),
            self.request_id.clone(),
            self.tenant.clone(),
            self.subject.clone(),
            self.model.clone(),
            self.outcome.clone(),
            self.tokens_in.to_string(),
            self.tokens_out.to_string(),
            self.tokens_cached.to_string(),
            self.tokens_reasoning.to_string(),
            self.cost_usd.clone(),
            self.exact.to_string(),
            self.latency_ms.to_string(),
            self.simulated.to_string(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{CsvRow, csv};

    struct Cells(&'static [&'static str]);

    impl CsvRow for Cells {
        const HEAD: &'static [&'static str] = &["a", "b,c"];

        fn cells(&self) -> Vec<String> {
            self.0.iter().map(|cell| (*cell).to_owned()).collect()
        }
    }

    #[test]
    fn quotes_what_needs_it_and_disarms_formulas() {
        let rows = [
            Cells(&["plain", "with \"quotes\""]),
            Cells(&["two\r\nlines", "a,b"]),
            Cells(&["=1+1", "@SUM(A1)"]),
            Cells(&["-0.5", "-cmd|' /c calc'!A0"]),
            Cells(&["+", "\t=1"]),
            Cells(&["", "grün"]),
        ];
        let expected = "a,\"b,c\"\r\nplain,\"with \"\"quotes\"\"\"\r\n\"two\r\nlines\",\"a,b\"\r\n'=1+1,'@SUM(A1)\r\n\
                        -0.5,'-cmd|' /c calc'!A0\r\n'+,'\t=1\r\n,grün\r\n";
        assert_eq!(csv(&rows), expected);
    }
}
