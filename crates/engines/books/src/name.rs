//! What a budget is called, and the stretch of time that one amount of money has to last for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use store::{StoreError, Value};

/// Whose money it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One key's, or one subject's of an identity provider.
    Key,
    /// That of all keys of a tenant together.
    Tenant,
    /// Everybody's together.
    Server,
}

impl Scope {
    /// As it is written: `key`, `tenant` or `server`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Tenant => "tenant",
            Self::Server => "server",
        }
    }

    /// In an error that the caller reads.
    pub(super) fn whose(self) -> &'static str {
        match self {
            Self::Key => "this key",
            Self::Tenant => "the tenant",
            Self::Server => "this server",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        let all = [Self::Key, Self::Tenant, Self::Server];
        all.into_iter().find(|scope| scope.name() == text).ok_or_else(|| unknown(text))
    }
}

/// How long an amount of money has to last; days and months are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From the first of a month to that of the next.
    Month,
    /// For good.
    Total,
}

impl Period {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Total];

    /// As it is written: `day`, `month` or `total`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    /// In an error that the caller reads.
    pub(super) fn until(self) -> &'static str {
        match self {
            Self::Day => "today",
            Self::Month => "this month",
            Self::Total => "in all",
        }
    }

    /// The first day of the stretch that holds `day`, and the first day of the next one.
    pub(super) fn span(self, day: i64) -> (i64, Option<i64>) {
        match self {
            Self::Day => (day, Some(day + 1)),
            Self::Month => {
                let (first, next) = calendar::month(day);
                (first, Some(next))
            }
            Self::Total => (0, None),
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|period| period.name() == text).ok_or_else(|| unknown(text))
    }
}

fn unknown(text: &str) -> StoreError {
    StoreError::Shape { reason: format!("`{text}` is no scope or period of a budget") }
}

/// What a budget is called. Without a key for scope `tenant`; without key and tenant for scope `server`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    pub(super) scope: Scope,
    pub(super) tenant: Arc<str>,
    pub(super) subject: Arc<str>,
    pub(super) period: Period,
}

impl Name {
    /// The budget of a scope that a caller's spending counts in.
    pub(super) fn of(scope: Scope, period: Period, tenant: &Arc<str>, subject: &Arc<str>) -> Self {
        let nobody = || Arc::from("");
        let (tenant, subject) = match scope {
            Scope::Key => (Arc::clone(tenant), Arc::clone(subject)),
            Scope::Tenant => (Arc::clone(tenant), nobody()),
            Scope::Server => (nobody(), nobody()),
        };
        Self { scope, tenant, subject, period }
    }

    /// As the first columns of a row.
    pub(super) fn values(&self) -> [Value; 4] {
        [self.scope.name().into(), (&self.tenant).into(), (&self.subject).into(), self.period.name().into()]
    }

    /// From the first columns of a row.
    pub(super) fn read(row: &store::Row) -> Result<Self, StoreError> {
        Ok(Self {
            scope: Scope::read(&row.get::<String>(0)?)?,
            tenant: row.get(1)?,
            subject: row.get(2)?,
            period: Period::read(&row.get::<String>(3)?)?,
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scope, period) = (self.scope.name(), self.period.name());
        match self.scope {
            Scope::Key => write!(out, "{scope}/{}/{}/{period}", self.tenant, self.subject),
            Scope::Tenant => write!(out, "{scope}/{}/{period}", self.tenant),
            Scope::Server => write!(out, "{scope}/{period}"),
        }
    }
}

/// One stretch of a budget. The order is the one in which rows are locked, everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) name: Name,
    pub(super) starts_day: i64,
}

impl Key {
    /// As the first columns of a row.
    pub(super) fn values(&self) -> [Value; 5] {
        let [scope, tenant, subject, period] = self.name.values();
        [scope, tenant, subject, period, self.starts_day.into()]
    }

    /// From the first columns of a row.
    pub(super) fn read(row: &store::Row) -> Result<Self, StoreError> {
        Ok(Self { name: Name::read(row)?, starts_day: row.get(4)? })
    }

    /// Milliseconds from `now_ms` to the start of the next stretch.
    pub(super) fn resets_in_ms(&self, now_ms: i64) -> Option<i64> {
        let (_, next) = self.name.period.span(self.starts_day);
        next.map(|day| (day * calendar::DAY_MS - now_ms).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Name, Period, Scope};
    use std::sync::Arc;

    #[test]
    fn a_budget_is_called_by_whose_it_is() {
        let (tenant, subject) = (Arc::from("acme"), Arc::from("k1"));
        let shown = |scope| Name::of(scope, Period::Day, &tenant, &subject).to_string();
        assert_eq!(
            [Scope::Key, Scope::Tenant, Scope::Server].map(shown),
            ["key/acme/k1/day", "tenant/acme/day", "server/day"]
        );
    }

    #[test]
    fn stretches_start_and_end_with_utc() {
        // 2026-11-21.
        assert_eq!(Period::Day.span(20_778), (20_778, Some(20_779)));
        assert_eq!(Period::Month.span(20_778), (20_758, Some(20_788)));
        assert_eq!(Period::Total.span(20_778), (0, None));
        let name = Name::of(Scope::Server, Period::Day, &Arc::from(""), &Arc::from(""));
        assert_eq!(Key { name, starts_day: 1 }.resets_in_ms(2 * 86_400_000 - 5), Some(5));
    }
}
