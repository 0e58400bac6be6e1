//! Files that are there whole or not at all.

use crate::StoreError;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How the name of a file in the making ends; it begins with a dot and the name that the file will have.
pub(super) const PARTIAL: &str = ".partial";

/// A file in the making, for its owner alone, beside the one it will be. Dropped before it is published it is removed.
pub(super) struct Partial {
    path: PathBuf,
    to: PathBuf,
}

impl Partial {
    /// An empty file; `to` must not be there. The folder is made if it is not.
    pub(super) fn create(to: &Path) -> Result<Self, StoreError> {
        if fs::symlink_metadata(to).is_ok() {
            return Err(StoreError::Exists { path: to.to_owned() });
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(fault(folder))?;
        }
        Self::beside(to)
    }

    /// An empty file; `to` may be there.
    pub(super) fn beside(to: &Path) -> Result<Self, StoreError> {
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let path = to.with_file_name(format!(".{name}-{:08x}{PARTIAL}", fastrand::u32(..)));
        let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        made.map_err(fault(&path))?;
        Ok(Self { path, to: to.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, unless that is taken, once all of it is on the disk. Gives its size.
    pub(super) fn publish(self) -> Result<u64, StoreError> {
        let bytes = self.sync()?;
        match fs::hard_link(&self.path, &self.to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(StoreError::Exists { path: self.to.clone() });
            }
            // Some file systems know one name for each file only.
            Err(_) => fs::rename(&self.path, &self.to).map_err(fault(&self.to))?,
        }
        sync_folder(&self.to)?;
        Ok(bytes)
    }

    /// Puts it in the place of whatever has its name.
    pub(super) fn replace(self) -> Result<(), StoreError> {
        self.sync()?;
        fs::rename(&self.path, &self.to).map_err(fault(&self.to))?;
        sync_folder(&self.to)
    }

    fn sync(&self) -> Result<u64, StoreError> {
        let file = File::open(&self.path).map_err(fault(&self.path))?;
        file.sync_all().map_err(fault(&self.path))?;
        Ok(file.metadata().map_err(fault(&self.path))?.len())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Often it is gone already, under its own name.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what was left of files in the making that begin with `name`; nobody may be making any.
pub(super) fn sweep(folder: &Path, name: &str) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let begins = format!(".{name}");
    for entry in entries {
        let text = entry.file_name().to_string_lossy().into_owned();
        if text.starts_with(&begins) && text.ends_with(PARTIAL) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes sure that the names in the folder of `path` are on the disk.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault(folder))
}

pub(super) fn fault(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("copy.db");
        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        drop(Partial::create(&to).unwrap());
        assert!(names().is_empty());
        let (first, second) = (Partial::create(&to).unwrap(), Partial::create(&to).unwrap());
        assert!(!to.exists());
        fs::write(first.path(), "whole").unwrap();
        assert_eq!(first.publish().unwrap(), 5);
        assert!(matches!(second.publish(), Err(StoreError::Exists { .. })));
        assert!(matches!(Partial::create(&to), Err(StoreError::Exists { .. })));
        assert_eq!((names(), fs::read_to_string(&to).unwrap()), (vec!["copy.db".to_owned()], "whole".to_owned()));
        let third = Partial::beside(&to).unwrap();
        fs::write(third.path(), "other").unwrap();
        third.replace().unwrap();
        assert_eq!((names().len(), fs::read_to_string(&to).unwrap()), (1, "other".to_owned()));
    }
}
