//! The price list in the data folder, which lies over the shipped one. Knows no format but our own.

use crate::error::PricesError;
use crate::table::Table;
use crate::text::BYTES_MAX;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// What the list is called.
const NAME: &str = "prices.toml";

/// Where the list is in a data folder.
pub fn file(data_folder: &Path) -> PathBuf {
    data_folder.join(NAME)
}

/// The shipped prices, and over them those of the data folder if it has a list; then also where that is.
///
/// # Errors
/// [`PricesError::File`] or [`PricesError::Broken`]; that there is no list is none.
pub fn load(data_folder: Option<&Path>) -> Result<(Table, Option<PathBuf>), PricesError> {
    let mut table = Table::shipped();
    let Some(path) = data_folder.map(file) else { return Ok((table, None)) };
    let text = match read(&path) {
        Ok(text) => text,
        Err(PricesError::File { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok((table, None)),
        Err(error) => return Err(error),
    };
    match Table::parse(&text) {
        Ok(over) => table.merge(over),
        Err(source) => return Err(PricesError::Broken { path, source: Box::new(source) }),
    }
    Ok((table, Some(path)))
}

fn read(path: &Path) -> Result<String, PricesError> {
    let mut text = String::new();
    let limited = File::open(path).and_then(|file| file.take(BYTES_MAX as u64 + 1).read_to_string(&mut text));
    limited.map(|_| text).map_err(|source| PricesError::File { path: path.to_owned(), source })
}

/// Puts a table into the data folder in one step: whoever reads meanwhile sees the old list or the new one, and a
/// crash leaves one of them.
///
/// # Errors
/// [`PricesError::File`]; the old list is still there then.
pub fn save(data_folder: &Path, table: &Table) -> Result<PathBuf, PricesError> {
    let path = file(data_folder);
    // The process's number keeps two writers apart; the last one to finish wins.
    let beside = data_folder.join(format!(".{NAME}.{}", std::process::id()));
    let written = write(&beside, table.to_toml().as_bytes()).and_then(|()| std::fs::rename(&beside, &path));
    match written {
        Ok(()) => {
            // The rename itself is on disk once the folder is; where folders cannot be synced it may come later.
            let _ = File::open(data_folder).and_then(|folder| folder.sync_all());
            Ok(path)
        }
        Err(source) => {
            let _ = std::fs::remove_file(&beside);
            Err(PricesError::File { path, source })
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    #[test]
    fn a_list_in_the_data_folder_lies_over_the_shipped_one() {
        let folder = tempfile::tempdir().unwrap();
        let (shipped, none) = load(Some(folder.path())).unwrap();
        assert_eq!((shipped.len(), none), (Table::shipped().len(), None));
        let text = "[openai]\nsource = 'x'\ndate = '2026-11-21'\n[openai.models]\ngpt-4o = { input = 7, output = 8 }\n";
        let path = save(folder.path(), &Table::parse(text).unwrap()).unwrap();
        assert_eq!(path, file(folder.path()));
        let (table, from) = load(Some(folder.path())).unwrap();
        assert_eq!((table.len(), from), (shipped.len(), Some(path)));
        let price = |model| table.find("openai", model).unwrap().price.unwrap().rates.input;
        assert_eq!((price("gpt-4o"), price("gpt-4.1")), (Decimal::from(7), Decimal::from(2)));
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [NAME], "no other file stays");
    }

    #[test]
    fn a_broken_list_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(file(folder.path()), "[a]\nsource = 1\n").unwrap();
        let told = load(Some(folder.path())).unwrap_err().to_string();
        assert!(told.contains("prices.toml` cannot be used: the price list cannot be read, line 2"), "{told}");
        std::fs::remove_file(file(folder.path())).unwrap();
        std::fs::create_dir(file(folder.path())).unwrap();
        assert!(matches!(load(Some(folder.path())), Err(PricesError::File { .. })));
        assert!(matches!(save(folder.path(), &Table::default()), Err(PricesError::File { .. })));
    }
}
