//! What the tests share: certificates made on the spot.

use settings::{Server, Tls};
use std::path::Path;
use std::time::Duration;

/// Puts a new certificate and its key where settings look for them.
pub(crate) fn issue(folder: &Path) {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    // Two versions of a file differ in when they were written, as far as the clock of files can tell.
    std::thread::sleep(Duration::from_millis(20));
    std::fs::write(folder.join("cert.pem"), issued.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), issued.signing_key.serialize_pem()).unwrap();
}

/// Settings that name them.
pub(crate) fn encrypted(folder: &Path) -> Server {
    let tls = Tls { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
    Server { tls: Some(tls), ..Server::default() }
}
