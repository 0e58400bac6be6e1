//! Pieces of HTML that every section is made from: badges, tables, lists of facts.
//!
//! They know nothing of load tests but their verdicts.

use super::words;
use crate::report::Verdict;
use maud::{Markup, html};

/// A column's heading, and whether figures stand in it.
pub(super) enum Head {
    Words(&'static str),
    Figures(&'static str),
}

/// A verdict by word, symbol and colour, never by colour alone.
pub(super) fn badge(verdict: Verdict) -> Markup {
    let (class, symbol) = match verdict {
        Verdict::Pass => ("pass", "✓"),
        Verdict::Fail => ("fail", "✗"),
        Verdict::Inconclusive => ("inconclusive", "?"),
        Verdict::Invalid => ("invalid", "!"),
        Verdict::NotMeasured => ("unmeasured", "–"),
    };
    html! { span class={ "badge " (class) } { span aria-hidden="true" { (symbol) " " } (words::verdict(verdict)) } }
}

/// A table that scrolls by itself where it is too wide; the first cell of a row is its heading.
pub(super) fn table(caption: &str, head: &[Head], rows: &[Vec<Markup>]) -> Markup {
    let class = |column: usize| matches!(head.get(column), Some(Head::Figures(_))).then_some("figure");
    html! {
        div class="scroll" role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr { @for (column, heading) in head.iter().enumerate() {
                    th scope="col" class=[class(column)] { @match heading { Head::Words(text) | Head::Figures(text) => (text) } }
                } } }
                tbody { @for row in rows { tr { @for (column, cell) in row.iter().enumerate() {
                    @if column == 0 { th scope="row" { (cell) } } @else { td class=[class(column)] { (cell) } }
                } } } }
            }
        }
    }
}

/// A figure with its interval below it.
pub(super) fn bounded(figure: &str, interval: Option<String>) -> Markup {
    html! { (figure) @if let Some(interval) = interval { " " small { (interval) } } }
}

/// The same without the columns in which no row says anything.
pub(super) fn told(mut head: Vec<Head>, mut rows: Vec<Vec<Markup>>) -> (Vec<Head>, Vec<Vec<Markup>>) {
    let silent = |cell: &Markup| cell.0.is_empty() || cell.0 == words::NONE;
    for column in (0..head.len()).rev() {
        if rows.iter().all(|row| row.get(column).is_none_or(silent)) {
            head.remove(column);
            rows.iter_mut().filter(|row| column < row.len()).for_each(|row| drop(row.remove(column)));
        }
    }
    (head, rows)
}

/// A list of facts, each with its name; those without a value are left out.
pub(super) fn facts(rows: &[(&str, Option<Markup>)]) -> Markup {
    html! { dl class="facts" { @for (name, value) in rows { @if let Some(value) = value { div { dt { (name) } dd { (value) } } } } } }
}

/// Text as markup, escaped.
pub(super) fn plain(text: impl AsRef<str>) -> Markup {
    html! { (text.as_ref()) }
}

/// Something to know before believing.
pub(super) fn banner(heading: &str, text: &str) -> Markup {
    html! { p class="banner" role="note" { strong { (heading) } " " (text) } }
}
