//! Routes: names that stand for whatever the first rule that fits says.

use super::Way;
use super::group::Group;
use crate::AskError;
use crate::flags::{Condition, Looks};
use caller::{Caller, Class};
use complexity::Complexity;
use models::Endpoint;
use settings::{When, standing};
use std::cell::OnceCell;
use std::fmt::Write as _;
use std::sync::Arc;
use wire::openai::ChatRequest;

/// A name that stands for models chosen by rules.
pub(crate) struct Route {
    pub(crate) name: String,
    rules: Vec<Rule>,
}

/// Models for the requests that a condition describes.
pub(crate) struct Rule {
    group: Arc<Group>,
    when: When,
    /// The flag in `when`.
    flag: Option<Condition>,
    /// Where the share of callers begins for whom it is: behind those of the rules before it, so that shares of one
    /// route add up.
    share_from: f64,
}

/// What is looked at once for all rules, and only where one asks for it: a long request is not parsed for nothing.
struct Looked<'a> {
    route: &'a str,
    request: &'a ChatRequest,
    caller: &'a Caller,
    chars: OnceCell<u64>,
    complexity: OnceCell<Complexity>,
    standing: OnceCell<f64>,
}

impl<'a> Looked<'a> {
    fn new(route: &'a str, request: &'a ChatRequest, caller: &'a Caller) -> Self {
        let (chars, complexity, standing) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { route, request, caller, chars, complexity, standing }
    }

    fn chars(&self) -> u64 {
        *self.chars.get_or_init(|| self.request.prompt_chars())
    }

    fn complexity(&self) -> &Complexity {
        self.complexity.get_or_init(|| Complexity::of(self.request))
    }

    /// Where the caller stands among all that the route splits.
    fn standing(&self) -> f64 {
        *self.standing.get_or_init(|| standing(self.route, &self.caller.guest.identity.subject))
    }
}

impl Route {
    /// A route of rules, each with its condition and the flag in it.
    pub(crate) fn new(name: &str, rules: Vec<(Group, When, Option<Condition>)>) -> Self {
        let mut taken = 0.0;
        let rule = |(group, when, flag): (Group, When, Option<Condition>)| {
            let share_from = taken;
            taken = (taken + when.share.unwrap_or_default()).fract();
            Rule { group: Arc::new(group), when, flag, share_from }
        };
        Self { name: name.to_owned(), rules: rules.into_iter().map(rule).collect() }
    }

    fn no_rule(&self) -> AskError {
        AskError::NoRule { route: self.name.clone() }
    }

    /// Where a chat goes by the first rule that fits.
    pub(crate) fn way(&self, caller: &Caller, request: &ChatRequest) -> Result<Way, AskError> {
        let (at, held) = self.fitting(caller, request).ok_or_else(|| self.no_rule())?;
        Ok(Way::Among(Arc::clone(&self.rules[at].group), self.told(at, &held)))
    }

    /// Whom a chat would go to first if all stood alike.
    pub(crate) fn first(&self, caller: &Caller, request: &ChatRequest) -> Result<&Arc<Endpoint>, AskError> {
        let fitting = self.fitting(caller, request);
        fitting.and_then(|(at, _)| self.rules[at].group.first()).ok_or_else(|| self.no_rule())
    }

