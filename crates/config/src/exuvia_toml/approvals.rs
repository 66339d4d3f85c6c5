//! `[approvals]`, resolved.

use std::time::Duration;

use super::approvals_types::Approvals;
use super::resolve::Resolver;
use crate::servers::check;
use crate::{ApprovalLimits, ApprovalsConfig, Http, Webhook, WebhookSecret};

impl Resolver<'_> {
    pub(super) fn approvals(&mut self, written: &Approvals) -> ApprovalsConfig {
        // One of them without the other was reported already.
        let webhook = written.webhook.as_deref().zip(written.webhook_secret.as_deref());
        let webhook = webhook.and_then(|(url, secret)| self.webhook(url, secret, written));
        ApprovalsConfig { webhook, desktop: written.desktop, limits: self.approval_limits(written) }
    }

    fn approval_limits(&mut self, written: &Approvals) -> ApprovalLimits {
        let default = ApprovalLimits::default();
        let pending = written.pending.unwrap_or(default.pending);
        let waiting_runs = written.waiting_runs.unwrap_or(default.waiting_runs);
        let own = "pending_per_principal";
        let pending_per_principal =
            self.share(written.pending_per_principal, default.pending_per_principal, (own, "pending", pending));
        let of_runs = ("waiting_runs_per_principal", "waiting_runs", waiting_runs);
        let waiting_runs_per_principal =
            self.share(written.waiting_runs_per_principal, default.waiting_runs_per_principal, of_runs);
        ApprovalLimits {
            expires: written.expires_minutes.map_or(default.expires, |minutes| Duration::from_secs(minutes * 60)),
            lease: written.lease_ms.map(Duration::from_millis),
            pending,
            pending_per_principal,
            waiting_runs,
            waiting_runs_per_principal,
        }
    }

    /// The part of a bound that one principal has: no more than all have together.
    fn share(&mut self, written: Option<u64>, default: u64, (key, of, all): (&str, &str, u64)) -> u64 {
        match written {
            Some(own) if own > all => {
                self.error(&format!("/approvals/{key}"), format!("must be at most `{of}`, which is {all}"));
                all
            }
            Some(own) => own,
            None => default.min(all),
        }
    }

    /// None: one that is wrong, which was reported.
    fn webhook(&mut self, url: &str, secret: &str, written: &Approvals) -> Option<Webhook> {
        let (at_url, at_secret, at_ca, at_proxy) =
            ("/approvals/webhook", "/approvals/webhook_secret", "/approvals/webhook_ca", "/approvals/webhook_proxy");
        let url = self.some_text(url, at_url);
        let url = url.and_then(|url| check::server_url(&url).map_err(|message| self.error(at_url, message)).ok());
        let secret = self.some_text(secret, at_secret);
        let secret =
            secret.and_then(|text| WebhookSecret::parse(&text).map_err(|message| self.error(at_secret, message)).ok());
        let ca = written.webhook_ca.as_deref().and_then(|ca| self.certificates(ca, at_ca));
        let proxy = written.webhook_proxy.as_deref().and_then(|proxy| self.proxy(proxy, at_proxy));
        let mut http = Http::new(url?);
        (http.ca, http.proxy) = (ca.unwrap_or_default(), proxy);
        if let Err(message) = http.check_proxy() {
            self.error(at_proxy, message);
        } else if !http.is_private() {
            self.error(at_url, "messages would be sent unencrypted; use https://");
        }
        Some(Webhook { http, secret: secret? })
    }
}
