//! The tables of the log.

use store::{Migration, Store, StoreError};

/// Their name in the list of migrations.
const ROOM: &str = "votes";

/// Makes the tables, where they are not there yet.
pub(crate) async fn migrate(store: &Store) -> Result<(), StoreError> {
    store.migrate(ROOM, MIGRATIONS).await
}

/// Counts are kept per day, so that what is measured ages with the rows it was measured on.
const MIGRATIONS: &[Migration] = &[Migration {
    name: "votes",
    sql: "
CREATE TABLE votes_question (
    id BIGINT PRIMARY KEY NOT NULL,
    tenant TEXT NOT NULL,
    panel TEXT NOT NULL,
    request_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    kind TEXT NOT NULL,
    reached BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX votes_question_request ON votes_question (tenant, panel, request_id);

CREATE TABLE votes_answer (
    question BIGINT NOT NULL,
    seat BIGINT NOT NULL,
    model TEXT NOT NULL,
    cluster BIGINT NOT NULL,
    was_right BIGINT,
    PRIMARY KEY (question, seat)
);

CREATE TABLE votes_panel_day (
    day BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    panel TEXT NOT NULL,
    reached BIGINT NOT NULL,
    not_reached BIGINT NOT NULL,
    PRIMARY KEY (day, tenant, panel)
);
CREATE INDEX votes_panel_day_panel ON votes_panel_day (panel);

CREATE TABLE votes_model_day (
    day BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    panel TEXT NOT NULL,
    model TEXT NOT NULL,
    hits BIGINT NOT NULL,
    asked BIGINT NOT NULL,
    PRIMARY KEY (day, tenant, panel, model)
);
CREATE INDEX votes_model_day_panel ON votes_model_day (panel);

CREATE TABLE votes_pair_day (
    day BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    panel TEXT NOT NULL,
    model TEXT NOT NULL,
    other TEXT NOT NULL,
    both_right BIGINT NOT NULL,
    only_model BIGINT NOT NULL,
    only_other BIGINT NOT NULL,
    both_wrong BIGINT NOT NULL,
    PRIMARY KEY (day, tenant, panel, model, other)
);
CREATE INDEX votes_pair_day_panel ON votes_pair_day (panel);
",
}];
