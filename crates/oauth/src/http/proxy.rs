//! HTTP proxies.

use exuvia_config::Proxy;
use reqwest::ClientBuilder;

use super::causes::causes;

/// What the library says where a proxy answers `CONNECT` with HTTP 407; its error has no public type.
const AUTHORIZATION_REQUIRED: &str = "proxy authorization required";

/// Has everything go through this proxy, or through none: never through one that the environment names.
pub fn through(builder: ClientBuilder, proxy: Option<&Proxy>) -> Result<ClientBuilder, String> {
    let builder = builder.no_proxy();
    let Some(proxy) = proxy else { return Ok(builder) };
    let proxy = reqwest::Proxy::all(proxy.url().clone());
    Ok(builder.proxy(proxy.map_err(|error| format!("the proxy cannot be used: {}", causes(&error.without_url())))?))
}

/// What to know of an error of the connection: words that begin with a semicolon.
pub fn hint(proxy: &Proxy, error: &str) -> String {
    format!("; {}", proxy.hint(error.contains(AUTHORIZATION_REQUIRED)))
}
