//! Who runs the servers that tests start, and where their programs are found. Refuses to know what those servers do.
//!
//! PostgreSQL and pgbouncer refuse to run as root. Tests that do run as root, in a container for example, hand them to
//! the user `postgres`, or to `nobody` where that one does not exist.

use std::env;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian keeps one folder of programs for each version of PostgreSQL.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The user that servers run as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    /// Who we are.
    pub(crate) own: u32,
    /// Who the servers are; the same unless we are root.
    pub(crate) uid: u32,
    gid: u32,
}

impl Account {
    /// Ourselves, or `postgres` or `nobody` when we are root.
    pub(crate) fn of_servers() -> Self {
        let own = id(&["-u"]).expect("`id -u` tells who runs the tests");
        let named = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
        let (uid, gid) = match own {
            0 => {
                named("postgres").or_else(|| named("nobody")).expect("one of the users `postgres` and `nobody` exists")
            }
            _ => (own, id(&["-g"]).expect("`id -g` tells the group that runs the tests")),
        };
        Self { own, uid, gid }
    }

    /// A command that will run as this user, in `folder`, with nothing on its input and in the language of the log.
    pub(crate) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = plain(program);
        command.current_dir(folder).stdin(Stdio::null());
        if self.own == 0 {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a file or folder to this user.
    pub(crate) fn own(&self, path: &Path) {
        if self.own == 0 {
            chown(path, Some(self.uid), Some(self.gid))
                .unwrap_or_else(|error| panic!("cannot give `{path:?}`: {error}"));
        }
    }
}

/// A command in the language C that no `PG…` variable of the developer's shell misleads.
pub(crate) fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C");
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end and gives what it printed.
///
/// # Panics
/// With what it said on standard error, when it fails.
pub(crate) fn output(command: &mut Command) -> String {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| panic!("cannot run `{name}`: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{name}` failed, {}: {said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The folder of PostgreSQL's programs: the one `initdb` on the path leads to, else Debian's newest.
pub(crate) fn postgres_programs() -> PathBuf {
    let on_path = on_path("initdb").and_then(|at| fs::canonicalize(at).ok());
    let found = on_path.and_then(|at| at.parent().map(Path::to_owned)).or_else(newest_of_debian);
    found.unwrap_or_else(|| missing("initdb"))
}

/// Looks for a program in `folder`, on the path, then where Debian puts servers.
///
/// # Panics
/// When it is nowhere, with what to do about it.
pub(crate) fn program(name: &str, folder: Option<&Path>) -> PathBuf {
    let beside = folder.map(|folder| folder.join(name)).filter(|at| at.is_file());
    let found = beside.or_else(|| on_path(name)).or_else(|| Some(Path::new("/usr/sbin").join(name)));
    found.filter(|at| at.is_file()).unwrap_or_else(|| missing(name))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|at| at.is_file())
}

fn newest_of_debian() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?.flatten();
    let programs = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        folder.join("initdb").is_file().then_some((version, folder))
    });
    programs.max().map(|(_, folder)| folder)
}

fn missing(name: &str) -> ! {
    panic!("`{name}` is missing: run `make test-services`, which installs the servers that tests start")
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "`no-such-server` is missing: run `make test-services`")]
    fn a_missing_program_names_itself_and_what_installs_it() {
        program("no-such-server", None);
    }

    #[test]
    fn servers_never_run_as_root() {
        assert_ne!(Account::of_servers().uid, 0);
    }
}
