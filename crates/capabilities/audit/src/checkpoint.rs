//! Signed statements that the log had a certain hash at a certain row, in a file beside the database.
//!
//! Each server signs with a key of its own, so several on one database each keep a file of their own. What is signed
//! is written down in `docs/access.md`, and never changed.

use super::{Audit, hex};
use crate::AuditError;
use futures_util::FutureExt;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{StoreError, args};
use tokio::time::{MissedTickBehavior, interval};

/// The file of the key that signs, in the data folder.
const KEY_FILE: &str = "audit.key";
/// The file of the checkpoints, in the data folder.
const CHECKPOINTS_FILE: &str = "audit-checkpoints.jsonl";
/// The first line of what is signed: a signature made for anything else says nothing here.
const DOMAIN: &str = "althing-audit-checkpoint-v1";
/// The most bytes of a line; ours have some 350.
pub(crate) const LINE_BYTES_MAX: u64 = 1_024;
/// The shortest wait between two looks at the log.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// A signed statement about the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The number of the row that was the last one.
    pub seq: i64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
    /// When that was, by the clock of the database, as RFC 3339 in UTC.
    pub at: String,
    /// The public key of the server that signed, in hexadecimal digits.
    pub key: String,
    /// Its Ed25519 signature, in hexadecimal digits.
    pub signature: String,
}

impl Checkpoint {
    /// Signs what is true now.
    fn sign(head: &Head, key: &Ed25519KeyPair) -> Self {
        let key_shown = hex::encode(key.public_key().as_ref());
        let unsigned = Self {
            seq: head.seq,
            hash: hex::encode(&head.hash),
            at: calendar::rfc3339(head.now_ms),
            key: key_shown,
            signature: String::new(),
        };
        let signature = hex::encode(key.sign(unsigned.signed().as_bytes()).as_ref());
        Self { signature, ..unsigned }
    }

    /// Whether the signature is that of its key.
    pub(crate) fn is_signed(&self) -> bool {
        let parts = hex::decode::<32>(&self.key).zip(hex::decode::<64>(&self.signature));
        parts.is_some_and(|(key, signature)| {
            UnparsedPublicKey::new(&ED25519, key).verify(self.signed().as_bytes(), &signature).is_ok()
        })
    }

    fn signed(&self) -> String {
        format!("{DOMAIN}\n{}\n{}\n{}\n", self.seq, self.hash, self.at)
    }
}

/// The end of the log.
struct Head {
    seq: i64,
    hash: Vec<u8>,
    now_ms: i64,
}

/// The file of a server's checkpoints in its data folder; it is there once something has been written to the log.
pub fn checkpoints_file(data: &Path) -> PathBuf {
    data.join(CHECKPOINTS_FILE)
}

/// Writes checkpoints for as long as it is polled: one at once, one after each `every` in which something was
/// appended. What goes wrong is logged, and tried again the next time.
pub async fn keep_checkpoints(audit: Arc<Audit>, data: PathBuf, every: Duration) {
    let mut ticks = interval(every.max(EVERY_MIN));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = audit.checkpoint(&data).await {
            tracing::warn!(%error, "no checkpoint of the audit log could be written");
        }
    }
}

impl Audit {
    /// Writes a checkpoint, if anything was appended since the last one in the data folder `data`, and gives it once
    /// it is durable. The key is made on first use.
    ///
    /// # Errors
    /// [`AuditError::File`] if key or checkpoints cannot be read or written, and [`AuditError::Store`].
    pub async fn checkpoint(&self, data: &Path) -> Result<Option<Checkpoint>, AuditError> {
        let _turn = self.checkpoints.lock().await;
        let head = self.head().await?;
        let folder = data.to_owned();
        let written = tokio::task::spawn_blocking(move || write(&folder, &head)).await;
        written.unwrap_or_else(|error| Err(file_error(data, error)))
    }

