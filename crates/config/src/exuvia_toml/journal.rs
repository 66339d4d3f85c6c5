//! `[journal]`, resolved.

use exuvia_policy::Redaction;

use super::file_types::{self, Store};
use super::limits::value;
use super::resolve::Resolver;
use crate::{DatabaseUrl, JournalConfig, JournalStore};

impl Resolver<'_> {
    pub(super) fn journal(&mut self, written: &file_types::Journal) -> JournalConfig {
        let default = JournalConfig::default();
        let keep_bytes = value(written.keep_bytes.as_ref(), "keep_bytes", &mut self.wrong_in("/journal"));
        JournalConfig {
            store: self.journal_store(written).unwrap_or(default.store),
            is_required: written.store.is_some() || written.path.is_some() || written.url.is_some(),
            keep_days: written.keep_days.unwrap_or(default.keep_days),
            keep_bytes: keep_bytes.unwrap_or(default.keep_bytes),
            redaction: self.redaction(&written.redact),
            checkpoint_copy: written
                .checkpoint_copy
                .as_deref()
                .and_then(|path| self.path(path, "/journal/checkpoint_copy")),
        }
    }

    /// None: one that is wrong, which was reported.
    fn journal_store(&mut self, written: &file_types::Journal) -> Option<JournalStore> {
        if let Some(url) = &written.url {
            if written.store.is_some() {
                self.error("/journal/url", "conflicts with `store`: a journal is in one place");
            }
            let folder = match &written.path {
                Some(path) => Some(self.path(path, "/journal/path")?),
                None => None,
            };
            return self.database_url(url).map(|url| JournalStore::Postgres { url, folder });
        }
        match (written.store, &written.path) {
            (Some(Store::Memory), Some(_)) => {
                self.error("/journal/path", "conflicts with `store = \"memory\"`");
                None
            }
            (Some(Store::Memory), None) => Some(JournalStore::Memory),
            (_, None) => Some(JournalStore::Sqlite(None)),
            (_, Some(path)) => self.path(path, "/journal/path").map(|path| JournalStore::Sqlite(Some(path))),
        }
    }

    fn database_url(&mut self, text: &str) -> Option<DatabaseUrl> {
        let text = self.some_text(text, "/journal/url")?;
        let is_usable = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        if !is_usable {
            self.error("/journal/url", "must be a postgres:// URL, for example postgres://db.example/exuvia");
        }
        is_usable.then_some(DatabaseUrl(text))
    }

    fn redaction(&mut self, written: &file_types::Redact) -> Redaction {
        Redaction::compile(&written.paths, &written.patterns).unwrap_or_else(|errors| {
            for error in errors {
                self.error(&format!("/journal/redact/{}/{}", error.list, error.index), error.message);
            }
            Redaction::default()
        })
    }
}
