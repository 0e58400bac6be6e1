//! Encryption towards clients: the certificate in force, its renewal while serving, and the handshake.
//!
//! Knows files and sockets; of HTTP only the one reply for clients that speak it without encryption. What a key file
//! holds is in no error and no log line.

use crate::bind::ServeError;
use crate::socket::Socket;
use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use settings::Server;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files of the certificate are looked at. A look is one system call a file.
const LOOK: Duration = Duration::from_secs(2);
/// The most bytes a certificate's file or a key's may have.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The protocol that is offered.
const HTTP_1: &[u8] = b"http/1.1";
/// The setting that names the certificate.
const CERT: &str = "server.tls.cert";
/// The setting that names the key.
const KEY: &str = "server.tls.key";
/// What whoever speaks plain HTTP is told.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 58\r\n\
                       connection: close\r\n\r\nthis port speaks https; write the address with `https://`\n";

/// What is wrong with a certificate's file or its key's.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The system does not let us read it.
    #[error("{0}")]
    Unreadable(io::Error),
    /// It has more bytes than any certificate.
    #[error("it has more than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// It is no PEM, or a damaged one.
    #[error("its PEM is damaged")]
    Damaged,
    /// It holds something else.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// Its first certificate cannot be used.
    #[error("its first certificate is damaged, or of a kind that is not supported")]
    BadCertificate,
    /// It holds something else.
    #[error("there is no private key in it")]
    NoKey,
    /// Nobody is there to type a passphrase.
    #[error("its key is encrypted, and nobody is there to type the passphrase")]
    Encrypted,
    /// Its key cannot be used.
    #[error("its key is damaged, or of a kind that is not supported")]
    BadKey,
    /// The key belongs to another certificate.
    #[error("its key does not fit the first certificate in `{}`", cert.display())]
    Mismatch {
        /// Where the certificate is.
        cert: PathBuf,
    },
}

impl Flaw {
    /// What to do about it.
    pub(crate) fn hint(&self, file: &Path) -> String {
        let fixed = match self {
            Self::Missing => "write the path of a PEM file, best from `/` on",
            Self::Unreadable(_) => "let the user that runs the server read it",
            Self::TooLarge => "name the PEM file with the certificate or the key alone",
            Self::Damaged => "copy the file anew, from `-----BEGIN` to `-----END`",
            Self::NoCertificate => "name the PEM file with `-----BEGIN CERTIFICATE-----`, often `fullchain.pem`",
            Self::BadCertificate => "use an X.509 certificate of version 3",
            Self::NoKey => "name the PEM file with `-----BEGIN PRIVATE KEY-----`, often `privkey.pem`",
            Self::Encrypted => return format!("decrypt it with `openssl pkey -in {} -out key.pem`", file.display()),
            Self::BadKey => "use a key of RSA from 2048 bits on, ECDSA with P-256 or P-384, or Ed25519",
            Self::Mismatch { .. } => {
                "put the server's own certificate first and those that signed it after; copy both files together"
            }
        };
        fixed.to_owned()
    }
}

/// What tells one version of a file from the next; nothing where there is no file.
type Stamp = Option<(SystemTime, u64)>;

fn stamps(files: &settings::Tls) -> [Stamp; 2] {
    [&files.cert, &files.key].map(|file| {
        let meta = std::fs::metadata(file).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

/// A certificate with its key, ready for handshakes.
pub(crate) struct Tls {
    files: settings::Tls,
    /// The files as they were just before they were read.
    stamps: [Stamp; 2],
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads both files, and makes sure that they fit.
    pub(crate) fn load(files: &settings::Tls) -> Result<Self, ServeError> {
        let stamps = stamps(files);
        let chain = read(&files.cert).and_then(|pem| chain(&pem)).map_err(|flaw| bad(CERT, &files.cert, flaw))?;
        let key = read(&files.key).and_then(|pem| key(&pem)).map_err(|flaw| bad(KEY, &files.key, flaw))?;
        let config = configure(chain, key).map_err(|error| refused(files, &error))?;
        Ok(Self { files: files.clone(), stamps, config: Arc::new(config) })
    }
}

fn bad(setting: &'static str, file: &Path, flaw: Flaw) -> ServeError {
    ServeError::Certificate { setting, file: file.to_owned(), flaw }
}

fn read(file: &Path) -> Result<Vec<u8>, Flaw> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > FILE_BYTES_MAX => Err(Flaw::TooLarge),
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Flaw::Missing),
        Err(error) => Err(Flaw::Unreadable(error)),
    }
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Flaw> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| Flaw::Damaged)?;
    if chain.is_empty() { Err(Flaw::NoCertificate) } else { Ok(chain) }
}

fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Flaw> {
    // Of what a key file holds nothing is repeated, not even the parser's complaint.
    let found = PrivateKeyDer::pem_slice_iter(pem).next();
    match found {
        Some(Ok(key)) => Ok(key),
        _ if encrypted(pem) => Err(Flaw::Encrypted),
        Some(Err(_)) => Err(Flaw::Damaged),
        None => Err(Flaw::NoKey),
    }
}

/// Whether a key is under a passphrase, in today's form or in the one before.
fn encrypted(pem: &[u8]) -> bool {
    let lines = || pem.split(|byte| matches!(byte, b'\n' | b'\r'));
    let marked = |line: &[u8]| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY") || line.starts_with(b"Proc-Type: 4,ENCRYPTED")
    };
    lines().any(marked)
}

fn configure(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![HTTP_1.to_vec()];
    // Sessions are resumed from what their clients keep. Without it there are the few that we remember.
    if let Ok(ticketer) = ring::Ticketer::new() {
        config.ticketer = ticketer;
    }
    Ok(config)
}

fn refused(files: &settings::Tls, error: &rustls::Error) -> ServeError {
    match error {
        rustls::Error::InvalidCertificate(_) => bad(CERT, &files.cert, Flaw::BadCertificate),
        rustls::Error::InconsistentKeys(_) => bad(KEY, &files.key, Flaw::Mismatch { cert: files.cert.clone() }),
        _ => bad(KEY, &files.key, Flaw::BadKey),
    }
}

/// Whether the certificate that settings name can be served; true without one.
///
/// # Errors
/// [`ServeError::Certificate`], which says what is wrong with which file.
pub fn check_tls(server: &Server) -> Result<(), ServeError> {
    server.tls.as_ref().map_or(Ok(()), |files| Tls::load(files).map(drop))
}

/// The certificate in force; none where connections are plain. Clones share it.
#[derive(Clone, Default)]
pub struct Certificate(Arc<ArcSwapOption<Tls>>);

impl Certificate {
    /// Decides, once and for all, whether connections are encrypted; a certificate that is in force stays so.
    ///
    /// # Errors
    /// [`ServeError::Certificate`], which says what is wrong with which file.
    pub fn start(&self, server: &Server) -> Result<(), ServeError> {
        if self.0.load().is_some() {
            return Ok(());
        }
        let loaded = server.tls.as_ref().map(Tls::load).transpose()?;
        self.0.store(loaded.map(Arc::new));
        Ok(())
    }

    /// Takes over the certificate of other settings, for the connections to come.
    pub fn reload(&self, server: &Server) {
        let Some(files) = server.tls.as_ref().filter(|_| self.0.load().is_some()) else { return };
        match Tls::load(files) {
            Ok(loaded) => self.0.store(Some(Arc::new(loaded))),
            Err(error) => tracing::error!(%error, "the old certificate stays in force"),
        }
    }

    /// What new connections are encrypted with.
    pub fn config(&self) -> Option<Arc<ServerConfig>> {
        self.0.load().as_ref().map(|tls| Arc::clone(&tls.config))
    }
}

/// Looks for renewed files for as long as it is polled.
pub async fn watch(certificate: Certificate) {
    let mut renewal = Renewal::default();
    loop {
        tokio::time::sleep(LOOK).await;
        let current = certificate.clone();
        // The folder may be far away: connections must not wait for it.
        let looked = tokio::task::spawn_blocking(move || {
            renewal.look(&current);
            renewal
        });
        match looked.await {
            Ok(back) => renewal = back,
            Err(_) => return,
        }
    }
}