    /// Where vectors are asked: by the first rule that is not about chats.
    pub(crate) fn way_to_vectors<'a>(&'a self, caller: &'a Caller) -> Result<Way, AskError> {
        let subject = &caller.guest.identity.subject;
        let mut looks = Looks::of(subject);
        let fits = |rule: &'a Rule| {
            !about_chats(&rule.when)
                && rule.is_for(caller)
                && rule.when.share.is_none_or(|share| rule.has_share(share, standing(&self.name, subject)))
                && rule.flag.as_ref().is_none_or(|flag| looks.hold(flag))
        };
        let at = self.rules.iter().position(fits).ok_or_else(|| self.no_rule())?;
        Ok(Way::Among(Arc::clone(&self.rules[at].group), self.told(at, "")))
    }

    /// The first rule that fits, and what of its condition held. A flag is looked at where all else fits: only those
    /// whose answer hangs on it are exposed to it.
    fn fitting<'a>(&'a self, caller: &'a Caller, request: &ChatRequest) -> Option<(usize, String)> {
        let looked = Looked::new(&self.name, request, caller);
        let mut looks = Looks::of(&caller.guest.identity.subject);
        let mut fits = |rule: &'a Rule| rule.fits(&looked) && rule.flag.as_ref().is_none_or(|flag| looks.hold(flag));
        let at = self.rules.iter().position(&mut fits)?;
        Some((at, self.rules[at].held(&looked)))
    }

    /// The route, and which of its rules where there are several.
    fn told(&self, at: usize, held: &str) -> String {
        let mut told = format!("the route `{}`", self.name);
        if self.rules.len() > 1 {
            let _ = write!(told, ", rule {}", at + 1);
        }
        if !held.is_empty() {
            let _ = write!(told, " ({held})");
        }
        if self.rules.len() > 1 {
            told.push(',');
        }
        told
    }
}

impl Rule {
    fn fits(&self, looked: &Looked<'_>) -> bool {
        let (when, request) = (&self.when, looked.request);
        let equal = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        equal(when.stream, request.stream())
            && equal(when.tools, request.has_tools())
            && self.is_for(looked.caller)
            && when.share.is_none_or(|share| self.has_share(share, looked.standing()))
            && when.prompt_chars_min.is_none_or(|least| looked.chars() >= least)
            && when.prompt_chars_max.is_none_or(|most| looked.chars() <= most)
            && when.complexity_min.is_none_or(|least| looked.complexity().score >= least)
            && when.complexity_below.is_none_or(|below| looked.complexity().score < below)
    }

    /// Whether the request carries the class and the tags.
    fn is_for(&self, caller: &Caller) -> bool {
        let wishes = &caller.wishes;
        let class = self.when.class.map(|class| match class {
            settings::Class::Critical => Class::Critical,
            settings::Class::Normal => Class::Normal,
            settings::Class::Low => Class::Low,
        });
        let carries = |tag: &String| wishes.tags.iter().any(|carried| **carried == **tag);
        class.is_none_or(|class| class == wishes.class) && self.when.tags.iter().all(carries)
    }

    /// Whether somebody who stands there is among the share.
    fn has_share(&self, share: f64, standing: f64) -> bool {
        let (from, to) = (self.share_from, self.share_from + share);
        (from..to).contains(&standing) || (from..to).contains(&(standing + 1.0))
    }

    /// What of the condition held, in words.
    fn held(&self, looked: &Looked<'_>) -> String {
        let when = &self.when;
        let mut held: Vec<String> = Vec::new();
        let mut switch = |wanted: Option<bool>, name: &str| {
            held.extend(wanted.map(|wanted| if wanted { name.to_owned() } else { format!("no {name}") }));
        };
        switch(when.stream, "stream");
        switch(when.tools, "tools");
        held.extend(when.class.map(|_| format!("class {}", looked.caller.wishes.class.name())));
        held.extend(when.tags.iter().map(|tag| format!("tag `{tag}`")));
        held.extend(when.flag.as_ref().map(|flag| format!("flag `{flag}`")));
        held.extend(when.share.map(|share| format!("for {} % of callers", (share * 1e4).round() / 100.0)));
        if when.prompt_chars_min.or(when.prompt_chars_max).is_some() {
            held.push(format!("{} characters", looked.chars()));
        }
        if when.complexity_min.or(when.complexity_below).is_some() {
            held.push(looked.complexity().to_string());
        }
        held.join("; ")
    }
}

fn about_chats(when: &When) -> bool {
    when.stream == Some(true)
        || when.tools == Some(true)
        || when.prompt_chars_min.is_some_and(|least| least > 0)
        || when.complexity_min.is_some_and(|least| least > 0.0)
}
