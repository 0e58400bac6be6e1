//! What goes into a statement and what comes out of it, the same for both databases.
//!
//! Both know whole numbers of 64 bits, text, bytes and real numbers; truth is kept as 0 and 1. `NULL` has a type too:
//! PostgreSQL wants to know it.

use crate::StoreError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Row as _};
use std::sync::Arc;

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number, `BIGINT`.
    Int(Option<i64>),
    /// Text, `TEXT`.
    Text(Option<Arc<str>>),
    /// Bytes, `BYTEA`.
    Bytes(Option<Vec<u8>>),
    /// A real number, `DOUBLE PRECISION`.
    Real(Option<f64>),
}

macro_rules! from {
    ($($source:ty => $variant:ident($value:ident) $convert:expr;)*) => {$(
        impl From<$source> for Value {
            fn from($value: $source) -> Self {
                Self::$variant(Some($convert))
            }
        }
        impl From<Option<$source>> for Value {
            fn from(value: Option<$source>) -> Self {
                Self::$variant(value.map(|$value| $convert))
            }
        }
    )*};
}

from! {
    i64 => Int(value) value;
    u32 => Int(value) i64::from(value);
    bool => Int(value) i64::from(value);
    &str => Text(value) Arc::from(value);
    String => Text(value) Arc::from(value);
    Arc<str> => Text(value) value;
    &Arc<str> => Text(value) Arc::clone(value);
    Vec<u8> => Bytes(value) value;
    &[u8] => Bytes(value) value.to_vec();
    f64 => Real(value) value;
}

/// The parameters of a statement, in order: `args![id, version]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::Value::from($value)),*] };
}

/// Refuses what only one of the databases can keep: PostgreSQL knows no U+0000 in a text, SQLite no number that is none.
pub(crate) fn check(values: &[Value]) -> Result<(), StoreError> {
    for value in values {
        let reason = match value {
            Value::Text(Some(text)) if text.contains('\0') => "a text with the character U+0000 cannot be kept",
            Value::Real(Some(number)) if number.is_nan() => "a number that is none (NaN) cannot be kept",
            _ => continue,
        };
        return Err(StoreError::Unfit { reason });
    }
    Ok(())
}

pub(crate) fn for_sqlite(values: Vec<Value>) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Real(value) => arguments.add(value),
        }
        .map_err(unfit)?;
    }
    Ok(arguments)
}

pub(crate) fn for_postgres(values: Vec<Value>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Real(value) => arguments.add(value),
        }
        .map_err(unfit)?;
    }
    Ok(arguments)
}

fn unfit(error: sqlx::error::BoxDynError) -> StoreError {
    StoreError::Shape { reason: error.to_string() }
}

/// A row of a result; its columns are counted from 0.
#[derive(Debug)]
pub struct Row(pub(crate) Found);

#[derive(Debug)]
pub(crate) enum Found {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// One column.
    ///
    /// # Errors
    /// [`StoreError::Shape`] if there is no such column, or it holds another type.
    pub fn get<T: Column>(&self, at: usize) -> Result<T, StoreError> {
        T::read(self, at)
    }
}

/// A type that a column can be read as.
pub trait Column: Sized {
    /// Reads column `at`.
    ///
    /// # Errors
    /// [`StoreError::Shape`].
    fn read(row: &Row, at: usize) -> Result<Self, StoreError>;
}

fn misread(at: usize, error: &sqlx::Error) -> StoreError {
    StoreError::Shape { reason: format!("column {at}: {error}") }
}

/// SQLite would give an empty text for `NULL`, so that whether it is `NULL` is always asked first.
macro_rules! column {
    ($($type:ty),*) => {$(
        impl Column for Option<$type> {
            fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
                match &row.0 {
                    Found::Sqlite(row) => row.try_get(at).map_err(|error| misread(at, &error)),
                    Found::Postgres(row) => row.try_get(at).map_err(|error| misread(at, &error)),
                }
            }
        }

        impl Column for $type {
            fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
                present(row, at)
            }
        }
    )*};
}

column!(String, Vec<u8>, f64);

fn present<T>(row: &Row, at: usize) -> Result<T, StoreError>
where
    Option<T>: Column,
{
    Option::<T>::read(row, at)?.ok_or_else(|| StoreError::Shape { reason: format!("column {at} is empty") })
}

impl Column for Option<i64> {
    fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
        match &row.0 {
            Found::Sqlite(row) => row.try_get(at).map_err(|error| misread(at, &error)),
            // A literal has 32 bits there, a column 64.
            Found::Postgres(row) => row
                .try_get::<Option<i64>, _>(at)
                .or_else(|_| row.try_get::<Option<i32>, _>(at).map(|small| small.map(i64::from)))
                .map_err(|error| misread(at, &error)),
        }
    }
}

impl Column for i64 {
    fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
        present(row, at)
    }
}

impl Column for bool {
    fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
        i64::read(row, at).map(|value| value != 0)
    }
}

impl Column for Arc<str> {
    fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
        String::read(row, at).map(Self::from)
    }
}

impl Column for Option<Arc<str>> {
    fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
        Ok(Option::<String>::read(row, at)?.map(Arc::from))
    }
}
