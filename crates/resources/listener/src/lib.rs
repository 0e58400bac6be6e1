//! Sockets that are listened on: addresses, clients' connections and the threads that serve them, encryption and the
//! renewal of its certificate.
//!
//! Of HTTP it knows the one reply for clients that speak it without encryption, and of what is served nothing at all:
//! doors accept connections and say what becomes of them.

mod bind;
mod crew;
mod socket;
mod tls;

pub use bind::{ServeError, bind, listen};
pub use crew::Crew;
pub use socket::Socket;
pub use tls::{Certificate, Flaw, check_tls, greet, watch};

#[cfg(test)]
mod tests;
