//! The checkpoints that a log is held against, read from files that anybody may have written to.

use super::checkpoint::{Checkpoint, LINE_BYTES_MAX, file_error};
use super::{Verdict, hex};
use crate::AuditError;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The most checkpoints that are held at once: some 50 MB.
const MARKS_MAX: usize = 1_000_000;
/// The most keys that are told apart.
const KEYS_MAX: usize = 100;

/// What a checkpoint with a good signature says.
pub(crate) struct Mark {
    pub(crate) seq: i64,
    pub(crate) hash: [u8; 32],
    file: usize,
    line: usize,
}

impl Mark {
    /// Where it stands.
    pub(crate) fn place(&self, files: &[PathBuf]) -> String {
        place(files.get(self.file).map_or(Path::new(""), PathBuf::as_path), self.line)
    }
}

/// Good checkpoints in the order of their rows, and a verdict that knows of the others.
pub(crate) struct Marks {
    pub(crate) marks: Vec<Mark>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) verdict: Verdict,
}

/// Reads files of checkpoints and checks their signatures.
pub(crate) async fn load(files: &[PathBuf]) -> Result<Marks, AuditError> {
    let files = files.to_vec();
    let loaded = tokio::task::spawn_blocking(move || read_all(files, MARKS_MAX)).await;
    loaded.unwrap_or_else(|error| Err(file_error(Path::new(""), error)))
}

pub(crate) fn read_all(files: Vec<PathBuf>, most: usize) -> Result<Marks, AuditError> {
    let mut loading = Loading { marks: Vec::new(), keys: BTreeSet::new(), verdict: Verdict::default(), most };
    for (at, path) in files.iter().enumerate() {
        loading.file(at, path).map_err(|error| file_error(path, error))?;
    }
    let Loading { mut marks, keys, mut verdict, .. } = loading;
    marks.sort_by_key(|mark| mark.seq);
    verdict.checkpoints = u64::try_from(marks.len()).unwrap_or(u64::MAX);
    verdict.keys = keys.into_iter().collect();
    Ok(Marks { marks, files, verdict })
}

struct Loading {
    marks: Vec<Mark>,
    keys: BTreeSet<String>,
    verdict: Verdict,
    most: usize,
}

impl Loading {
    fn file(&mut self, file: usize, path: &Path) -> io::Result<()> {
        let mut reader = BufReader::new(File::open(path)?);
        let (mut text, mut line) = (Vec::new(), 1);
        // A line that is too long comes in pieces, and no piece is a checkpoint.
        while reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text)? > 0 {
            match good(&text) {
                Ok(checkpoint) => self.keep(checkpoint, file, line)?,
                Err((seq, what)) => self.verdict.fault(seq, format!("{} {what}", place(path, line))),
            }
            line += usize::from(text.ends_with(b"\n"));
            text.clear();
        }
        Ok(())
    }

    fn keep(&mut self, (checkpoint, hash): (Checkpoint, [u8; 32]), file: usize, line: usize) -> io::Result<()> {
        if self.marks.len() >= self.most {
            return Err(io::Error::other(format!("there are more than {} checkpoints: verify fewer", self.most)));
        }
        self.marks.push(Mark { seq: checkpoint.seq, hash, file, line });
        if self.keys.len() < KEYS_MAX {
            self.keys.insert(checkpoint.key);
        }
        Ok(())
    }
}

/// The row that a line is about, where that can be told, and what is wrong with the line.
type Wrong = (Option<i64>, &'static str);

/// The checkpoint in a line and its hash.
fn good(line: &[u8]) -> Result<(Checkpoint, [u8; 32]), Wrong> {
    let damaged = (None, "is damaged: it is no checkpoint");
    let line = line.strip_suffix(b"\n").ok_or(damaged)?;
    let checkpoint: Checkpoint = serde_json::from_slice(line).map_err(|_| damaged)?;
    let hash = hex::decode(&checkpoint.hash).ok_or(damaged)?;
    if !checkpoint.is_signed() {
        return Err((Some(checkpoint.seq), "is forged: its signature is not that of its key"));
    }
    Ok((checkpoint, hash))
}

fn place(path: &Path, line: usize) -> String {
    format!("line {line} of `{}`", path.display())
}
