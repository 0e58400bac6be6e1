//! Finding, laying over, reading and writing, and whether the shipped list is sane.

use super::*;
use crate::price::Rates;
use rust_decimal::Decimal;

/// The kinds of provider whose prices are shipped.
const HOUSES: [&str; 10] =
    ["anthropic", "bedrock", "deepseek", "gemini", "groq", "mistral", "openai", "openrouter", "perplexity", "together"];

fn table(house: &str, rows: &str) -> Table {
    Table::parse(&format!("[{house}]\nsource = 's'\ndate = '2026-01-02'\n[{house}.models]\n{rows}")).unwrap()
}

#[test]
fn the_shipped_list_is_sane() {
    let table = Table::parse(SHIPPED).unwrap();
    assert_eq!(table, Table::shipped());
    assert_eq!(table.houses().collect::<Vec<_>>(), HOUSES);
    assert!((80..=200).contains(&table.len()), "{}", table.len());
    for house in HOUSES {
        let about = table.about(house).unwrap();
        assert!(about.source.starts_with("https://"), "{house}");
        assert!(calendar::parse_date(&about.date).is_some() && about.date.starts_with("202"), "{house}");
        for (model, entry) in table.entries(house) {
            let price = entry.price.unwrap_or_else(|| panic!("{model} has no price"));
            sane(model, &price.rates);
            if let Some(long) = price.long {
                sane(model, &long.rates);
                assert!(long.rates.input >= price.rates.input && long.rates.output >= price.rates.output, "{model}");
                assert_eq!(long.rates.cached.is_some(), price.rates.cached.is_some(), "{model}");
                assert!(entry.context_tokens.is_some_and(|most| most > long.above_tokens), "{model}");
            }
            assert!(entry.output_tokens_max.is_none_or(|most| (1_000..=1_000_000).contains(&most)), "{model}");
            assert!(entry.context_tokens.is_none_or(|most| (1_000..=10_000_000).contains(&most)), "{model}");
            if let (Some(context), Some(output)) = (entry.context_tokens, entry.output_tokens_max) {
                assert!(output <= context, "{model}");
            }
        }
    }
}

/// A price as houses make them: what was read before is cheaper, what is written into a cache dearer, by factors of
/// which one knows.
fn sane(model: &str, rates: &Rates) {
    let ten = Decimal::TEN;
    assert!(rates.input > Decimal::ZERO && rates.input <= Decimal::from(200), "{model}");
    let embedding = model.contains("embed");
    assert_eq!(rates.output.is_zero(), embedding, "{model}");
    assert!(embedding || (rates.output >= rates.input && rates.output <= rates.input * ten), "{model}");
    assert!(rates.cached.is_none_or(|cached| cached > Decimal::ZERO && cached < rates.input), "{model}");
    let write = rates.cached_write.unwrap_or(rates.input);
    assert!(write >= rates.input && rates.cached_write_hour.is_none_or(|hour| hour >= write), "{model}");
    assert!(rates.request.is_none_or(|fee| fee > Decimal::ZERO && fee < Decimal::ONE), "{model}");
}

