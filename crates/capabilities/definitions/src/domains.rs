//! What tools and questions are about: words and phrases, matched as whole words with their simple plurals.
//!
//! `pr` is in "open a PR" and in "two PRs", and not in "improve". Whoever belongs nowhere is `general`.

use settings::Domain;
use std::collections::{BTreeMap, HashMap};

/// Where whatever belongs nowhere else is.
pub(crate) const GENERAL: &str = "general";

/// The domains that are built in, with their words.
const BUILT_IN: [(&str, &[&str]); 4] = [
    (
        "github",
        &[
            "github",
            "repository",
            "repo",
            "pull request",
            "pr",
            "issue",
            "commit",
            "branch",
            "fork",
            "star",
            "clone",
            "push",
            "merge",
            "gist",
            "workflow run",
            "code review",
            "release tag",
        ],
    ),
    (
        "slack",
        &[
            "slack",
            "channel",
            "message",
            "dm",
            "direct message",
            "conversation",
            "thread",
            "workspace",
            "mention",
            "emoji",
            "reaction",
            "post",
        ],
    ),
    (
        "aws",
        &[
            "aws",
            "s3",
            "ec2",
            "lambda",
            "dynamodb",
            "bucket",
            "instance",
            "function",
            "cloud",
            "deploy",
            "scale",
            "cloudwatch",
            "iam",
            "sqs",
            "sns",
            "rds",
            "cloudformation",
        ],
    ),
    (
        "database",
        &[
            "database",
            "sql",
            "query",
            "table",
            "record",
            "insert",
            "update",
            "delete",
            "select",
            "join",
            "transaction",
            "schema",
            "postgres",
            "mysql",
            "sqlite",
            "mongodb",
        ],
    ),
];

/// Words before this many are looked at: a question of ten thousand words is about something before its end.
const WORDS_MAX: usize = 2_000;

/// The domains in force.
#[derive(Debug, Clone)]
pub struct Domains {
    names: Vec<String>,
    keywords: Vec<Vec<String>>,
    /// The first word of each phrase, to those that begin with it: a domain and the words of the phrase.
    phrases: HashMap<String, Vec<(usize, Vec<String>)>>,
    tools: HashMap<String, usize>,
}

impl Domains {
    /// The built-in ones and those of the settings, where a name of the former stands for other words.
    pub fn new(configured: &BTreeMap<String, Domain>) -> Self {
        let mut all: Vec<(String, Vec<String>, Vec<String>)> = BUILT_IN
            .iter()
            .filter(|(name, _)| !configured.contains_key(*name))
            .map(|(name, words)| ((*name).to_owned(), words.iter().map(|it| (*it).to_owned()).collect(), Vec::new()))
            .collect();
        let own = configured.iter().map(|(name, it)| (name.clone(), it.keywords.clone(), it.tools.clone()));
        all.extend(own);
        let mut made = Self { names: Vec::new(), keywords: Vec::new(), phrases: HashMap::new(), tools: HashMap::new() };
        for (at, (name, keywords, tools)) in all.into_iter().enumerate() {
            for keyword in &keywords {
                let words = words(keyword);
                if let Some(first) = words.first() {
                    made.phrases.entry(first.clone()).or_default().push((at, words));
                }
            }
            made.tools.extend(tools.into_iter().map(|tool| (tool, at)));
            made.names.push(name);
            made.keywords.push(keywords);
        }
        made
    }

    /// Each domain with its words; the last is where the rest goes.
    pub fn all(&self) -> impl Iterator<Item = (&str, &[String])> {
        let rest: (&str, &[String]) = (GENERAL, &[]);
        let own = self.names.iter().zip(&self.keywords).map(|(name, words)| (name.as_str(), words.as_slice()));
        own.filter(|(name, _)| *name != GENERAL).chain([rest])
    }

    /// Where a tool belongs: where it says, else where its name is listed, else by the words of its name, else by those of
    /// its description.
    pub fn of(&self, explicit: Option<&str>, id: &str, name: &str, server: &str, description: &str) -> String {
        if let Some(said) = explicit.map(str::trim).filter(|it| !it.is_empty() && *it != GENERAL) {
            return said.to_owned();
        }
        let listed = [id, name].into_iter().find_map(|name| self.tools.get(name)).copied();
        let found = listed
            .or_else(|| self.best(&words(&format!("{server} {name}"))))
            .or_else(|| self.best(&words(description)));
        found.and_then(|at| self.names.get(at)).map_or(GENERAL, String::as_str).to_owned()
    }

    /// What a question is about, if it says so.
    pub fn of_question(&self, text: &str) -> Option<&str> {
        self.best(&words(text)).and_then(|at| self.names.get(at)).map(String::as_str)
    }

