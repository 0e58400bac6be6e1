//! Whether the log is whole: every hash computed again, from the first row to the head, and every checkpoint met.

use super::marks::{self, Mark, Marks};
use super::row::{COLUMNS, GENESIS, Stored};
use crate::AuditError;
use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Ordering;
use std::iter::Peekable;
use std::path::PathBuf;
use std::vec::IntoIter;
use store::{Row, Store, StoreError, Tx, args};

/// Rows read at once.
const PAGE: usize = 1_000;
/// The most faults that are listed.
const FAULTS_MAX: usize = 100;

/// What verifying the log has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// Rows that were read.
    pub rows: u64,
    /// The number of the first one.
    pub first: Option<i64>,
    /// The number of the last one.
    pub last: Option<i64>,
    /// Checkpoints with a good signature.
    pub checkpoints: u64,
    /// The public keys that signed them, in hexadecimal digits: whether these are your servers' only you can tell.
    pub keys: Vec<String>,
    /// What is wrong: the first 100 faults.
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    pub unlisted: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn ok(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn fault(&mut self, seq: Option<i64>, what: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { seq, what: what.into() });
        } else {
            self.unlisted += 1;
        }
    }
}

/// Something that is wrong with the log or its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// The number of the row, where one can be told.
    pub seq: Option<i64>,
    /// What is wrong.
    pub what: String,
}

/// Computes the whole log again and holds it against `checkpoints`, files of one or of several servers. It may run
/// beside servers that write. Without checkpoints from elsewhere it proves nothing against somebody who can write to
/// the database.
///
/// # Errors
/// [`AuditError::Store`] if the log cannot be read, [`AuditError::File`] if a file of checkpoints cannot.
pub async fn verify(store: &Store, checkpoints: &[PathBuf]) -> Result<Verdict, AuditError> {
    let mut walk = Walk::new(marks::load(checkpoints).await?);
    loop {
        let after = walk.after;
        // Rows and head come from one view: where the rows end there, the head must stand.
        let page = store.read(move |tx| page(tx, after).boxed()).await?;
        let full = page.rows.len() == PAGE;
        let passed = page.rows.into_iter().map(|row| walk.row(row)).last().unwrap_or(true);
        if !full {
            walk.end(page.head);
            return Ok(walk.verdict);
        }
        if !passed {
            walk.verdict.fault(None, "the rows that follow cannot be reached");
            return Ok(walk.verdict);
        }
    }
}

/// Part of the log, as far as it can be read.
struct Found {
    rows: Vec<Result<Stored, Unread>>,
    head: Result<Option<Head>, String>,
}

/// A row that somebody has made unreadable.
struct Unread {
    seq: Option<i64>,
    reason: String,
}

/// Where the log claims to end.
struct Head {
    seq: i64,
    at_ms: i64,
    hash: Vec<u8>,
}

async fn page(tx: &mut Tx, after: i64) -> Result<Found, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM access_audit WHERE seq > $1 ORDER BY seq LIMIT {PAGE}");
    let rows = tx.fetch_all(sql, args![after]).await?;
    let unread = |row: &Row, error: StoreError| Unread { seq: row.get(0).ok(), reason: error.to_string() };
    let rows = rows.iter().map(|row| Stored::read(row).map_err(|error| unread(row, error))).collect();
    let head = tx.fetch_optional("SELECT seq, at_ms, hash FROM access_audit_head WHERE id = 1", args![]).await?;
    let read = |row: &Row| Ok(Head { seq: row.get(0)?, at_ms: row.get(1)?, hash: row.get(2)? });
    let head = head.as_ref().map(read).transpose().map_err(|error: StoreError| error.to_string());
    Ok(Found { rows, head })
}

/// The row before, or what the first row follows.
struct Last {
    seq: i64,
    at_ms: i64,
    /// `None` if it could not be read.
    hash: Option<Vec<u8>>,
}

