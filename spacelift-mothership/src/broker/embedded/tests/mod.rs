//! The broker as clients see it: the real client library over real TLS on loopback.

mod access;
mod bench;
mod delivery;
