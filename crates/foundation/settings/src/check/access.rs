//! What may not be said about encryption, proxies and identity providers.

use super::{ENTRIES_MAX, Findings};
use crate::access::{Access, Oidc, Tls};
use crate::host::{is_exposed, network, url_trouble};
use crate::layer::element;
use crate::limits;
use crate::wording::cut;

/// The roles that can be given to tokens without one; who checks a role knows what each may do.
const ROLES: [&str; 4] = ["viewer", "user", "operator", "admin"];

pub(super) fn tls(tls: &Tls, found: &mut Findings) {
    for (key, path) in [("cert", &tls.cert), ("key", &tls.key)] {
        if path.as_os_str().is_empty() {
            let hint = "name both PEM files, the certificate and its private key, or remove `server.tls`";
            found.refuse(&format!("server.tls.{key}"), "is missing or empty", hint);
        }
    }
}

pub(super) fn proxies(proxies: &[String], found: &mut Findings) {
    found.at_most("server.trusted_proxies", proxies.len(), ENTRIES_MAX);
    for (index, proxy) in proxies.iter().enumerate().filter(|(_, proxy)| network(proxy).is_none()) {
        let problem = format!("is `{}`, neither an address nor a network", cut(proxy));
        let hint = "write an IP address such as `10.0.0.7` or a network such as `10.0.0.0/8`";
        found.refuse(&element("server.trusted_proxies", index), &problem, hint);
    }
}

pub(super) fn access(access: &Access, found: &mut Findings) {
    limits::access(access, found);
    if let Some(it) = &access.oidc {
        limits::oidc(it, found);
        oidc(it, found);
    }
}

fn oidc(oidc: &Oidc, found: &mut Findings) {
    let words = [
        ("issuer", &oidc.issuer),
        ("audience", &oidc.audience),
        ("tenant_claim", &oidc.tenant_claim),
        ("role_claim", &oidc.role_claim),
    ];
    for (key, _) in words.into_iter().filter(|(_, word)| word.trim().is_empty()) {
        let hint = "write it as it stands in the tokens, or remove `access.oidc`";
        found.refuse(&format!("access.oidc.{key}"), "is missing or empty", hint);
    }
    if !oidc.issuer.trim().is_empty() {
        address("access.oidc.issuer", &oidc.issuer, found);
    }
    if let Some(url) = &oidc.jwks_url {
        address("access.oidc.jwks_url", without_query(url), found);
    }
    if let Some(role) = oidc.role.as_deref().filter(|role| !ROLES.contains(role)) {
        let known = ROLES.map(str::to_owned);
        let hint = crate::error::offer(role, &known, "roles").unwrap_or_default();
        found.refuse("access.oidc.role", &format!("is `{}`, not a role", cut(role)), &hint);
    }
}

/// Judges an address from which keys are fetched: whoever could change them on the way could let anybody in.
fn address(path: &str, url: &str, found: &mut Findings) {
    if let Some((problem, hint)) = url_trouble(url) {
        found.refuse(path, &problem, hint);
    } else if is_exposed(url) {
        found.refuse(path, "is not encrypted", "write `https://`, plain `http://` is for this machine alone");
    }
}

/// An address up to its query, which some providers tell their sets of keys apart by.
fn without_query(url: &str) -> &str {
    match url.split_once('?') {
        Some((address, query)) if query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') => address,
        _ => url,
    }
}
