//! Settings that a reload cannot change before the next start.

use exuvia_config::{ApprovalsConfig, Config, JournalConfig, JournalStore};

/// The values of keys that are read once.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RestartOnlySettings {
    pub(super) concurrent: u32,
    keys: Vec<(&'static str, String)>,
}

impl RestartOnlySettings {
    pub(super) fn of(config: &Config) -> Self {
        let http = &config.http;
        let keys = vec![
            ("listen.mcp", format!("{:?}", config.listen)),
            // Other files of a certificate are read anew.
            ("listen.tls", config.tls.is_some().to_string()),
            ("listen.origins", format!("{:?}", http.origins)),
            ("listen.public_url", format!("{:?}", http.public_url)),
            ("listen.hosts", format!("{:?}", http.hosts)),
            ("listen.trusted_proxies", format!("{:?}", http.trusted_proxies)),
            ("listen.requests_per_minute", http.requests_per_minute.to_string()),
            ("listen.connections", http.connections.to_string()),
            ("listen.sessions", http.sessions.to_string()),
            ("listen.session_grace_ms", format!("{:?}", http.session_grace)),
            ("listen.drain_ms", format!("{:?}", http.drain)),
            // The address may hold a token: it is compared, and never shown.
            ("telemetry.otlp", config.collector.as_ref().map_or_else(String::new, |collector| collector.0.clone())),
            ("journal", journal(&config.journal)),
            ("admin", format!("{:?}", config.admin)),
            ("approvals", approvals(&config.approvals)),
            ("learn_shapes", config.learn_shapes.to_string()),
            ("shipped_shapes", config.shipped_shapes.to_string()),
            ("runs.concurrent", config.runs.concurrent.to_string()),
            // A reload may lower it, and raise it again to what it was at the start.
            ("functions.depth", format!("{:?}", config.functions.as_ref().map(|functions| functions.depth))),
            ("runs.memory_bytes", format!("{:?}", config.runs.memory_bytes)),
            ("sessions.warm", format!("{:?}", config.sessions.as_ref().map(|sessions| sessions.warm))),
            // A session lives longer than the longest script.
            ("limits.wall_ms, for the idle timeout of sessions,", format!("{:?}", http.session_idle)),
        ];
        Self { concurrent: config.runs.concurrent, keys }
    }

    /// The keys that are others now than `before`, and than `running`, which is what holds.
    pub(super) fn changed(&self, before: &Self, running: &Self) -> Vec<&'static str> {
        let others = self.keys.iter().zip(&before.keys).zip(&running.keys);
        others.filter(|((now, before), running)| now != before && now != running).map(|((now, _), _)| now.0).collect()
    }
}

/// All of it. The address of a database is compared, and never shown.
fn journal(journal: &JournalConfig) -> String {
    let url = match &journal.store {
        JournalStore::Postgres { url, .. } => url.0.as_str(),
        JournalStore::Sqlite(_) | JournalStore::Memory => "",
    };
    format!("{journal:?}{url}")
}

/// All of it. Addresses and the secret are compared, and never shown.
fn approvals(approvals: &ApprovalsConfig) -> String {
    let webhook = approvals.webhook.as_ref();
    let http = webhook.map(|webhook| &webhook.http);
    let proxy = http.and_then(|http| http.proxy.as_ref()).map(|proxy| proxy.url().as_str());
    let url = http.map(|http| http.url.as_str());
    let secret = webhook.map(|webhook| webhook.secret.bytes());
    let ca = http.map(|http| &http.ca);
    format!("{:?} {url:?} {proxy:?} {ca:?} {secret:?}", approvals.desktop)
}

#[cfg(test)]
mod tests {
    use exuvia_config::DatabaseUrl;

    use super::*;

    #[test]
    fn a_changed_key_is_reported_once_and_not_when_it_reverts() {
        let restart_only = |listen: Option<&str>, connections: usize| {
            let mut config = Config { listen: listen.map(|listen| listen.parse().unwrap()), ..Config::default() };
            config.http.connections = connections;
            RestartOnlySettings::of(&config)
        };
        let running = restart_only(None, 10);
        let second = restart_only(Some("127.0.0.1:1"), 10);
        assert_eq!(second.changed(&running, &running), ["listen.mcp"]);
        assert!(second.changed(&second, &running).is_empty());
        assert_eq!(restart_only(Some("127.0.0.1:1"), 11).changed(&second, &running), ["listen.connections"]);
        assert!(running.changed(&second, &running).is_empty());
    }

    #[test]
    fn another_journal_needs_a_restart_and_its_password_is_compared() {
        let kept = |store: JournalStore| {
            let journal = JournalConfig { store, ..JournalConfig::default() };
            RestartOnlySettings::of(&Config { journal, ..Config::default() })
        };
        let database = |password: &str| {
            let url = DatabaseUrl(format!("postgres://a:{password}@b/c"));
            kept(JournalStore::Postgres { url, folder: None })
        };
        let running = kept(JournalStore::Sqlite(None));
        for other in [kept(JournalStore::Memory), kept(JournalStore::Sqlite(Some("j".into()))), database("x")] {
            assert_eq!(other.changed(&running, &running), ["journal"]);
        }
        assert_eq!(database("x").changed(&database("y"), &database("y")), ["journal"]);
        assert!(database("x").changed(&database("x"), &running).is_empty());
    }
}
