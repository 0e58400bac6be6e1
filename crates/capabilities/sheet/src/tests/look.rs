//! The page's rules: colours that can be read and told apart, and no class without a rule. Knows no decision.

const STYLE: &str = include_str!("../page/style.css");

/// Each look: what stands before its colours among the rules.
const LOOKS: [&str; 2] = ["", "(prefers-color-scheme: dark)"];

/// The light that a colour of a look gives off, as WCAG 2.2 defines it.
fn luminance(look: &str, name: &str) -> f64 {
    let block = STYLE.split_once(look).unwrap().1.split_once(":root").unwrap().1.split_once('}').unwrap().0;
    let hex = block.split_once(&format!("--{name}: #")).unwrap_or_else(|| panic!("{look} has no {name}")).1;
    let part = |from: usize| {
        let share = f64::from(u8::from_str_radix(&hex[from..from + 2], 16).unwrap()) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

fn contrast(look: &str, one: &str, other: &str) -> f64 {
    let [one, other] = [one, other].map(|name| luminance(look, name) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn every_figure_of_the_heat_map_can_be_read() {
    for look in LOOKS {
        for shade in 1..=10 {
            let found = contrast(look, "ink", &format!("h{shade}"));
            assert!(found >= 4.5, "{look} h{shade}: {found:.2}");
        }
    }
}

#[test]
fn more_is_further_from_the_paper() {
    for look in LOOKS {
        let far: Vec<f64> = (1..=10).map(|shade| contrast(look, "back", &format!("h{shade}"))).collect();
        assert!(far.windows(2).all(|pair| pair[0] < pair[1]), "{look} {far:?}");
    }
}

#[test]
fn words_and_drawings_stand_out() {
    for look in LOOKS {
        for paper in ["back", "raised"] {
            for (name, least) in
                [("ink", 7.0), ("soft", 4.5), ("warn", 4.5), ("loud", 4.5), ("total", 3.0), ("other", 3.0)]
            {
                let found = contrast(look, name, paper);
                assert!(found >= least, "{look} {name} on {paper}: {found:.2}");
            }
        }
    }
}

#[test]
fn the_rules_are_whole_and_fetch_nothing() {
    assert_eq!(STYLE.matches('{').count(), STYLE.matches('}').count());
    for bad in ["url(", "@import", "<", "expression", "http"] {
        assert!(!STYLE.contains(bad), "{bad}");
    }
}
