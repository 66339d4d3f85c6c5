//! `[admin]`, resolved.

use super::admin_types::Admin;
use super::resolve::Resolver;
use crate::AdminConfig;

impl Resolver<'_> {
    pub(super) fn admin(&mut self, written: &Admin) -> AdminConfig {
        let default = AdminConfig { is_on: written.enabled.unwrap_or(true), ..AdminConfig::default() };
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
}
