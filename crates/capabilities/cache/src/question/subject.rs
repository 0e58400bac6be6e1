//! What a question is about, as far as it decides whether and under which key an answer is kept.

use super::canon::canonical;
use super::policy::Policy;
use crate::{Key, KeyMaker, Label, Wanted};
use caller::{Caller, Kept};
use settings::Cacheable;
use std::time::Duration;
use wire::openai::{ChatRequest, EmbeddingRequest};
use wire::{Dialect, Original};

/// What a name has led to.
pub struct Subject<'a, M> {
    /// What settings say about it.
    pub policy: &'a Policy,
    /// `model`, `panel` or `route`: names of different kinds may look alike.
    pub kind: &'static str,
    /// The panel's, the route's or the model's.
    pub name: &'a str,
    /// Those who may answer.
    pub models: &'a [M],
    /// What one of them is called, as `provider/model`, and its provider.
    pub names: fn(&M) -> (&str, &str),
}

impl<M> Subject<'_, M> {
    /// How an answer to this chat is kept; `None` where it is not.
    pub fn of_chat(&self, caller: &Caller, request: &ChatRequest) -> Option<Wanted> {
        if !self.may_keep(caller, || request.n() <= 1 && request.is_settled()) {
            return None;
        }
        // The chat in the middle says less.
        let body = request.original().map_or(request.bytes(), |original| &original.bytes);
        Some(self.wanted(caller, self.key_of_chat(caller, request, body)))
    }

    /// A digest of all that shapes the answer to a chat whose body is, or but for its last words would be, this one.
    pub fn key_of_chat(&self, caller: &Caller, request: &ChatRequest, body: &[u8]) -> Key {
        let maker = self.maker(caller, dialect_name(request.dialect())).with(&canonical(body));
        let Some(Original { headers, .. }) = request.original() else { return maker.key() };
        let with = |maker: KeyMaker, (name, value): &(&str, String)| maker.with(name.as_bytes()).with(value.as_bytes());
        // Whether a stream is wanted is not always in the body there.
        headers.iter().fold(maker, with).with(&[u8::from(request.stream())]).key()
    }

    /// How these vectors are kept; `None` where they are not.
    pub fn of_vectors(&self, caller: &Caller, request: &EmbeddingRequest) -> Option<Wanted> {
        if !self.may_keep(caller, || true) {
            return None;
        }
        let maker = self.maker(caller, "vectors").with(&canonical(request.bytes()));
        Some(self.wanted(caller, maker.key()))
    }

    /// Under which key it is remembered that a provider has no such model for an operation; `None` where the caller wants
    /// to know anew, or where others could answer.
    pub fn of_missing(&self, caller: &Caller, operation: &str) -> Option<Wanted> {
        let asks = !matches!(caller.wishes.kept, Kept::Refresh | Kept::Never);
        let alone = self.kind == "model" && self.models.len() == 1;
        (asks && alone).then(|| self.wanted(caller, self.maker(caller, "missing").with(operation.as_bytes()).key()))
    }

    fn may_keep(&self, caller: &Caller, settled: impl FnOnce() -> bool) -> bool {
        let usual = || match self.policy.requests(self.name) {
            Cacheable::Off => false,
            Cacheable::All => true,
            Cacheable::Deterministic => settled(),
        };
        match caller.wishes.kept {
            Kept::Never => false,
            Kept::Welcome | Kept::Own => true,
            Kept::Usual | Kept::Refresh => usual(),
        }
    }

    fn maker(&self, caller: &Caller, what: &str) -> KeyMaker {
        let maker = KeyMaker::default().with(caller.guest.identity.tenant.as_bytes()).with(what.as_bytes());
        let maker = maker.with(self.kind.as_bytes()).with(self.name.as_bytes()).with(self.policy.version(self.name));
        // In which order they are asked differs from request to request.
        let mut models: Vec<(&str, &str)> = self.models.iter().map(self.names).collect();
        models.sort_unstable();
        let with = |maker: KeyMaker, (id, provider): (&str, &str)| {
            maker.with(id.as_bytes()).with(self.policy.provider(provider))
        };
        models.into_iter().fold(maker, with)
    }

    fn wanted(&self, caller: &Caller, key: Key) -> Wanted {
        let named = std::iter::once(self.name).chain(self.models.iter().map(|model| (self.names)(model).0));
        let mut tags: Vec<Box<str>> = named.map(Box::from).chain(caller.wishes.tags.iter().cloned()).collect();
        tags.sort_unstable();
        tags.dedup();
        let tenant = Box::from(&*caller.guest.identity.tenant);
        let label = Label { tenant, tags: tags.into_boxed_slice() };
        Wanted { key, label, new: caller.wishes.kept == Kept::Refresh, ttl: self.ttl() }
    }

    fn ttl(&self) -> Option<Duration> {
        self.policy.ttl(self.name)
    }
}

fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "chat",
        Dialect::Messages => "messages",
        Dialect::Responses => "responses",
        Dialect::Ollama => "ollama",
    }
}
