//! `[admin]`, resolved.

use url::Url;

use super::admin_types::Admin;
use super::resolve::Resolver;
use crate::AdminConfig;

impl Resolver<'_> {
    pub(super) fn admin(&mut self, written: &Admin) -> AdminConfig {
        let (is_on, trace_url) = (written.enabled.unwrap_or(true), self.trace_url(written));
        let default = AdminConfig { is_on, trace_url, ..AdminConfig::default() };
        let Some(text) = &written.listen else { return default };
        match self.address(text, "/admin/listen") {
            Some(address) if address.ip().is_loopback() => AdminConfig { listen: address, is_fixed: true, ..default },
            Some(_) => {
                let message = "must be a loopback address, for example 127.0.0.1:7431: it is not for other machines";
                self.error("/admin/listen", message);
                default
            }
            None => default,
        }
    }

    fn trace_url(&mut self, written: &Admin) -> Option<String> {
        let key = "/admin/trace_url";
        let url = self.some_text(written.trace_url.as_deref()?, key)?;
        let is_web = Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if is_web && url.contains("{trace_id}") {
            return Some(url);
        }
        self.error(key, "must be a web address with {trace_id}, for example https://jaeger.example/trace/{trace_id}");
        None
    }
}
