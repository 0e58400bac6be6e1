//! The tables of the books.

use store::{Migration, Store, StoreError};

/// Their name in the list of migrations.
const ROOM: &str = "access.books";

/// Makes the tables, where they are not there yet.
pub(super) async fn migrate(store: &Store) -> Result<(), StoreError> {
    store.migrate(ROOM, MIGRATIONS).await
}

const MIGRATIONS: &[Migration] = &[Migration {
    name: "budgets, ledger",
    sql: "
CREATE TABLE access_books_count (
    name TEXT PRIMARY KEY NOT NULL,
    value BIGINT NOT NULL
);
INSERT INTO access_books_count (name, value) VALUES ('budget', 0), ('holder', 0);

CREATE TABLE access_budget (
    scope TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    period TEXT NOT NULL,
    usd_nano BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (scope, tenant, subject, period)
);
CREATE UNIQUE INDEX access_budget_version ON access_budget (version);

CREATE TABLE access_budget_window (
    scope TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    period TEXT NOT NULL,
    starts_day BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    alerted_ms BIGINT,
    alerted_nano BIGINT NOT NULL,
    PRIMARY KEY (scope, tenant, subject, period, starts_day)
);
CREATE INDEX access_budget_window_day ON access_budget_window (period, starts_day);

CREATE TABLE access_budget_holder (
    holder BIGINT PRIMARY KEY NOT NULL,
    turn BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    dead BIGINT NOT NULL
);
CREATE TABLE access_budget_lease (
    holder BIGINT NOT NULL,
    scope TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    period TEXT NOT NULL,
    starts_day BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (holder, scope, tenant, subject, period, starts_day)
);

CREATE TABLE access_ledger_call (
    id BIGINT PRIMARY KEY NOT NULL,
    at_ms BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    model TEXT NOT NULL,
    outcome TEXT NOT NULL,
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    tokens_cached BIGINT NOT NULL,
    tokens_reasoning BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    exact BIGINT NOT NULL,
    latency_us BIGINT NOT NULL,
    simulated BIGINT NOT NULL
);
CREATE INDEX access_ledger_call_tenant ON access_ledger_call (tenant, id);

CREATE TABLE access_ledger_day (
    day BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    model TEXT NOT NULL,
    calls BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    tokens_cached BIGINT NOT NULL,
    tokens_reasoning BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    latency_us BIGINT NOT NULL,
    PRIMARY KEY (day, tenant, subject, model)
);

CREATE TABLE access_ledger_prompt (
    id BIGINT PRIMARY KEY NOT NULL,
    at_ms BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,
    answer TEXT NOT NULL
);
CREATE INDEX access_ledger_prompt_tenant ON access_ledger_prompt (tenant, id);
CREATE INDEX access_ledger_prompt_request ON access_ledger_prompt (request_id);
",
}];
