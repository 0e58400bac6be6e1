//! The paths of x86-64; knows what [`crate::integer`] and [`crate::float`] ask for, and nothing else.

pub(crate) mod avx2;
pub(crate) mod avx512;
