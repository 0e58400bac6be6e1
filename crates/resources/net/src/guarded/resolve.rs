//! From a name to its addresses. Judges none of them.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

/// What a look-up gives: addresses in the order in which they are to be tried.
pub type Resolved<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Looks names up.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// The addresses of `host`, which is a name and no address.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolved<'a>;
}

/// The system's own resolver.
#[derive(Debug)]
pub(super) struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolved<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect()) })
    }
}
