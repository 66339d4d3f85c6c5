//! The reload loop: from a notification of changed files to a configuration that is in use.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use exuvia_config::{Config, ConfigErrors, Sources};
use exuvia_gateway::{ConfigPart, Gateway};
use exuvia_server::PendingGateway;
use exuvia_server::http::{Tls, TlsError};
use exuvia_tool::BoxFuture;
use exuvia_upstream::Change;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::config_read::{ConfigRead, ConfigReadOutcome, Loaded};
use super::panic_guard::catch_panic;
use super::restart_only::RestartOnlySettings;
use super::watch::{Stamp, Watch};
use crate::admin::EffectiveConfigs;
use crate::app::ReloadableConfig;
use crate::file_threads::{FileThreads, Unfinished};
use crate::start_progress::{report_rules, report_servers};
use crate::terminal::Terminal;

/// How long after the first notification of a change the files are read: one change often takes several steps.
const SETTLING: Duration = Duration::from_millis(200);
/// When files that could not be loaded are read again without a notification. File systems that recover send none.
const AGAIN: Duration = Duration::from_secs(10);

/// Follows the configuration of a gateway.
pub(crate) struct Reloader {
    sources: Arc<Sources>,
    terminal: Terminal,
    hangups: Signal,
    happened: Arc<Notify>,
    looks: FileThreads,
    /// None: a look has it, or it went with one.
    watch: Option<Watch>,
    files: Vec<PathBuf>,
    /// Whether they are others than those that are watched.
    has_other_files: bool,
    stamps: Vec<Stamp>,
    /// What runs, or is about to. None: nobody knows, after a fault.
    reloadable: Option<ReloadableConfig>,
    running: RestartOnlySettings,
    /// What the admin API shows of it.
    effective: EffectiveConfigs,
    /// What clients are shown, where HTTPS is spoken.
    tls: Option<Tls>,
    last_reported: LastReported,
}

/// What was reported last, so that nothing is reported twice.
struct LastReported {
    restart_only: RestartOnlySettings,
    errors: String,
    certificate: String,
    unwatched: String,
}

/// A configuration change in progress.
type Changing<'a> = BoxFuture<'a, Option<Change>>;
/// A read of the files, in progress.
type Looking = BoxFuture<'static, Result<ConfigReadOutcome, Unfinished>>;

impl Reloader {
    /// From now on no SIGHUP is missed, whatever else has to be started first. `config` is what was read from these sources.
    ///
    /// # Errors
    ///
    /// SIGHUP cannot be listened for.
    pub(crate) fn new(
        sources: Sources,
        config: &Config,
        tls: Option<Tls>,
        effective: EffectiveConfigs,
        terminal: Terminal,
    ) -> Result<Self> {
        let running = RestartOnlySettings::of(config);
        let last_reported = LastReported {
            restart_only: running.clone(),
            errors: String::new(),
            certificate: String::new(),
            unwatched: String::new(),
        };
        Ok(Self {
            sources: Arc::new(sources),
            terminal,
            hangups: signal(SignalKind::hangup())?,
            happened: Arc::default(),
            looks: FileThreads::default(),
            watch: None,
            files: config.files.clone(),
            has_other_files: false,
            stamps: Vec::new(),
            reloadable: Some(ReloadableConfig::of(config, config.profiles())),
            running,
            effective,
            tls,
            last_reported,
        })
    }

