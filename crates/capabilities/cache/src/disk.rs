//! The tier on disk: a file for each entry, in a folder of its own.
//!
//! Files rather than a database: an entry that is damaged harms no other, one write needs no wait for the disk, and a
//! full disk fails at one entry. What was used last is known in memory only; after a restart the time of writing stands
//! for it. No entry is precious, so none is flushed: what a power cut tears does not read back, and is a miss. What was
//! dropped is flushed, for without it answers would come back.

use crate::key::Key;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirEntry};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What a file takes at least: file systems give room in blocks.
const BLOCK_BYTES: u64 = 4_096;
/// How long nothing is written after the disk has refused, in milliseconds.
const REST_MS: u64 = 30_000;
/// The file that is not an entry: what was dropped.
const DROPS: &str = "drops.json";

/// The folder, and what is known of its files.
pub(crate) struct Disk {
    folder: PathBuf,
    index: Mutex<Index>,
    /// Whoever writes down what was dropped holds this: the last one to write knows most.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Index {
    files: HashMap<Key, File>,
    by_use: BTreeMap<u64, Key>,
    bytes: u64,
    bytes_max: u64,
    uses: u64,
    rests_until_ms: u64,
}

struct File {
    bytes: u64,
    used: u64,
}

impl Disk {
    /// Opens a folder, made where there is none, with what lies in it.
    pub(crate) fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut found = Vec::new();
        for shelf in fs::read_dir(folder)?.flatten() {
            if let Ok(files) = fs::read_dir(shelf.path()) {
                found.extend(files.flatten().filter_map(|file| entry(&file)));
            }
        }
        found.sort_by_key(|(written, ..)| *written);
        let mut index = Index { bytes_max, ..Index::default() };
        found.into_iter().for_each(|(_, key, bytes)| index.add(key, bytes));
        let disk = Self { folder: folder.to_owned(), index: Mutex::new(index), writing: Mutex::default() };
        disk.make_room();
        Ok(disk)
    }

    /// Other limits; what no longer fits is removed.
    pub(crate) fn resize(&self, bytes_max: u64) {
        self.index().bytes_max = bytes_max;
        self.make_room();
    }

    /// Reads an entry's file. Blocks.
    pub(crate) fn read(&self, key: &Key) -> Option<Vec<u8>> {
        self.index().touch(key)?;
        let read = fs::read(self.path(key));
        if read.is_err() {
            self.index().take(key);
        }
        read.ok()
    }

    /// Writes an entry's file; whether it was written. Blocks.
    pub(crate) fn write(&self, key: Key, bytes: &Bytes, now_ms: u64) -> bool {
        let fits = {
            let index = self.index();
            index.rests_until_ms <= now_ms && rounded(bytes.len() as u64) <= index.bytes_max
        };
        if !fits {
            return false;
        }
        if let Err(error) = self.lay_down(&key, bytes) {
            tracing::warn!(%error, "an answer could not be written to disk, the disk rests for 30 s");
            self.index().rests_until_ms = now_ms + REST_MS;
            return false;
        }
        self.index().add(key, bytes.len() as u64);
        self.make_room();
        true
    }

    /// Removes an entry's file, if there is one. Blocks.
    pub(crate) fn remove(&self, key: &Key) {
        if self.index().take(key).is_some() {
            self.forget(key);
        }
    }

    /// Removes all entries. Blocks.
    pub(crate) fn clear(&self) {
        let keys: Vec<Key> = self.index().files.keys().copied().collect();
        keys.iter().for_each(|key| self.remove(key));
    }

    /// What was dropped, as it was written down; `None` where nothing was.
    pub(crate) fn drops(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.folder.join(DROPS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Writes down what was dropped, which is asked for when it is this one's turn to write. Blocks.
    pub(crate) fn write_drops(&self, drops: impl FnOnce() -> Vec<u8>) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        whole(&self.folder, &self.folder.join(DROPS), &drops(), true)?;
        fs::File::open(&self.folder)?.sync_all()
    }

    /// Entries and bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        let index = self.index();
        (index.files.len() as u64, index.bytes)
    }

    /// The most bytes there may be.
    pub(crate) fn room(&self) -> u64 {
        self.index().bytes_max
    }

    /// Removes what was used longest ago until the rest fits.
    fn make_room(&self) {
        loop {
            let oldest = {
                let mut index = self.index();
                if index.bytes <= index.bytes_max {
                    return;
                }
                index.by_use.first_key_value().map(|(_, key)| *key).inspect(|key| _ = index.take(key))
            };
            match oldest {
                Some(key) => self.forget(&key),
                None => return,
            }
        }
    }

    fn forget(&self, key: &Key) {
        if let Err(error) = fs::remove_file(self.path(key)) {
            tracing::debug!(%error, "an answer's file could not be removed");
        }
    }

    fn lay_down(&self, key: &Key, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(key);
        let shelf = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(shelf)?;
        whole(shelf, &path, bytes, false)
    }

    /// 256 shelves, so that no folder gets too long.
    fn path(&self, key: &Key) -> PathBuf {
        let hex = key.hex();
        self.folder.join(&hex[..2]).join(hex)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn add(&mut self, key: Key, bytes: u64) {
        self.take(&key);
        self.uses += 1;
        let bytes = rounded(bytes);
        self.bytes += bytes;
        self.by_use.insert(self.uses, key);
        self.files.insert(key, File { bytes, used: self.uses });
    }

    fn take(&mut self, key: &Key) -> Option<()> {
        let file = self.files.remove(key)?;
        self.by_use.remove(&file.used);
        self.bytes -= file.bytes;
        Some(())
    }

    fn touch(&mut self, key: &Key) -> Option<()> {
        let file = self.files.get_mut(key)?;
        self.by_use.remove(&file.used);
        self.uses += 1;
        file.used = self.uses;
        self.by_use.insert(self.uses, *key);
        Some(())
    }
}