/// A walk along the log.
struct Walk {
    verdict: Verdict,
    marks: Peekable<IntoIter<Mark>>,
    files: Vec<PathBuf>,
    last: Last,
    after: i64,
}

impl Walk {
    fn new(marks: Marks) -> Self {
        let last = Last { seq: 0, at_ms: 0, hash: Some(GENESIS.to_vec()) };
        let Marks { marks, files, verdict } = marks;
        Self { verdict, marks: marks.into_iter().peekable(), files, last, after: i64::MIN }
    }

    /// One row on; whether it is known where it stands.
    fn row(&mut self, row: Result<Stored, Unread>) -> bool {
        self.verdict.rows += 1;
        let seq = match &row {
            Ok(row) => Some(row.seq),
            Err(unread) => unread.seq,
        };
        if let Some(seq) = seq {
            self.after = seq;
            self.verdict.first.get_or_insert(seq);
            self.verdict.last = Some(seq);
        }
        match (row, seq) {
            (Ok(row), _) => self.check(row),
            (Err(unread), None) => self.verdict.fault(None, format!("a row cannot be read: {}", unread.reason)),
            (Err(unread), Some(seq)) => {
                self.place(seq);
                self.verdict.fault(Some(seq), format!("the row cannot be read: {}", unread.reason));
                self.last = Last { seq, at_ms: self.last.at_ms, hash: None };
            }
        }
        seq.is_some()
    }

    fn check(&mut self, row: Stored) {
        let follows = self.place(row.seq);
        if row.digest() != row.hash {
            self.verdict.fault(Some(row.seq), "the row was changed: its content has another hash than it says");
        }
        if follows && self.last.hash.as_ref().is_some_and(|hash| *hash != row.prev) {
            self.verdict.fault(Some(row.seq), "the row does not follow the one before it");
        }
        while let Some(mark) = self.marks.next_if(|mark| mark.seq == row.seq) {
            if mark.hash.as_slice() != row.hash {
                let what = format!("the log was rewritten: {} knows another hash", mark.place(&self.files));
                self.verdict.fault(Some(row.seq), what);
            }
        }
        if row.seq > self.last.seq {
            self.last = Last { seq: row.seq, at_ms: row.at_ms, hash: Some(row.hash) };
        }
    }

    /// Finds out what is missing before row `seq`; whether it is the next one.
    fn place(&mut self, seq: i64) -> bool {
        let next = self.last.seq.saturating_add(1);
        match seq.cmp(&next) {
            Ordering::Equal => {}
            Ordering::Less => self.verdict.fault(Some(seq), "the row stands before the first one"),
            Ordering::Greater => {
                let what = format!("rows are missing, up to {}", seq.saturating_sub(1));
                self.verdict.fault(Some(next), what);
            }
        }
        self.missed(|mark| mark.seq < seq);
        seq == next
    }

    /// Checkpoints of rows that are not there.
    fn missed(&mut self, which: impl Fn(&Mark) -> bool) {
        while let Some(mark) = self.marks.next_if(&which) {
            let what = format!("rows were removed: {} knows this one", mark.place(&self.files));
            self.verdict.fault(Some(mark.seq), what);
        }
    }

    fn end(&mut self, head: Result<Option<Head>, String>) {
        self.missed(|_| true);
        let Last { seq, at_ms, hash } = &self.last;
        let what = match head {
            Err(reason) => format!("the head cannot be read: {reason}"),
            Ok(None) => "the head is missing".to_owned(),
            Ok(Some(head)) if head.seq != *seq => {
                format!("the last row is {seq} and the head stands at {}: rows were removed or added", head.seq)
            }
            Ok(Some(head)) if hash.as_ref().is_some_and(|hash| *hash != head.hash) => {
                "the head has another hash than the last row".to_owned()
            }
            Ok(Some(head)) if head.at_ms != *at_ms && hash.is_some() => {
                "the head has another time than the last row".to_owned()
            }
            Ok(Some(_)) => return,
        };
        self.verdict.fault(Some(*seq), what);
    }
}