    /// Follows it until the handle is dropped.
    pub(crate) fn follow(mut self, gateway: PendingGateway) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(async move {
            let Some(gateway) = gateway.get().await else { return };
            while catch_panic(self.run(&gateway)).await.is_err() {
                // The change in progress is lost. Everything is read and applied again.
                self.reloadable = None;
                self.stamps.clear();
                self.gave_up(Unfinished::Fault, &gateway);
                tokio::time::sleep(AGAIN).await;
            }
        }))
    }

    async fn run(&mut self, gateway: &Gateway) {
        // Once without being asked: the files may have changed since they were read.
        let (mut due, mut is_asked) = (Some(Instant::now()), false);
        let mut looking: Option<Looking> = None;
        let (mut changing, mut next): (Option<Changing<'_>>, Option<Changing<'_>>) = (None, None);
        loop {
            tokio::select! {
                change = ongoing(&mut changing) => {
                    let Some(change) = change else { return };
                    self.report(&change, gateway);
                    changing = next.take();
                    if changing.is_none() && self.last_reported.errors.is_empty() {
                        gateway.configuration().is_current(ConfigPart::Configuration);
                    }
                }
                _ = self.hangups.recv() => (due, is_asked) = (Some(Instant::now()), true),
                () = self.happened.notified() => {
                    // Sooner than the next try of what failed.
                    let soon = Instant::now() + SETTLING;
                    due = Some(due.map_or(soon, |due| due.min(soon)));
                }
                () = until(due), if looking.is_none() => {
                    due = None;
                    looking = Some(self.look(std::mem::take(&mut is_asked)));
                }
                seen = ongoing(&mut looking) => {
                    looking = None;
                    let is_other = match seen {
                        Ok(seen) => self.saw(seen, gateway),
                        Err(unfinished) => {
                            self.gave_up(unfinished, gateway);
                            false
                        }
                    };
                    if is_other && let Some(reloadable) = self.reloadable.clone() {
                        // Its policy holds from here on, whatever still starts for the configuration before.
                        let ReloadableConfig { servers, server_limits, settings, access } = reloadable;
                        let budgets = access.budgets.clone();
                        gateway.access().reconfigure(access);
                        gateway.budgets().reconfigure(&budgets);
                        let change: Changing<'_> = Box::pin(gateway.reconfigure(servers, server_limits, settings));
                        *(if changing.is_none() { &mut changing } else { &mut next }) = Some(change);
                    } else if changing.is_none() && self.last_reported.errors.is_empty() {
                        gateway.configuration().is_current(ConfigPart::Configuration);
                    }
                    if std::mem::take(&mut self.has_other_files) {
                        due = Some(Instant::now());
                    } else if !gateway.configuration().outdated().is_empty() {
                        self.stamps.clear();
                        due.get_or_insert_with(|| Instant::now() + AGAIN);
                    }
                }
            }
        }
    }

    /// Begins to look at the files.
    fn look(&mut self, is_asked: bool) -> Looking {
        let look = ConfigRead {
            sources: Arc::clone(&self.sources),
            speaks_tls: self.tls.is_some(),
            watch: self.watch.take(),
            happened: Arc::clone(&self.happened),
            files: self.files.clone(),
            stamps: std::mem::take(&mut self.stamps),
            is_asked,
        };
        let looks = self.looks.clone();
        Box::pin(async move { looks.run(move || look.see()).await })
    }

    /// Reports that reading the configuration did not complete. The next attempt starts from the beginning.
    fn gave_up(&mut self, unfinished: Unfinished, gateway: &Gateway) {
        let why = unfinished.to_string();
        if self.last_reported.errors != why {
            self.terminal.print(&format!("reload failed, nothing changed: {why}"));
        }
        gateway.configuration().is_outdated(ConfigPart::Configuration, &why);
        self.last_reported.errors = why;
    }

    /// Takes what was seen. Tells whether it is another configuration, which can be used.
    fn saw(&mut self, seen: ConfigReadOutcome, gateway: &Gateway) -> bool {
        let ConfigReadOutcome { watch, unwatched, stamps, is_asked, read } = seen;
        (self.watch, self.stamps) = (watch, stamps);
        if !unwatched.is_empty() && unwatched != self.last_reported.unwatched {
            let message = "some configuration files cannot be watched; send SIGHUP to reload";
            self.terminal.print(&format!("{message}: {unwatched}"));
        }
        self.last_reported.unwatched = unwatched;
        match read {
            Some(Ok(loaded)) => self.take(loaded, is_asked, gateway),
            Some(Err(errors)) => {
                self.refuse(&errors, is_asked, gateway);
                false
            }
            None => false,
        }
    }

    fn refuse(&mut self, errors: &ConfigErrors, is_asked: bool, gateway: &Gateway) {
        self.note_files(&errors.files);
        gateway.configuration().is_outdated(ConfigPart::Configuration, errors.places());
        let errors = errors.to_string();
        if is_asked || errors != self.last_reported.errors {
            self.terminal.print(&format!("reload failed, nothing changed: {errors}"));
        }
        self.last_reported.errors = errors;
    }

    fn take(&mut self, loaded: Loaded, is_asked: bool, gateway: &Gateway) -> bool {
        let Loaded { config, tls, tls_warning } = loaded;
        self.note_files(&config.files);
        let restart_only = RestartOnlySettings::of(&config);
        for key in restart_only.changed(&self.last_reported.restart_only, &self.running) {
            self.terminal.print(&format!("reload: {key} takes effect at the next start"));
        }
        self.last_reported.restart_only = restart_only;
        let was_wrong = !std::mem::take(&mut self.last_reported.errors).is_empty();
        let is_renewed = tls.is_some_and(|read| self.renew(read, tls_warning.as_deref(), gateway));
        let mut reloadable = ReloadableConfig::of(&config, config.profiles());
        // Places for those that execute are as many as do.
        let queue = &mut reloadable.settings.queue;
        queue.runs = queue.runs - config.runs.concurrent as usize + self.running.concurrent as usize;
        let is_other = self.reloadable.as_ref() != Some(&reloadable);
        if is_other {
            config.notices.iter().for_each(|notice| self.terminal.print(&notice.to_string()));
            self.reloadable = Some(reloadable);
            self.effective.set(&config);
        } else if !is_renewed && (is_asked || was_wrong) {
            self.terminal.print_info("reload: no changes");
        }
        is_other
    }

    /// Shows further connections what was read. Tells whether that is another certificate.
    fn renew(&mut self, read: Result<Tls, TlsError>, warning: Option<&str>, gateway: &Gateway) -> bool {
        let error = match (&self.tls, read) {
            (Some(shown), Ok(read)) if shown.replace(&read) => {
                self.terminal.print_info("reload: new connections use the new certificate");
                warning.iter().for_each(|warning| self.terminal.print(warning));
                gateway.configuration().is_current(ConfigPart::Certificate);
                self.last_reported.certificate.clear();
                return true;
            }
            (_, read) => read.err().map(|error| format!("{:#}", anyhow::Error::from(error))).unwrap_or_default(),
        };
        match error.as_str() {
            "" => gateway.configuration().is_current(ConfigPart::Certificate),
            _ => gateway.configuration().is_outdated(ConfigPart::Certificate, "listen.tls cannot be used; see the log"),
        }
        if !error.is_empty() && error != self.last_reported.certificate {
            self.terminal.print(&format!("reload failed, certificate unchanged: listen.tls: {error}"));
        }
        self.last_reported.certificate = error;
        false
    }

    /// What is to be watched. Stamps of before say nothing of other files.
    fn note_files(&mut self, files: &[PathBuf]) {
        if self.files != files {
            self.files = files.to_vec();
            self.stamps.clear();
            self.has_other_files = true;
        }
    }

    /// Tells what has come into force.
    fn report(&self, change: &Change, gateway: &Gateway) {
        let Change { started, replaced, removed } = change;
        let parts = [("new", started), ("replaced", replaced), ("removed", removed)];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        let parts: Vec<String> = parts.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect();
        let servers = if parts.is_empty() { "servers unchanged".to_owned() } else { parts.join("; ") };
        self.terminal.print_info(&format!("reload: the new configuration is active; {servers}"));
        let all = gateway.servers();
        let new = all.iter().filter(|server| started.contains(&server.name) || replaced.contains(&server.name));
        report_servers(new, &self.terminal);
        report_rules(&gateway.policy(), &all, &self.terminal);
    }
}

/// Waits for the work in progress, or forever.
async fn ongoing<T>(work: &mut Option<BoxFuture<'_, T>>) -> T {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
