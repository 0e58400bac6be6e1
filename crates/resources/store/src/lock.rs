//! Who may use the data folder: servers together, or one that replaces what is in it alone.
//!
//! The system keeps the lock, so that it ends with its process however that ends.

use crate::StoreError;
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file in the data folder that is locked. It stays, empty.
const FILE: &str = "althing.lock";

/// The data folder is ours until this is dropped.
#[derive(Debug)]
#[must_use = "the folder is free again as soon as this is dropped"]
pub struct Hold {
    _file: File,
}

/// Takes the data folder as a server does, which minds no other server. The folder is made if it is not there.
///
/// # Errors
/// [`StoreError::InUse`] while somebody has it alone, [`StoreError::File`] if there can be no lock.
pub fn lock_shared(data: &Path) -> Result<Hold, StoreError> {
    lock(data, File::try_lock_shared)
}

/// Takes the data folder alone.
///
/// # Errors
/// [`StoreError::InUse`] while anybody else has it, [`StoreError::File`] if there can be no lock.
pub fn lock_exclusive(data: &Path) -> Result<Hold, StoreError> {
    lock(data, File::try_lock)
}

fn lock(data: &Path, how: fn(&File) -> Result<(), TryLockError>) -> Result<Hold, StoreError> {
    let path = data.join(FILE);
    let fault = |source| StoreError::File { path: path.clone(), source };
    std::fs::create_dir_all(data).map_err(fault)?;
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(fault)?;
    match how(&file) {
        Ok(()) => Ok(Hold { _file: file }),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::InUse { what: format!("the data folder `{}`", data.display()) })
        }
        Err(TryLockError::Error(source)) => Err(fault(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_share_the_folder_and_a_restore_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new");
        let servers = [lock_shared(&data).unwrap(), lock_shared(&data).unwrap()];
        let error = lock_exclusive(&data).unwrap_err();
        assert!(matches!(&error, StoreError::InUse { what } if what.contains("new")), "{error:?}");
        assert_eq!(fault::Explain::hint(&error).unwrap(), "stop every server that uses it first");
        drop(servers);
        let alone = lock_exclusive(&data).unwrap();
        assert!(lock_shared(&data).is_err() && lock_exclusive(&data).is_err());
        drop(alone);
        let _ = lock_shared(&data).unwrap();
    }
}
