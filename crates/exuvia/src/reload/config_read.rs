//! One read of the configuration files. It may block forever, so it runs on a thread that is abandoned after a while.

use std::path::PathBuf;
use std::sync::Arc;

use exuvia_config::{Config, ConfigErrors, Paths, Sources, TlsFiles};
use exuvia_server::http::{Tls, TlsError};
use tokio::sync::Notify;

use super::watch::{Stamp, Watch, stamps};

/// What is looked at, and with what.
pub(super) struct ConfigRead {
    pub(super) sources: Arc<Sources>,
    /// Whether HTTPS is spoken.
    pub(super) speaks_tls: bool,
    /// None: it is made anew. The one before went with a look that was given up.
    pub(super) watch: Option<Watch>,
    /// Notified of changes.
    pub(super) happened: Arc<Notify>,
    /// The files as far as they are known.
    pub(super) files: Vec<PathBuf>,
    /// What they were like the last time.
    pub(super) stamps: Vec<Stamp>,
    /// Whether they are read though they are what they were.
    pub(super) is_asked: bool,
}

/// What was seen.
pub(super) struct ConfigReadOutcome {
    pub(super) watch: Option<Watch>,
    /// Which changes go unnoticed, for the operator. Empty: none.
    pub(super) unwatched: String,
    pub(super) stamps: Vec<Stamp>,
    pub(super) is_asked: bool,
    /// None: the files are what they were.
    pub(super) read: Option<Result<Loaded, ConfigErrors>>,
}

/// What was read.
pub(super) struct Loaded {
    pub(super) config: Config,
    /// Where HTTPS is spoken. What is wrong with it is no reason to leave out the rest: a policy holds at once.
    pub(super) tls: Option<Result<Tls, TlsError>>,
    /// What an operator should know of a certificate that can be used all the same.
    pub(super) tls_warning: Option<String>,
}

impl ConfigRead {
    /// Looks. Whoever calls this can wait for ever.
    pub(super) fn see(self) -> ConfigReadOutcome {
        let Self { sources, speaks_tls, watch, happened, files, stamps: before, is_asked } = self;
        // First watched and then read: no change is missed.
        let (watch, unwatched) = watched(watch, happened, &files);
        let stamps = stamps(&files);
        let is_read = is_asked || stamps != before;
        let read = is_read.then(|| read(&sources, speaks_tls));
        ConfigReadOutcome { watch, unwatched, stamps, is_asked, read }
    }
}

fn watched(watch: Option<Watch>, happened: Arc<Notify>, files: &[PathBuf]) -> (Option<Watch>, String) {
    let mut watch = match watch.map_or_else(|| Watch::new(happened), Ok) {
        Ok(watch) => watch,
        Err(error) => return (None, error.to_string()),
    };
    let errors = watch.set(files).err().unwrap_or_default();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    (Some(watch), errors.join("; "))
}

fn read(sources: &Sources, speaks_tls: bool) -> Result<Loaded, ConfigErrors> {
    let config = sources.load(&Paths::of_user())?;
    let files = config.tls.as_ref().filter(|_| speaks_tls);
    let (tls, tls_warning) = (files.map(Tls::load), files.and_then(TlsFiles::warning));
    Ok(Loaded { config, tls, tls_warning })
}
