//! The folder of one server, and the watchdog that ends server and folder with the test, however the test ends.
//! Refuses to know which server it is.
//!
//! A test that is dropped, fails or returns cleans up by itself. One that is killed cannot, so a small `sh` waits beside
//! it for the end of a pipe that only the test holds open.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::process::LOOK;

/// Reads the id of the server's process, one for each start and an empty line for each stop, until the test is gone.
/// `$1` is how the server is told to end at once, `$2` the folder.
const WATCHDOG: &str = r#"
pid=
while IFS= read -r line; do pid=$line; done
[ -z "$pid" ] || kill -s "$1" "$pid"
tries=0
while [ -n "$pid" ] && kill -s 0 "$pid"; do
    if [ $tries = 30 ]; then kill -s KILL "$pid"; break; fi
    tries=$((tries + 1))
    sleep 0.1
done
rm -rf -- "$2"
"#;

/// How long a start may take, recovery included.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a folder is emptied again while a dying process still writes to it, 20 ms apart.
const REMOVALS: usize = 50;

/// A folder of a server, watched. Dropping it removes the folder.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    account: Account,
    watchdog: Mutex<Child>,
}

impl Scratch {
    /// Makes `fixed`, or a folder named after `prefix` among the temporary files, and the watchdog. Should the test be
    /// killed, the server gets `signal`.
    pub(crate) fn new(prefix: &str, fixed: Option<&Path>, account: Account, signal: &str) -> Self {
        let folder = match fixed {
            Some(folder) => fixed_folder(folder),
            None => temporary_folder(prefix),
        };
        account.own(&folder);
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", WATCHDOG, "sh", signal]).arg(&folder).current_dir("/").process_group(0);
        watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let watchdog = Mutex::new(watchdog.spawn().expect("`sh` can be run"));
        Self { folder, account, watchdog }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn account(&self) -> Account {
        self.account
    }

    /// Says which process the watchdog has to end, from now on.
    pub(crate) fn watch(&self, process: Option<u32>) {
        let line = process.map_or_else(String::new, |id| id.to_string()) + "\n";
        let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        // A watchdog that somebody killed can be told nothing, and the test is none the worse for it.
        let _ = watchdog.stdin.as_mut().map(|pipe| pipe.write_all(line.as_bytes()));
    }

    /// Writes a file that the server can read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write `{path:?}`: {error}"));
        self.account.own(&path);
        path
    }

    /// Everything the server has said since its first start.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Starts a server, watches it, and waits until `ready` says so, which is told its process and what it has said
    /// since. `None` when somebody else has the port.
    ///
    /// # Panics
    /// With what the server said, when it does not get ready.
    pub(crate) fn launch(&self, server: &mut Command, ready: impl Fn(u32, &str) -> bool) -> Option<Child> {
        let before = self.log().len();
        let mut child = self.spawn(server);
        let started = Instant::now();
        loop {
            let ended = child.try_wait().expect("our own child can be asked");
            let said = self.log().split_off(before);
            if ended.is_none() && ready(child.id(), &said) {
                return Some(child);
            }
            let late = started.elapsed() > PATIENCE;
            if late {
                let _ = child.kill();
                let _ = child.wait();
            }
            if late || ended.is_some() {
                self.watch(None);
                // PostgreSQL and pgbouncer differ in the first letter.
                assert!(said.contains("ddress already in use"), "{:?} did not start: {said}", server.get_program());
                return None;
            }
            sleep(LOOK);
        }
    }

    fn spawn(&self, server: &mut Command) -> Child {
        let log = fs::File::options().append(true).create(true).open(self.folder.join("log"));
        let log = log.expect("the log can be written");
        let errors = log.try_clone().expect("the log has a second handle");
        // A group of its own: what a terminal or a test runner sends to the test must not stop its server first.
        let child = server.process_group(0).stdout(log).stderr(errors).spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot run {:?}: {error}", server.get_program()));
        self.watch(Some(child.id()));
        child
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for _ in 0..REMOVALS {
            match fs::remove_dir_all(&self.folder) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(_) => sleep(Duration::from_millis(20)),
            }
        }
        let watchdog = self.watchdog.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = watchdog.kill();
        let _ = watchdog.wait();
    }
}

fn temporary_folder(prefix: &str) -> PathBuf {
    let made = tempfile::Builder::new().prefix(prefix).tempdir_in(env::temp_dir());
    made.expect("a temporary folder can be made").keep()
}

/// A folder that a test named is removed at the end like any other, so it must hold nothing before.
fn fixed_folder(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).unwrap_or_else(|error| panic!("cannot make `{folder:?}`: {error}"));
    let folder = fs::canonicalize(folder).expect("a folder just made has a path");
    let empty = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_none());
    assert!(empty, "`{folder:?}` is not empty: give the server a folder of its own");
    folder
}
