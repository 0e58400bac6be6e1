//! The names under which a model may be listed: one model has many, and some of what stands before and behind its name
//! says where or which build it is. Knows no model and no price.

/// What stands before the name in Amazon's inference profiles: where a request may be sent.
const REGIONS: [&str; 6] = ["us.", "eu.", "apac.", "jp.", "au.", "global."];
/// What stands behind it in Amazon's ids: which build.
const BUILDS: [&str; 2] = ["-v1:0", ":0"];

/// The names to look for, nearest first; the first is the name itself. A name is only ever cut where what is cut off
/// says the day, the build or the region, never to a mere beginning: `gpt-4o-audio` is not `gpt-4o`.
pub(crate) fn names(model: &str) -> Vec<&str> {
    let mut names = vec![model];
    names.extend(REGIONS.iter().find_map(|region| model.strip_prefix(region)));
    for at in 0..names.len() {
        if let Some(name) = names.get(at).copied() {
            let built = BUILDS.iter().filter_map(|build| name.strip_suffix(build));
            for name in [name].into_iter().chain(built) {
                names.push(name);
                names.extend(undated(name));
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Without the day of its release, or the word for the newest one.
fn undated(name: &str) -> Option<&str> {
    if let Some(name) = name.strip_suffix("-latest") {
        return Some(name);
    }
    let cut = |length: usize| name.len().checked_sub(length).and_then(|at| name.split_at_checked(at));
    let short = cut(9).filter(|(_, end)| end.strip_prefix(['-', '@']).is_some_and(is_short_day));
    let long = || cut(11).filter(|(_, end)| end.strip_prefix('-').is_some_and(is_long_day));
    short.or_else(long).map(|(name, _)| name)
}

/// `20250929`.
fn is_short_day(text: &str) -> bool {
    let (Some(year), Some(month), Some(day)) = (text.get(..4), text.get(4..6), text.get(6..)) else { return false };
    is_long_day(&format!("{year}-{month}-{day}"))
}

/// `2025-09-29`; no model is from another century.
fn is_long_day(text: &str) -> bool {
    text.starts_with("20") && calendar::parse_date(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model: &str, expect: &[&str]) {
        let mut found = names(model);
        found.dedup();
        assert_eq!(found.first(), Some(&model));
        let mut seen = Vec::new();
        found.retain(|name| {
            !seen.contains(name) && {
                seen.push(*name);
                true
            }
        });
        assert_eq!(found.get(1..).unwrap_or_default(), expect, "{model}");
    }

    #[test]
    fn days_builds_and_regions_are_cut_off() {
        check("gpt-4o", &[]);
        check("gpt-4o-2024-08-06", &["gpt-4o"]);
        check("claude-sonnet-4-5-20250929", &["claude-sonnet-4-5"]);
        check("claude-sonnet-4-5@20250929", &["claude-sonnet-4-5"]);
        check("mistral-large-latest", &["mistral-large"]);
        check("amazon.nova-pro-v1:0", &["amazon.nova-pro", "amazon.nova-pro-v1"]);
        check(
            "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
            &[
                "anthropic.claude-haiku-4-5-20251001-v1:0",
                "eu.anthropic.claude-haiku-4-5-20251001",
                "eu.anthropic.claude-haiku-4-5",
                "eu.anthropic.claude-haiku-4-5-20251001-v1",
                "anthropic.claude-haiku-4-5-20251001",
                "anthropic.claude-haiku-4-5",
                "anthropic.claude-haiku-4-5-20251001-v1",
            ],
        );
    }

    #[test]
    fn nothing_else_is() {
        for name in [
            "gpt-4o-audio",
            "gpt-4o-mini",
            "mistral-large-2411",
            "gpt-4-0613",
            "model-20251301",
            "model-19991231",
            "model-2024-13-06",
            "a:free",
            "x-v2:0x",
            "-",
            "é2024-08-06",
            "user.claude",
            "us",
            "@20250929x",
        ] {
            check(name, &[]);
        }
    }

    #[test]
    fn no_name_is_left_empty() {
        for name in ["us.", "-latest", ":0", "-20250929", "eu.:0"] {
            assert!(names(name).iter().all(|name| !name.is_empty()), "{name}");
        }
    }
}