/// What the looks so far have found.
#[derive(Default)]
struct Renewal {
    /// The files at the last look: while they still change nothing is read.
    seen: Option<[Stamp; 2]>,
    /// What was complained about, so that it is said once.
    told: Option<String>,
}

impl Renewal {
    fn look(&mut self, current: &Certificate) {
        let Some(old) = current.0.load_full() else { return };
        let now = stamps(&old.files);
        let settled = self.seen.replace(now) == Some(now);
        if now == old.stamps {
            self.told = None;
        } else if settled {
            self.renew(current, &old);
        }
    }

    fn renew(&mut self, current: &Certificate, old: &Arc<Tls>) {
        match Tls::load(&old.files) {
            Ok(new) => {
                // Settings that were reloaded meanwhile know better.
                current.0.compare_and_swap(&Some(Arc::clone(old)), Some(Arc::new(new)));
                self.told = None;
                tracing::info!(cert = %old.files.cert.display(), "the certificate is renewed");
            }
            Err(error) => {
                let error = error.to_string();
                if self.told.as_ref() != Some(&error) {
                    tracing::warn!(%error, "a changed certificate is not taken over, the old one stays in force");
                }
                self.told = Some(error);
            }
        }
    }
}

/// Shakes hands with a client; nothing for one that speaks plain HTTP, who is told so.
///
/// # Errors
/// Whatever the socket says, and handshakes that fail.
pub async fn greet(
    config: Arc<ServerConfig>,
    stream: TcpStream,
    stall_max: Duration,
) -> io::Result<Option<TlsStream<Socket>>> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    let mut socket = Socket::new(stream, stall_max);
    // A handshake begins with 22; methods are letters.
    if first[0].is_ascii_alphabetic() {
        socket.write_all(PLAIN).await?;
        socket.shutdown().await?;
        return Ok(None);
    }
    TlsAcceptor::from(config).accept(socket).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{encrypted, issue};
    use fault::Explain;
    use std::fs::write;
    use tempfile::TempDir;
    use testkit::listen;

    /// A key under a passphrase, as `openssl` wrote it long ago.
    const OLD: &str = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n\
                       c2VjcmV0c2VjcmV0\n-----END RSA PRIVATE KEY-----\n";

    fn pem(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    fn key_in(folder: &TempDir) -> String {
        std::fs::read_to_string(folder.path().join("key.pem")).unwrap()
    }

    #[test]
    fn every_flaw_is_named_with_its_file_and_what_to_do() {
        let check = |file: &str, content: &str, flaw: &str, hint: &str| {
            let folder = TempDir::new().unwrap();
            issue(folder.path());
            write(folder.path().join(file), content).unwrap();
            let error = check_tls(&encrypted(folder.path())).unwrap_err();
            let (text, told) = (error.to_string(), error.hint().unwrap());
            assert_eq!((error.code(), error.kind()), ("bad_certificate", fault::Kind::BadInput));
            let setting = if file == "cert.pem" { CERT } else { KEY };
            let start = format!("`{}` cannot be used as `{setting}`: ", folder.path().join(file).display());
            assert!(text.starts_with(&start) && text.contains(flaw), "{text}");
            assert!(told.contains(hint), "{told}");
            assert!(!format!("{text}{told}{error:?}").contains("c2VjcmV0"), "{error:?}");
        };
        check("cert.pem", "", "there is no certificate in it", "fullchain.pem");
        check("cert.pem", &pem("PRIVATE KEY", "c2VjcmV0"), "there is no certificate in it", "BEGIN CERTIFICATE");
        check("cert.pem", &pem("CERTIFICATE", "c2VjcmV0"), "its first certificate is damaged", "X.509");
        check("cert.pem", &pem("CERTIFICATE", "c2VjcmV0!"), "its PEM is damaged", "anew");
        check("cert.pem", "-----BEGIN CERTIFICATE-----\nc2VjcmV0", "its PEM is damaged", "-----END");
        check("cert.pem", &"x".repeat(FILE_BYTES_MAX as usize + 1), "more than 1048576 bytes", "alone");
        check("key.pem", "c2VjcmV0", "there is no private key in it", "privkey.pem");
        check("key.pem", &pem("CERTIFICATE", "c2VjcmV0"), "there is no private key in it", "BEGIN PRIVATE KEY");
        check("key.pem", &pem("PRIVATE KEY", "c2VjcmV0"), "its key is damaged, or of a kind", "Ed25519");
        check("key.pem", "-----BEGIN PRIVATE KEY c2VjcmV0", "its PEM is damaged", "anew");
        check("key.pem", &pem("ENCRYPTED PRIVATE KEY", "c2VjcmV0"), "its key is encrypted", "openssl pkey -in /");
        check("key.pem", OLD, "its key is encrypted", "openssl pkey");
        let other = TempDir::new().unwrap();
        issue(other.path());
        check("key.pem", &key_in(&other), "does not fit the first certificate in `", "copy both files");
    }

    #[test]
    fn files_that_cannot_be_read() {
        let folder = TempDir::new().unwrap();
        issue(folder.path());
        let mut server = encrypted(folder.path());
        check_tls(&server).unwrap();
        let files = server.tls.as_mut().unwrap();
        let key = std::mem::replace(&mut files.key, folder.path().to_owned());
        let error = check_tls(&server).unwrap_err();
        assert!(matches!(error, ServeError::Certificate { setting: KEY, flaw: Flaw::Unreadable(_), .. }), "{error}");
        server.tls = Some(settings::Tls { cert: folder.path().join("none.pem"), key });
        let error = check_tls(&server).unwrap_err();
        assert!(matches!(error, ServeError::Certificate { setting: CERT, flaw: Flaw::Missing, .. }), "{error}");
    }

    fn in_force(current: &Certificate) -> *const ServerConfig {
        Arc::as_ptr(&current.config().unwrap())
    }

    #[test]
    fn renewed_files_are_taken_over_once_both_fit() {
        let (log, _guard) = listen();
        let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        issue(folder.path());
        let (mut renewal, current) = (Renewal::default(), Certificate::default());
        current.start(&encrypted(folder.path())).unwrap();
        let first = in_force(&current);
        let mut looks = |times: u32| {
            (0..times).for_each(|_| renewal.look(&current));
            in_force(&current)
        };
        assert_eq!(looks(3), first);
        let key = key_in(&folder);
        issue(folder.path());
        assert_eq!(looks(1), first, "it may still be written");
        let second = looks(1);
        assert_ne!(second, first);
        assert_eq!(looks(3), second);
        // A certificate whose key is on its way.
        let fitting = key_in(&folder);
        write(folder.path().join("key.pem"), key + "\n").unwrap();
        assert_eq!(looks(5), second);
        assert_eq!(log.text().matches("does not fit").count(), 1, "{}", log.text());
        write(folder.path().join("key.pem"), fitting + "\n\n").unwrap();
        let third = looks(2);
        assert_ne!(third, second);
        std::fs::remove_file(folder.path().join("cert.pem")).unwrap();
        assert_eq!(looks(5), third);
        assert_eq!(log.text().matches("no such file").count(), 1, "{}", log.text());
        issue(other.path());
        issue(folder.path());
        assert_ne!(looks(2), third);
        assert_eq!(log.text().matches("the certificate is renewed").count(), 3, "{}", log.text());
    }

    #[tokio::test(start_paused = true)]
    async fn files_are_watched() {
        let folder = TempDir::new().unwrap();
        issue(folder.path());
        let current = Certificate::default();
        current.start(&encrypted(folder.path())).unwrap();
        let first = in_force(&current);
        let watching = tokio::spawn(watch(current.clone()));
        tokio::time::sleep(LOOK * 3).await;
        assert_eq!(in_force(&current), first);
        issue(folder.path());
        tokio::time::sleep(LOOK * 4).await;
        assert_ne!(in_force(&current), first);
        watching.abort();
    }
}