#[test]
fn models_are_found_under_all_their_names() {
    let table = Table::shipped();
    let check = |house: &str, model: &str, input: Option<&str>| {
        let found = table.find(house, model).and_then(|entry| entry.price).map(|price| price.rates.input);
        assert_eq!(found, input.map(|input| input.parse().unwrap()), "{house} {model}");
    };
    check("openai", "gpt-4o", Some("2.5"));
    check("openai", "gpt-4o-2024-08-06", Some("2.5"));
    check("openai", "gpt-4o-2024-05-13", Some("5"));
    check("openai", "gpt-5-chat-latest", Some("1.25"));
    check("openai", "gpt-4o-audio", None);
    check("openai", "gpt-4o-audio-preview-2024-12-17", None);
    check("openai", "gpt-4", Some("30"));
    check("openai", "gpt-4-0613", None);
    check("anthropic", "claude-sonnet-4-5-20250929", Some("3"));
    check("anthropic", "claude-sonnet-4-5@20250929", Some("3"));
    check("anthropic", "claude-3-5-haiku-latest", Some("0.8"));
    check("anthropic", "gpt-4o", None);
    check("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", Some("3.3"));
    check("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Some("3.3"));
    check("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", Some("3.3"));
    check("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", Some("3"));
    check("bedrock", "apac.amazon.nova-pro-v1:0", Some("0.8"));
    check("bedrock", "anthropic.claude-sonnet-4-6-v1:0", Some("3.3"));
    check("nobody", "gpt-4o", None);
    check("openai", "", None);
}

#[test]
fn what_lies_over_replaces_entries_whole() {
    let mut under = table("a", "x = {input=1,output=1,cached='0.5'}\ny = {input=1,output=1}");
    under.merge(table("a", "x = {input=2,output=2}"));
    under.merge(table("b", "z = {input=3,output=3}"));
    assert_eq!(under.len(), 3);
    assert_eq!(under.find("a", "x").unwrap().price.unwrap().rates.cached, None);
    assert_eq!(under.find("a", "y").unwrap().price.unwrap().rates.input, Decimal::ONE);
    assert_eq!(under.houses().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(under.about("b").unwrap().date, "2026-01-02");
    assert!(Table::default().is_empty() && !under.is_empty());
}

#[test]
fn what_is_written_reads_as_the_same() {
    let shipped = Table::shipped();
    assert_eq!(Table::parse(&shipped.to_toml()).unwrap(), shipped);
    let odd = "'a b'\"é\" = {}";
    assert!(Table::parse(&format!("[h]\nsource=''\ndate='2026-01-01'\n[h.models]\n{odd}")).is_err());
    let named =
        table("'two words'", "'we\"ird.name/é:free' = {input=0,output='0.00000001',context_tokens=5}\n'n' = {}");
    assert_eq!(Table::parse(&named.to_toml()).unwrap(), named);
    assert_eq!(named.find("two words", "n").unwrap(), &Entry::default());
}

/// What is wrong with the row of a model.
fn refused(row: &str) -> String {
    let text = format!("[h]\nsource = 's'\ndate = '2026-01-01'\n[h.models]\nm = {row}\n");
    Table::parse(&text).unwrap_err().to_string()
}

#[test]
fn faults_are_told() {
    assert_eq!(refused("{input=1}"), "`m` of `h`: a price has both `input` and `output`; write `0` for what is free");
    assert!(refused("{cached=1}").contains("both `input` and `output`"));
    assert!(refused("{long={above_tokens=1,input=1,output=1}}").contains("without `input`"));
    assert!(refused("{input=1,output=1,long={input=1,output=1}}").contains("lacks `above_tokens`"));
    assert!(refused("{input=1,output=1,long={above_tokens=1}}").contains("lacks `input`"));
    assert!(refused("{input=1,output=1,above_tokens=1}").contains("belongs into `long`"));
    assert!(
        refused("{input=1,output=1,long={above_tokens=1,input=1,output=1,context_tokens=1}}").contains("nothing but")
    );
    assert!(refused("{input=1000001,output=1}").contains("larger than any price"));
    for row in ["{input=-1,output=1}", "{inputs=1}", "{input='free',output=1}", "5", "{context_tokens=-1}"] {
        assert!(refused(row).starts_with("the price list cannot be read, line 5: "), "{row}: {}", refused(row));
    }
    let dated = Table::parse("[h]\nsource='s'\ndate='yesterday'\n").unwrap_err().to_string();
    assert_eq!(dated, "`yesterday` is not a date");
    assert!(Table::parse("[h]\nsource='s'\n").is_err() && Table::parse("[h]\ndate='2026-01-01'\n").is_err());
}

#[test]
fn a_list_has_limits() {
    let rows: String = (0..=text::ENTRIES_MAX).map(|at| format!("m{at}={{}}\n")).collect();
    let text = format!("[h]\nsource='s'\ndate='2026-01-01'\n[h.models]\n{rows}");
    assert!(matches!(Table::parse(&text), Err(PricesError::TooMany { .. })));
    let text = "#".repeat(text::BYTES_MAX + 1);
    assert!(matches!(Table::parse(&text), Err(PricesError::TooLarge { .. })));
}

mod round_trip {
    //! Any table that can be written reads as the same.

    use super::*;
    use crate::price::{Long, Price};
    use proptest::prelude::*;

    fn amount() -> impl Strategy<Value = Decimal> {
        (0_i64..1_000_000_000_000, 6_u32..=12).prop_map(|(digits, scale)| Decimal::new(digits, scale))
    }

    fn rates() -> impl Strategy<Value = Rates> {
        (amount(), amount(), proptest::array::uniform5(proptest::option::of(amount()))).prop_map(
            |(input, output, [cached, cached_write, cached_write_hour, reasoning, request])| Rates {
                input,
                output,
                cached,
                cached_write,
                cached_write_hour,
                reasoning,
                request,
            },
        )
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let long = (0_u64..1_000_000, rates()).prop_map(|(above_tokens, rates)| Long { above_tokens, rates });
        let price = (rates(), proptest::option::of(long)).prop_map(|(rates, long)| Price { rates, long });
        let count = || proptest::option::of(0_u64..10_000_000);
        (proptest::option::of(price), count(), count()).prop_map(|(price, context_tokens, output_tokens_max)| Entry {
            price,
            context_tokens,
            output_tokens_max,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn holds(rows in proptest::collection::btree_map("\\PC{0,20}", entry(), 0..5), name in "\\PC{0,12}") {
            let entries = rows.into_iter().map(|(model, entry)| (model.into(), entry)).collect();
            let about = About { source: name.clone(), date: "2026-11-21".to_owned() };
            let table = Table { houses: [(name.into(), House { about, entries })].into() };
            prop_assert_eq!(Table::parse(&table.to_toml()).unwrap(), table);
        }
    }
}
