//! The programs that come with PostgreSQL: where they are, and how they are told where the database is.

use crate::StoreError;
use crate::address::Server;
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::process::Command;

/// Where systems keep one folder for each version of PostgreSQL: `FOLDER/<version>/bin` or `FOLDER<version>/bin`.
const FOLDERS: [(&str, &str); 2] = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")];
/// The most characters of what a program says that are passed on.
const SAID_CHARS_MAX: usize = 400;

/// Looks for a program that is not older than the server: on the path, then among the folders of all versions.
pub(super) async fn find(name: &'static str, least: u32) -> Result<PathBuf, StoreError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    find_in(name, least, on_path.chain(FOLDERS.into_iter().flat_map(|place| versions(place, name)))).await
}

async fn find_in(
    name: &'static str,
    least: u32,
    candidates: impl Iterator<Item = PathBuf>,
) -> Result<PathBuf, StoreError> {
    let mut newest = None;
    for candidate in candidates.filter(|path| path.is_file()) {
        let found = version(&candidate).await;
        if found.is_some_and(|found| found >= least) {
            return Ok(candidate);
        }
        newest = newest.max(found);
    }
    Err(StoreError::Program { name, least, found: newest })
}

/// The program in each version's folder.
fn versions((folder, prefix): (&str, &str), name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let versions = entries.filter(|entry| {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    });
    versions.map(|entry| entry.path().join("bin").join(name)).collect()
}

/// The number before the first dot in `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0)`.
async fn version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A command that finds its way to the database by its environment, where no other user sees the password.
pub(super) fn command(program: &Path, server: &Server) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).kill_on_drop(true).env("LC_ALL", "C").env("PGCONNECT_TIMEOUT", "10");
    for (name, value) in &server.environment {
        command.env(name, value.expose_secret());
    }
    command
}

/// Runs a command to its end. Its own words say why it failed.
pub(super) async fn run(mut command: Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().await.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    Err(reason(&String::from_utf8_lossy(&stderr), &status.to_string()))
}

/// The first line that tells an error: what follows it may quote what is in the tables.
fn reason(said: &str, status: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().find(|line| line.contains("rror:") || line.contains("ERROR:") || line.contains("FATAL:"));
    let line = line.or_else(|| lines().next()).unwrap_or(status);
    line.chars().take(SAID_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_password_is_told_by_the_environment_alone() {
        let url = "postgres://ada:s3cret@db.example/althing";
        let Ok(Address::Postgres(server)) = Address::parse(url, Path::new("/")) else { panic!() };
        let command = command(Path::new("/bin/pg_dump"), &server);
        let command = command.as_std();
        assert!(command.get_args().all(|arg| !arg.to_string_lossy().contains("s3cret")));
        let told = command.get_envs().any(|(name, value)| name == "PGPASSWORD" && value.is_some_and(|v| v == "s3cret"));
        assert!(told);
    }

    #[test]
    fn the_first_error_is_passed_on_and_no_row() {
        let said = "psql:x.sql:3: NOTICE:  hm\npsql:x.sql:9: ERROR:  duplicate key\nDETAIL:  Key (id)=(secret)\nCONTEXT:  COPY";
        assert_eq!(reason(said, "exit status: 3"), "psql:x.sql:9: ERROR:  duplicate key");
        assert_eq!(reason("pg_dump: error: no\n", ""), "pg_dump: error: no");
        assert_eq!(reason("\n", "exit status: 1"), "exit status: 1");
    }

    #[tokio::test]
    async fn a_program_that_is_too_old_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let program = |name: &str, version: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version} (Debian)'\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let all =
            [program("a", "9.6.24"), folder.path().join("missing"), program("b", "14beta1"), program("c", "17.2")];
        let find = |least| find_in("pg_dump", least, all.clone().into_iter());
        assert_eq!((find(15).await.unwrap(), find(14).await.unwrap()), (all[3].clone(), all[2].clone()));
        let error = find(18).await.unwrap_err();
        assert_eq!(error.to_string(), "`pg_dump` of PostgreSQL 18 or newer was not found, only of 17");
        let error = find_in("pg_dump", 15, std::iter::empty()).await.unwrap_err();
        assert_eq!(error.to_string(), "`pg_dump` of PostgreSQL 15 or newer was not found");
    }
}
