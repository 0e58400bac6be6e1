//! The page.

use super::sample::{empty, full, large, partial, tied, worded};
use crate::{Sheet, page};
use proptest::prelude::*;
use testkit::elements;

/// Every element that a page is made of.
const KNOWN: &str = "!DOCTYPE a article b bdi body caption circle dd details div dl dt footer h1 h2 h3 head header html i \
    li main meta ol p path rect section small span strong style summary svg table tbody td text th thead title tr ul";

/// Every attribute that its elements have.
const ATTRIBUTES: &str = "aria-hidden aria-label charset class content cx cy d dir height href http-equiv id lang name open \
    preserveAspectRatio r role scope tabindex text-anchor title viewBox width x y";

/// The names of a tag's attributes; panics where its quotes do not match.
fn attributes(tag: &str) -> Vec<&str> {
    let mut rest = tag.split_once(' ').map_or("", |(_, rest)| rest);
    let mut names = Vec::new();
    while !rest.is_empty() {
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        names.push(&rest[..end]);
        rest = &rest[end..];
        if let Some(value) = rest.strip_prefix("=\"") {
            rest = value.split_once('"').unwrap_or_else(|| panic!("<{tag}> has a loose quote")).1;
        }
        rest = rest.trim_start();
    }
    names
}

/// The page, having checked what holds for each: it is well-formed and made of what is known alone, runs nothing,
/// fetches nothing, and every link in it leads to a place in it.
fn checked(sheet: &Sheet) -> String {
    let page = page(sheet);
    let found = elements(&page).unwrap_or_else(|wrong| panic!("{wrong}"));
    let mut places = std::collections::HashSet::new();
    for tag in &found {
        let name = tag.split(' ').next().unwrap();
        assert!(KNOWN.split_whitespace().any(|known| known == name), "<{tag}>");
        for attribute in attributes(tag).into_iter().filter(|_| name != "!DOCTYPE") {
            assert!(ATTRIBUTES.split_whitespace().any(|known| known == attribute), "{attribute} in <{tag}>");
        }
        places.extend(tag.split_once(" id=\"").map(|(_, id)| id.trim_end_matches('"').to_owned()));
    }
    for tag in found.iter().filter(|tag| tag.contains(" href=")) {
        let link = tag.split_once(" href=\"").unwrap().1.split('"').next().unwrap();
        assert!(
            places.contains(link.strip_prefix('#').unwrap_or_else(|| panic!("<{tag}> leads away"))),
            "<{tag}> leads nowhere"
        );
    }
    assert!(!page.contains("url(") && !page.contains("@import") && page.matches("<style>").count() == 1);
    assert!(!page.contains("NaN") && !page.contains("inf<") && !page.contains("Some("));
    let seen = page
        .chars()
        .all(|letter| !('\u{202a}'..='\u{202e}').contains(&letter) && (letter == '\n' || !letter.is_control()));
    assert!(seen, "what cannot be seen is in the page");
    page
}

/// The page without its rules, which have tests of their own.
fn told(sheet: &Sheet) -> String {
    let page = checked(sheet);
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let lines = ["<section>", "<li>", "<tr>", "<details", "<article", "<footer>", "<main>", "<h1", "<p>", "<dt>"];
    lines.iter().fold(format!("{head}{body}"), |page, line| page.replace(line, &format!("\n{line}")))
}

#[test]
fn a_whole_decision() {
    insta::assert_snapshot!(told(&full()));
}

#[test]
fn a_partial_decision() {
    insta::assert_snapshot!(told(&partial()));
}

#[test]
fn a_tied_decision() {
    insta::assert_snapshot!(told(&tied()));
}

#[test]
fn an_empty_decision() {
    insta::assert_snapshot!(told(&empty()));
    checked(&Sheet::default());
}

#[test]
fn what_speaks_against_a_decision_stands_before_it() {
    let page = checked(&partial());
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}"));
    assert!(page.contains("<title>Simulated. Decision"));
    assert!(at("SIMULATED SCORES: 4 of 10") < at("Partial: 2 of 12 pairs have no score."));
    assert!(at("did not answer within 60 s") < at("<h2>Recommendation</h2>"));
    assert!(at("the time for this call was over") < at("<h2>Recommendation</h2>"));
    assert!(at("is not set up") < at("<h2>Recommendation</h2>"));
    assert!(at("This is a close call.") < at("<h2>Ranking</h2>"));
    assert!(!checked(&full()).contains("SIMULATED"));
}

