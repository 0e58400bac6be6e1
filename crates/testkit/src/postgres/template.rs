//! A cluster as `initdb` leaves it, kept in one file per machine, user and version, because making one takes half a
//! second of processor time and every test needs its own. Refuses to know how a cluster is run.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::account::{Account, output};
use crate::scratch::Scratch;

/// Part of the file's name. Raise it when clusters are to be made another way, and old files are no longer used.
const RECIPE: u32 = 1;

/// The oldest PostgreSQL that we promise to work with.
const OLDEST: u32 = 15;

/// Puts a new cluster with the superuser and the database `althing` into `data`, whose parent the servers own. The
/// template lies in the folder `templates`.
///
/// A template that is missing, torn or somebody else's costs time, never the test.
pub(super) fn lay(programs: &Path, account: Account, templates: &Path, data: &Path) {
    let name = format!("althing-pg-{}-{}-{}-{RECIPE}.tar", account.own, account.uid, version(programs));
    let kept = kept(programs, account, templates.join(name));
    if kept.as_deref().is_ok_and(|kept| unpack(kept, account, data)) {
        return;
    }
    if let Ok(torn) = kept {
        let _ = fs::remove_file(torn);
    }
    let _ = fs::remove_dir_all(data);
    initialise(programs, account, data);
}

/// The file of the template, made now if nobody has yet.
fn kept(programs: &Path, account: Account, file: PathBuf) -> io::Result<PathBuf> {
    if is_ours(&file, account) {
        return Ok(file);
    }
    // One of many tests that start together makes it, the others wait.
    let lock = File::options().append(true).create(true).open(file.with_extension("lock"))?;
    lock.lock()?;
    if !is_ours(&file, account) {
        make(programs, account, &file)?;
    }
    Ok(file)
}

/// A whole template that only we can write: it gets its name when it is finished.
fn is_ours(file: &Path, account: Account) -> bool {
    fs::symlink_metadata(file).is_ok_and(|meta| meta.is_file() && meta.uid() == account.own && meta.mode() & 0o022 == 0)
}

fn make(programs: &Path, account: Account, file: &Path) -> io::Result<()> {
    let scratch = Scratch::new("althing-pg-", None, account, "KILL");
    initialise(programs, account, &scratch.folder().join("data"));
    let packed = tempfile::NamedTempFile::with_prefix_in("althing-pg-", file.parent().unwrap_or(Path::new("/")))?;
    let mut tar = account.command(Path::new("tar"), scratch.folder());
    tar.args(["-cf", "-", "data"]).stdout(packed.as_file().try_clone()?);
    output(&mut tar);
    packed.as_file().sync_all()?;
    packed.persist(file)?;
    Ok(())
}

/// Whether the template could be unpacked.
fn unpack(file: &Path, account: Account, data: &Path) -> bool {
    let (Ok(packed), Some(folder)) = (File::open(file), data.parent()) else { return false };
    let mut tar = account.command(Path::new("tar"), folder);
    tar.args(["-xpf", "-"]).stdin(packed).stdout(Stdio::null()).stderr(Stdio::null());
    tar.status().is_ok_and(|status| status.success()) && data.join("PG_VERSION").is_file()
}

/// `initdb`, then the database, which is made without a server.
fn initialise(programs: &Path, account: Account, data: &Path) {
    let folder = data.parent().expect("a cluster lies in a scratch folder");
    let mut initdb = account.command(&programs.join("initdb"), folder);
    initdb.args([
        "--username=althing",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]);
    output(initdb.arg("-D").arg(data));
    let mut single = account.command(&programs.join("postgres"), folder);
    single.args(["--single", "-F", "-D"]).arg(data).arg("postgres");
    single.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut single = single.spawn().expect("`postgres` runs where `initdb` did");
    single.stdin.take().expect("the input is a pipe").write_all(b"CREATE DATABASE althing\n").expect("it reads");
    let status = single.wait().expect("our own child can be waited for");
    assert!(status.success(), "`postgres --single` failed, {status}");
}

/// For example `15.18`.
fn version(programs: &Path) -> String {
    let text = output(crate::account::plain(&programs.join("postgres")).arg("--version"));
    let version = text.split_whitespace().nth(2).unwrap_or_default().to_owned();
    let major = version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse().ok());
    let fits = major.is_some_and(|major: u32| major >= OLDEST);
    assert!(fits, "PostgreSQL `{version}` in `{programs:?}` is too old: {OLDEST} or newer is needed");
    version
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lays a cluster in a scratch folder of its own and tells whether it is whole.
    fn lays(templates: &Path) -> bool {
        let account = Account::of_servers();
        let scratch = Scratch::new("althing-pg-", None, account, "KILL");
        let data = scratch.folder().join("data");
        lay(&crate::account::postgres_programs(), account, templates, &data);
        data.join("global/pg_control").is_file() && data.join("base/5").is_dir()
    }

    fn templates(folder: &Path) -> Vec<PathBuf> {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "tar")).collect()
    }

    #[test]
    fn a_torn_template_is_thrown_away_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        assert!(lays(folder.path()));
        let made = templates(folder.path());
        assert_eq!(made.len(), 1, "{made:?}");
        File::options().write(true).open(&made[0]).unwrap().set_len(1_000_000).unwrap();
        assert!(lays(folder.path()), "with a torn template");
        assert_eq!(templates(folder.path()).len(), 0);
        assert!(lays(folder.path()), "with none");
        assert_eq!(templates(folder.path()), made);
    }

    #[test]
    fn a_template_that_others_can_write_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        assert!(lays(folder.path()));
        let made = templates(folder.path()).remove(0);
        fs::write(&made, "something else").unwrap();
        fs::set_permissions(&made, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        assert!(lays(folder.path()));
        assert!(fs::metadata(&made).unwrap().len() > 1_000_000, "made anew");
    }

    #[test]
    fn without_a_folder_for_templates_there_is_still_a_cluster() {
        assert!(lays(Path::new("/no/such/folder")));
    }
}
