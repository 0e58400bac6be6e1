//! What is kept of finding, describing and listing, in the tiers of the cache, under ToolWeaver's keys.
//!
//! | what | key | settings |
//! |---|---|---|
//! | a page of the catalogue | `catalog:v2:{hash}` | `catalog_ttl_s` |
//! | what a search found | `search:{queryhash}:{catalogversion}:{top_k}` | `search_ttl_s` |
//! | a definition | `tool:{name}:v{version}` | `tool_ttl_s` |
//!
//! Each goes into a digest together with the tenant, the role and whatever else decides about the answer, so that nobody
//! meets what somebody else may see.

use bytes::Bytes;
use cache::{Cache, Key, KeyMaker, Label, Life, Value as Kept, Wanted};
use caller::ToolFault;
use definitions::Definition;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// All that is kept.
pub(crate) type Tiers = Cache<Thing, ToolFault>;

/// One of the things that are kept.
#[derive(Debug, Clone)]
pub(crate) enum Thing {
    Ranked(Arc<Ranked>),
    Tool(Arc<Definition>),
    Page(Arc<Value>),
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ranked {
    /// Ids as the index has them, best first, with their scores from 0 to 1.
    pub(crate) hits: Vec<(Arc<str>, f32)>,
    pub(crate) weak: bool,
    pub(crate) degraded: Option<String>,
    /// The domain that was looked through, where that was decided here.
    pub(crate) domain: Option<String>,
}

impl Kept for Thing {
    fn weight(&self) -> usize {
        match self {
            Self::Ranked(ranked) => ranked.hits.iter().map(|(id, _)| id.len() + 32).sum::<usize>() + 128,
            Self::Tool(tool) => tool.tokens() as usize * 8 + 512,
            Self::Page(page) => page.to_string().len() * 2,
        }
    }

    fn pack(&self) -> Option<Bytes> {
        let (mark, body) = match self {
            Self::Ranked(ranked) => (b'r', serde_json::to_vec(&**ranked)),
            Self::Tool(tool) => (b't', serde_json::to_vec(&**tool)),
            Self::Page(page) => (b'p', serde_json::to_vec(&**page)),
        };
        let mut packed = body.ok()?;
        packed.push(mark);
        Some(packed.into())
    }

    fn unpack(packed: Bytes) -> Option<Self> {
        let (mark, body) = packed.split_last()?;
        Some(match mark {
            b'r' => Self::Ranked(Arc::new(serde_json::from_slice(body).ok()?)),
            b't' => Self::Tool(Arc::new(serde_json::from_slice(body).ok()?)),
            b'p' => Self::Page(Arc::new(serde_json::from_slice(body).ok()?)),
            _ => return None,
        })
    }
}

/// The key of parts.
pub(crate) fn key(parts: &[&[u8]]) -> Key {
    parts.iter().fold(KeyMaker::default(), |maker, part| maker.with(part)).key()
}

/// What is asked of the tiers: with a life of no time at all, nothing is kept.
pub(crate) fn wanted(key: Key, tenant: &str, ttl_s: u64) -> Wanted {
    let label = Label { tenant: tenant.into(), tags: Box::default() };
    Wanted { key, label, new: false, ttl: Some(Duration::from_secs(ttl_s)) }
}

/// How long something is kept that is good, or not.
pub(crate) fn life(good: bool) -> Life {
    if good { Life::Usual } else { Life::None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_packed_unpacks() {
        let ranked = Ranked { hits: vec![("a b".into(), 0.5)], weak: true, ..Ranked::default() };
        let Some(Thing::Ranked(read)) = Thing::unpack(Thing::Ranked(Arc::new(ranked.clone())).pack().unwrap()) else {
            panic!("not unpacked");
        };
        assert_eq!(*read, ranked);
        let page = Thing::Page(Arc::new(json!({ "a": 1 })));
        assert!(matches!(Thing::unpack(page.pack().unwrap()), Some(Thing::Page(it)) if *it == json!({ "a": 1 })));
        for bad in [&b""[..], b"x", b"{}x", b"[r"] {
            assert!(Thing::unpack(Bytes::copy_from_slice(bad)).is_none());
        }
        assert_ne!(key(&[b"a", b"bc"]), key(&[b"ab", b"c"]));
    }
}