#[test]
fn disagreement_is_said() {
    let page = checked(&full());
    assert!(page.contains("2 of 2 other methods put another option first: the choice of method matters here."));
    assert!(page.contains("TOPSIS</bdi></b> disagrees: it puts <b><bdi>SQLite FTS5</bdi></b> first, not"));
    assert!(page.contains("<strong>≠\u{a0}1</strong>"));
}

/// The drawings of what each weight does.
fn drawings(page: &str) -> Vec<&str> {
    page.split("<svg class=\"lever\"").skip(1).map(|rest| rest.split("</svg>").next().unwrap()).collect()
}

#[test]
fn every_change_of_the_first_place_is_marked() {
    let page = checked(&partial());
    let marks: Vec<usize> = drawings(&page).iter().map(|one| one.matches("<circle class=\"flip\"").count()).collect();
    assert_eq!(marks, [2, 1, 1]);
    assert!(page.contains("</b> up to 4, then <b><bdi>PostgreSQL</bdi></b> up to 6.36, then <b>"), "{page}");
    let page = checked(&large(50, 25, "words"));
    let curves: Vec<usize> = drawings(&page).iter().map(|one| one.matches('M').count()).collect();
    assert_eq!((curves.len(), curves.iter().max()), (25, Some(&16)), "of 50 options the first few are drawn");
    assert!(
        page.contains(" of the best of the others. ") && !checked(&full()).contains(" of the best of the others. ")
    );
}

#[test]
fn every_cell_holds_its_figure() {
    for sheet in [full(), partial(), large(20, 15, "words")] {
        let page = checked(&sheet);
        let cells = page.split("<table class=\"heat").nth(1).unwrap().split("</table>").next().unwrap();
        let cells: Vec<&str> = cells.split("<td ").skip(1).collect();
        assert_eq!(cells.len(), sheet.options.len() * sheet.criteria.len());
        let figured = |cell: &&str| {
            let text = cell.split('>').nth(2).unwrap().split('<').next().unwrap();
            text.parse::<f64>().is_ok() == cell.starts_with("class=\"h") && !text.is_empty()
        };
        assert!(cells.iter().all(figured));
    }
}

#[test]
fn hostile_text_stays_text() {
    for words in [
        "</style></title></p><script>alert(1)</script><img src=x onerror=alert(1)>",
        "\" onmouseover=\"alert(1)\" x=\"",
        "' onfocus='alert(1)' autofocus",
        "javascript:alert(1)",
        "<!-- x",
        "]]><svg onload=alert(1)>",
        "&lt;script&gt; &#60;b&#62;",
        "\u{202e}gnp.exe\u{2066} \u{200b}\u{e0041}\0\u{1b}[31m",
        "url(https://e.org) @import 'x'",
    ] {
        let words = words.replace("url(", "u r l(").replace("@import", "@ import");
        let page = checked(&worded(&words));
        assert_eq!(page.matches("<script").count() + page.matches("<img").count() + page.matches("<!--").count(), 0);
    }
}

#[test]
fn pages_stay_small() {
    for words in [
        "some words that fill the place ",
        "<\"&'>",
        "漢字",
        "\u{202e}a",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "\"",
        "\n\na",
    ] {
        for letters in [300, 10_000] {
            let words = words.repeat(letters / words.chars().count());
            let page = page(&large(50, 25, &words));
            assert!(page.len() < 1_000_000, "{} of {words:.20}", page.len());
        }
    }
}

#[test]
fn small_decisions_are_shown_whole() {
    let mut sheet = full();
    let words = "Because of this. ".repeat(200);
    sheet.pairs[0].justification = words.clone();
    assert!(checked(&sheet).contains(words.trim_end()) && words.len() > 3_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_shown_as_text(words in ".{0,200}") {
        checked(&worded(&words.replace("url(", "")));
    }

    #[test]
    fn any_signs_are_shown_as_text(words in "[<>\"'&=/ !\\-a-z\u{202e}\n]{0,60}") {
        checked(&worded(&words.replace("url(", "")));
    }
}