fn rounded(bytes: u64) -> u64 {
    bytes.max(1).div_ceil(BLOCK_BYTES) * BLOCK_BYTES
}

/// An entry's file; what was left half written is removed.
fn entry(file: &DirEntry) -> Option<(SystemTime, Key, u64)> {
    let about = file.metadata().ok().filter(fs::Metadata::is_file)?;
    let Some(key) = file.file_name().to_str().and_then(Key::from_hex) else {
        let _ = fs::remove_file(file.path());
        return None;
    };
    Some((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), key, about.len()))
}

/// Writes a file so that it is there as a whole or not at all; `flushed`, a power cut leaves the old one or the new one.
fn whole(folder: &Path, path: &Path, bytes: &[u8], flushed: bool) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    if flushed {
        file.as_file().sync_all()?;
    }
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyMaker;

    fn key(at: u64) -> Key {
        KeyMaker::default().with(&at.to_le_bytes()).key()
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 3 * BLOCK_BYTES).unwrap();
        for at in 0..3 {
            assert!(disk.write(key(at), &Bytes::from(format!("{at}")), 0));
        }
        assert_eq!(disk.read(&key(0)).unwrap(), b"0");
        assert!(disk.write(key(3), &Bytes::from_static(b"3"), 0));
        assert_eq!(disk.read(&key(1)), None);
        assert_eq!(disk.read(&key(0)).unwrap(), b"0");
        assert_eq!(disk.size(), (3, 3 * BLOCK_BYTES));
        assert!(!disk.write(key(4), &Bytes::from(vec![0; 20_000]), 0));
    }

    #[test]
    fn a_restart_finds_what_was_written_and_clears_what_was_not_finished() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 1 << 20).unwrap();
        assert!(disk.write(key(0), &Bytes::from_static(b"kept"), 0));
        disk.write_drops(|| b"[]".to_vec()).unwrap();
        let half = disk.path(&key(0)).with_file_name(".tmp12");
        fs::write(&half, "ke").unwrap();
        let disk = Disk::open(folder.path(), 1 << 20).unwrap();
        assert_eq!((disk.read(&key(0)).unwrap(), disk.drops().unwrap()), (b"kept".to_vec(), Some(b"[]".to_vec())));
        assert!(!half.exists());
        disk.resize(0);
        assert_eq!((disk.read(&key(0)), disk.size()), (None, (0, 0)));
    }

    #[test]
    fn a_disk_that_takes_nothing_rests() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 1 << 20).unwrap();
        // A file where the shelf belongs: nobody, root neither, can write into it.
        let shelf = disk.path(&key(0)).parent().unwrap().to_owned();
        fs::write(&shelf, "").unwrap();
        assert!(!disk.write(key(0), &Bytes::from_static(b"0"), 0));
        fs::remove_file(&shelf).unwrap();
        assert!(!disk.write(key(0), &Bytes::from_static(b"0"), REST_MS - 1));
        assert!(disk.write(key(0), &Bytes::from_static(b"0"), REST_MS));
    }
}
