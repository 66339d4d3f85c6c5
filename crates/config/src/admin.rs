//! The listener of the admin API, as the program runs on it.

use std::net::{Ipv4Addr, SocketAddr};

/// The port of the admin API, unless another one is configured.
const PORT: u16 = 7431;

/// The listener of the admin API and console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Whether there is one.
    pub is_on: bool,
    /// Its address, which is of this machine alone.
    pub listen: SocketAddr,
    /// The address is configured: where it is taken, no other port stands in for it.
    pub is_fixed: bool,
    /// Where traces are shown: a URL with `{trace_id}`.
    pub trace_url: Option<String>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { is_on: true, listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), is_fixed: false, trace_url: None }
    }
}
