//! Test-only: where the model lies, and texts of many kinds.

use crate::{Local, Options, Precision};
use lanes::{Lanes, Path as Way};
use std::path::PathBuf;

/// The folder of the converted model.
pub(crate) fn folder() -> PathBuf {
    testkit::model().expect("there is no model: run `make model`")
}

/// The model in one precision, on one path; `None` where the processor lacks it.
pub(crate) fn local(precision: Precision, way: Way) -> Option<Local> {
    let options = Options { precision, lanes: Lanes::on(way)?, ..Options::default() };
    Some(Local::open(&folder(), &options).unwrap())
}

/// The model as it is used.
pub(crate) fn usual() -> Local {
    Local::open(&folder(), &Options::default()).unwrap()
}

/// The cosine of two vectors of unit length.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    Lanes::best().dot_f32(a, b)
}

/// 324 texts: what tools do, in several tongues, as code, with names and numbers.
pub(crate) fn texts() -> Vec<String> {
    const DEEDS: [&str; 18] = [
        "Get the current weather for",
        "list all open pull requests of",
        "delete_file from",
        "sendEmail to",
        "Übersetze einen Text für",
        "搜索文件",
        "convert 25.50 USD to EUR at",
        "SELECT name, price FROM orders WHERE id =",
        "plan a holiday in",
        "fn main() { println!(\"{}\",",
        "remind me at 08:30 about",
        "Résumer le document nommé",
        "play 🎵 music by",
        "what is the derivative of x^2 + 3x, asked by",
        "turn off the lights in",
        "book a table for two at",
        "https://example.com/api/v1/items?page=2&sort=asc",
        "как найти билеты в",
    ];
    const OBJECTS: [&str; 18] = [
        "Paris",
        "the repository rust-lang/rust",
        "customer 4711",
        "a very long conversation about the history of Europe",
        "東京",
        "my grandmother",
        "",
        "user_profile.settings.json",
        "São Paulo tomorrow morning",
        "the kitchen and the garage",
        "$AAPL",
        "order #A-99/b",
        "an apple, two pears, and three plums",
        "😀😀",
        "chapter twelve",
        "TODO: fix me!",
        "the mitochondria",
        "parameters: q (string), limit (integer, default 10), tags (array of strings), returns a list of matching records",
    ];
    DEEDS.iter().flat_map(|deed| OBJECTS.map(|object| format!("{deed} {object}"))).collect()
}
