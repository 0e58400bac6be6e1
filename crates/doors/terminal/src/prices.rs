//! Price lists as tables.

use crate::text::cut;
use crate::{WIDTH, clean, count, hang, length};
use ::prices::{About, Entry, Rates};
use rust_decimal::Decimal;

/// A house, where its list is from, and its models.
pub type Listed<'a> = (&'a str, &'a About, Vec<(&'a str, &'a Entry)>);

/// Digits behind the point of an amount that people are shown.
const DIGITS: u32 = 6;

/// The lists, one below the other, within the terminal's width; `details` also of what has no column.
pub fn prices(listed: &[Listed<'_>], details: bool) -> String {
    let mut text = String::new();
    for (house, about, models) in listed {
        let head = format!("{}  {}  {}", clean(house), clean(&about.date), clean(&about.source));
        text.push_str(&format!("{}\n\n{}\n", cut(&head), table(models, details)));
    }
    let models = listed.iter().map(|(_, _, models)| models.len()).sum();
    text + &format!("{}; US dollars per million tokens\n", count(models, "model"))
}

/// The models of a house: names, then figures, beside each other where there is room and else below, so that what
/// tells models apart is never cut off for the sake of figures.
fn table(models: &[(&str, &Entry)], details: bool) -> String {
    let mut rows = vec![("MODEL".to_owned(), ["IN", "OUT", "CACHED", "CONTEXT"].map(str::to_owned), String::new())];
    for (name, entry) in models {
        let context = entry.context_tokens.map(|tokens| tokens.to_string()).unwrap_or_default();
        let price = entry.price.as_ref();
        let more = price.filter(|_| details).map(|price| others(&price.rates)).unwrap_or_default();
        rows.push((clean(name), figures(price.map(|price| &price.rates), context), more));
        if let Some(long) = price.and_then(|price| price.long) {
            let more = if details { others(&long.rates) } else { String::new() };
            rows.push((format!("  above {}", long.above_tokens), figures(Some(&long.rates), String::new()), more));
        }
    }
    let wide = |at: usize| rows.iter().map(|(_, figures, _)| length(&figures[at])).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(wide);
    let room = WIDTH.saturating_sub(widths.iter().map(|wide| wide + 2).sum());
    let name = rows.iter().map(|(name, _, _)| length(name)).filter(|wide| *wide <= room).max().unwrap_or(0);
    rows.iter().map(|row| line(row, name, widths)).collect()
}

fn line((name, figures, more): &(String, [String; 4], String), wide: usize, widths: [usize; 4]) -> String {
    let figures: String = figures.iter().zip(widths).map(|(text, wide)| format!("  {text:>wide$}")).collect();
    let first = match length(name) > wide {
        true => format!("{}\n{:wide$}{figures}", cut(name), ""),
        false => format!("{name:wide$}{figures}"),
    };
    let more = if more.is_empty() { String::new() } else { hang("    ", more) };
    format!("{}\n{more}", first.trim_end())
}

fn figures(rates: Option<&Rates>, context: String) -> [String; 4] {
    let Some(rates) = rates else { return ["?".to_owned(), "?".to_owned(), String::new(), context] };
    [amount(rates.input), amount(rates.output), rates.cached.map(amount).unwrap_or_default(), context]
}

/// What has no column.
fn others(rates: &Rates) -> String {
    let parts = rates.parts().into_iter().skip(3).filter_map(|(name, rate)| Some((name, rate?)));
    parts.map(|(name, rate)| format!("{name} {}", amount(rate))).collect::<Vec<_>>().join(", ")
}

/// An amount as people read it: to a millionth.
pub fn amount(amount: Decimal) -> String {
    amount.round_dp(DIGITS).normalize().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::prices::Table;

    fn table(rows: &str) -> Table {
        Table::parse(&format!("[h]\nsource = 'https://h.example'\ndate = '2026-11-21'\n[h.models]\n{rows}")).unwrap()
    }

    fn show(table: &Table, details: bool) -> String {
        let of = |house| Some((house, table.about(house)?, table.entries(house).collect()));
        let listed: Vec<Listed<'_>> = table.houses().filter_map(of).collect();
        let text = prices(&listed, details);
        assert!(text.lines().all(|line| length(line) <= WIDTH && !line.ends_with(' ')), "{text}");
        text
    }

    #[test]
    fn every_shipped_price_fits_a_terminal() {
        let text = show(&Table::shipped(), false);
        assert!(text.contains("openai  2026-"), "{text}");
        assert!(text.lines().any(|line| line.starts_with("gpt-4o ") && line.ends_with("128000")), "{text}");
        show(&Table::shipped(), true);
    }

    #[test]
    fn figures_stand_beside_names_or_below_them() {
        let long = "n".repeat(75);
        let rows = format!(
            "short = {{input=1,output='2.5',cached='0.1',cached_write=3,request='0.005',context_tokens=8192,\
             long={{above_tokens=4096,input=2,output=5}}}}\n{long} = {{input='0.003625',output=0}}\nunknown = {{}}\n"
        );
        let expect = format!(
            "h  2026-11-21  https://h.example\n\n\
             MODEL               IN  OUT  CACHED  CONTEXT\n\
             {long}\n              0.003625    0\n\
             short                1  2.5     0.1     8192\n  above 4096         2    5\n\
             unknown              ?    ?\n\n\
             3 models; US dollars per million tokens\n"
        );
        assert_eq!(show(&table(&rows), false), expect);
        assert!(show(&table(&rows), true).contains("8192\n    cached_write 3, request 0.005\n"));
    }
}
