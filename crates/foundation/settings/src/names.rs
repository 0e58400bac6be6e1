//! Reading an entry that is either a bare name or a table.
//!
//! An untagged enum would do the same and lose the position of whatever is wrong inside the table.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};

/// An entry that a bare name is enough to describe.
pub(crate) trait Named: Sized {
    /// What the entry must be, for the error message.
    const EXPECTED: &'static str;

    /// The entry that a bare name describes.
    fn named(name: String) -> Self;

    /// The entry that a table describes.
    fn from_table<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
}

/// Reads a bare name or a table.
pub(crate) fn name_or_table<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(NameOrTable(PhantomData))
}

struct NameOrTable<T>(PhantomData<T>);

impl<'de, T: Named> Visitor<'de> for NameOrTable<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(T::EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<T, E> {
        Ok(T::named(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_table(map)
    }
}