    /// The domain most of whose words are there; of those alike, the one that is named first.
    fn best(&self, words: &[String]) -> Option<usize> {
        let mut counts = vec![0_usize; self.names.len()];
        for (at, word) in words.iter().enumerate() {
            for (domain, phrase) in self.phrases.get(word).into_iter().flatten() {
                let rest = words.get(at..at + phrase.len());
                if rest.is_some_and(|rest| rest == phrase)
                    && let Some(count) = counts.get_mut(*domain)
                {
                    // A phrase says more than a word, and the name of a domain more than any.
                    let named = self.names.get(*domain).is_some_and(|name| name == word);
                    *count += if named { 3 } else { 2 * phrase.len() - 1 };
                }
            }
        }
        let best = counts.iter().copied().max().filter(|most| *most > 0)?;
        counts.iter().position(|count| *count == best)
    }
}

/// Words in lower case, split where names are, each without a simple plural.
fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for piece in text.split(|c: char| !c.is_alphanumeric()).filter(|piece| !piece.is_empty()) {
        humps(piece, &mut found);
        if found.len() >= WORDS_MAX {
            break;
        }
    }
    found
}

/// `createPullRequest` is three words, `S3` and `PRs` are one.
fn humps(piece: &str, found: &mut Vec<String>) {
    let mut word = String::new();
    let mut lower_before = false;
    for c in piece.chars() {
        if c.is_uppercase() && lower_before && !word.is_empty() {
            found.push(singular(&word));
            word.clear();
        }
        lower_before = c.is_lowercase();
        word.extend(c.to_lowercase());
    }
    if !word.is_empty() {
        found.push(singular(&word));
    }
}

/// `issues` is `issue`, `repositories` is `repository`, `branches` is `branch`; `aws`, `dns` and `status` stay.
fn singular(word: &str) -> String {
    if !word.is_ascii() || word.len() < 3 || ["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
        return word.to_owned();
    }
    if ["aws", "dns", "sns", "sqs", "rds", "ios", "gas", "https"].contains(&word) {
        return word.to_owned();
    }
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 2) {
        return format!("{stem}y");
    }
    for end in ["ches", "shes", "xes", "sses"] {
        if word.ends_with(end) {
            return word.strip_suffix("es").unwrap_or(word).to_owned();
        }
    }
    word.strip_suffix('s').unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in() -> Domains {
        Domains::new(&BTreeMap::new())
    }

    #[test]
    fn five_are_built_in_with_sixty_keywords_and_more() {
        let domains = built_in();
        let names: Vec<&str> = domains.all().map(|(name, _)| name).collect();
        assert_eq!(names, ["github", "slack", "aws", "database", "general"]);
        let count: usize = domains.all().map(|(_, words)| words.len()).sum();
        assert!(count >= 60, "{count}");
        // ToolWeaver's own, so that its users find their tools where they know them.
        let slack = domains.all().find(|(name, _)| *name == "slack").unwrap().1;
        assert!(["dm", "thread", "emoji", "reaction", "post"].iter().all(|word| slack.iter().any(|it| it == word)));
    }

    #[test]
    fn words_are_whole_and_may_be_plural() {
        let domains = built_in();
        let check = |text: &str, expect: Option<&str>| assert_eq!(domains.of_question(text), expect, "{text}");
        check("improve my prose", None);
        check("open a PR", Some("github"));
        check("list all PRs", Some("github"));
        check("merge the pull requests", Some("github"));
        check("repositories and branches", Some("github"));
        check("createPullRequest", Some("github"));
        check("what is the weather", None);
        check("post into the channel", Some("slack"));
        check("s3 buckets", Some("aws"));
        check("AWS", Some("aws"));
        check("update the records in a table", Some("database"));
        check("", None);
        check(&"star ".repeat(10_000), Some("github"));
    }

    #[test]
    fn what_is_explicit_comes_first_then_the_list_then_the_name_then_the_description() {
        let own = |keywords: &[&str], tools: &[&str]| Domain {
            keywords: keywords.iter().map(|it| (*it).to_owned()).collect(),
            tools: tools.iter().map(|it| (*it).to_owned()).collect(),
        };
        let configured = BTreeMap::from([
            ("mail".to_owned(), own(&["inbox"], &["fetch_issue"])),
            ("slack".to_owned(), own(&["huddle"], &[])),
        ]);
        let domains = Domains::new(&configured);
        let of = |explicit, name: &str, server: &str, text: &str| domains.of(explicit, name, name, server, text);
        assert_eq!(of(Some("mine"), "fetch_issue", "github", ""), "mine");
        assert_eq!(of(None, "fetch_issue", "github", ""), "mail");
        assert_eq!(of(Some("general"), "create_issue", "", "a table of a database"), "github");
        assert_eq!(of(None, "sum", "", "a table of a database"), "database");
        assert_eq!(of(None, "sum", "", "adds"), "general");
        assert_eq!(of(None, "x", "", "emoji and mention"), "general", "a built-in name replaces its words");
        assert_eq!(of(None, "x", "", "a huddle"), "slack");
    }
}