    async fn head(&self) -> Result<Head, StoreError> {
        let read = self.store.read(|tx| {
            async move {
                let row = tx.fetch_one("SELECT seq, hash FROM access_audit_head WHERE id = 1", args![]).await?;
                Ok(Head { seq: row.get(0)?, hash: row.get(1)?, now_ms: tx.now_ms().await? })
            }
            .boxed()
        });
        read.await
    }
}

fn write(data: &Path, head: &Head) -> Result<Option<Checkpoint>, AuditError> {
    if head.seq == 0 {
        return Ok(None);
    }
    let path = checkpoints_file(data);
    let mut tail = tail(&path).map_err(|error| file_error(&path, error))?;
    let torn = tail.pop_if(|byte| *byte == b'\n').is_none() && !tail.is_empty();
    let last = tail.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Ok(last) = serde_json::from_slice::<Checkpoint>(last) {
        let same = last.hash == hex::encode(&head.hash);
        if last.seq == head.seq && same {
            return Ok(None);
        }
        if last.seq >= head.seq {
            tracing::error!(seq = head.seq, checkpoint = last.seq, "the audit log was cut or rewritten: verify it");
        }
    }
    let made = Checkpoint::sign(head, &key(&data.join(KEY_FILE))?);
    append(&path, &made, torn).map_err(|error| file_error(&path, error))?;
    Ok(Some(made))
}

/// The end of a file, with the last line in it.
fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LINE_BYTES_MAX)))?;
    let mut tail = Vec::new();
    file.take(LINE_BYTES_MAX).read_to_end(&mut tail)?;
    Ok(tail)
}

/// Appends a line with one call, so that a crash tears at most this line; after a torn one it begins anew.
fn append(path: &Path, checkpoint: &Checkpoint, torn: bool) -> io::Result<()> {
    let new = !path.exists();
    let line = serde_json::to_string(checkpoint)?;
    let line = format!("{}{line}\n", if torn { "\n" } else { "" });
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    if new { sync_folder(path) } else { Ok(()) }
}

/// The key in a file, made if there is none.
fn key(path: &Path) -> Result<Ed25519KeyPair, AuditError> {
    let fault = |error| file_error(path, error);
    let (bytes, new) = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (make_key(path).and_then(|()| fs::read(path)).map_err(fault)?, true)
        }
        read => (read.map_err(fault)?, false),
    };
    if fs::metadata(path).map_err(fault)?.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others can read the key that signs checkpoints: `chmod 600` it");
    }
    let read = Ed25519KeyPair::from_pkcs8(&bytes);
    let key = read.map_err(|error| file_error(path, format!("it holds no Ed25519 key: {error}")))?;
    if new {
        let public = hex::encode(key.public_key().as_ref());
        tracing::info!(%public, "a key that signs checkpoints of the audit log was made: note it elsewhere");
    }
    Ok(key)
}

/// Makes a key under another name first, so that a crash leaves no half of one.
fn make_key(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| io::Error::other("no randomness"))?;
    let unfinished = path.with_extension(format!("key.{:016x}", fastrand::u64(..)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(made.as_ref())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_folder(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

pub(crate) fn file_error(path: &Path, reason: impl ToString) -> AuditError {
    AuditError::File { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_the_one_in_the_documentation() {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let hash = "c35ccaaca4bc8a025cab5c1b7993b93e862594bdf9f5f3f6dc3aa5c5af04fb0b";
        let hash = hex::decode::<32>(hash).unwrap().to_vec();
        let made = Checkpoint::sign(&Head { seq: 1, hash, now_ms: 1_795_253_460_000 }, &key);
        assert!(made.is_signed());
        let line = serde_json::to_string(&made).unwrap();
        let documented = include_str!("../../../../docs/access.md");
        assert!(documented.contains(&format!("\n{line}\n")), "{line}");
        assert!(documented.contains(&format!("\n{}", made.signed())), "{}", made.signed());
    }
}
