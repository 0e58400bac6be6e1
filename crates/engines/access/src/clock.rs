//! Days and moments, under the name this room knows them by.

pub(crate) use calendar::*;
