//! From the word that the configuration may be another one to what runs on it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use exuvia_gateway::Gateway;
use exuvia_server::PendingGateway;
use exuvia_server::http::{Tls, TlsError, TlsFiles};
use exuvia_tool::BoxFuture;
use exuvia_upstream::Change;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::fixed::Fixed;
use super::watch::{Stamp, Watch, stamps};
use crate::args::ClientArgs;
use crate::config::{self, Config, ConfigErrors, Paths};
use crate::session::{Setup, tell_rules, tell_servers};
use crate::terminal::Terminal;

/// How long after the first word of a change the files are read: one change is often several steps.
const SETTLING: Duration = Duration::from_millis(200);

/// Follows the configuration of a gateway.
pub(crate) struct Follower {
    args: Arc<ClientArgs>,
    terminal: Terminal,
    hangups: Signal,
    /// None: the system has none to give.
    watch: Option<Watch>,
    files: Vec<PathBuf>,
    stamps: Vec<Stamp>,
    /// What runs, or is about to.
    setup: Setup,
    running: Fixed,
    /// What clients are shown, where HTTPS is spoken.
    tls: Option<Tls>,
    told: Told,
}

/// What was read.
struct Loaded {
    config: Config,
    /// Where HTTPS is spoken. What is wrong with it is no reason to leave out the rest: a policy holds at once.
    tls: Option<Result<Tls, TlsError>>,
}

/// What was said last, so that nothing is said again and again.
struct Told {
    fixed: Fixed,
    errors: String,
    certificate: String,
    unwatched: String,
}

/// Another configuration on its way into force.
type Changing<'a> = BoxFuture<'a, Option<Change>>;

impl Follower {
    /// From now on no change is missed, whatever else has to be started first. `config` is what was read with these arguments.
    ///
    /// # Errors
    ///
    /// SIGHUP cannot be listened for.
    pub(crate) fn new(args: ClientArgs, config: &Config, terminal: Terminal) -> Result<Self> {
        let watch = Watch::new();
        if let Err(error) = &watch {
            terminal.say(&format!("changes of configuration files are not noticed, send SIGHUP: {error}"));
        }
        let running = Fixed::of(config);
        let told = Told {
            fixed: running.clone(),
            errors: String::new(),
            certificate: String::new(),
            unwatched: String::new(),
        };
        let mut follower = Self {
            args: Arc::new(args),
            terminal,
            hangups: signal(SignalKind::hangup())?,
            watch: watch.ok(),
            files: config.files.clone(),
            stamps: Vec::new(),
            setup: Setup::of(config, config.profiles()),
            running,
            tls: config.http.tls.clone(),
            told,
        };
        follower.rewatch();
        Ok(follower)
    }

    /// Follows it until the handle is dropped.
    pub(crate) fn follow(self, gateway: PendingGateway) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(async move {
            if let Some(gateway) = gateway.get().await {
                self.run(&gateway).await;
            }
        }))
    }

    async fn run(mut self, gateway: &Gateway) {
        // Once without being asked: the files may have changed between reading and watching them.
        let mut due = Some(Instant::now());
        let (mut changing, mut next): (Option<Changing<'_>>, Option<Changing<'_>>) = (None, None);
        loop {
            let is_asked = tokio::select! {
                change = ongoing(&mut changing) => {
                    let Some(change) = change else { return };
                    self.tell(&change, gateway);
                    changing = next.take();
                    continue;
                }
                _ = self.hangups.recv() => true,
                () = happened(self.watch.as_ref()) => {
                    due.get_or_insert_with(|| Instant::now() + SETTLING);
                    continue;
                }
                () = until(due) => false,
            };
            due = None;
            self.rewatch();
            let stamps = stamps(&self.files);
            if !is_asked && self.stamps == stamps {
                continue;
            }
            self.stamps = stamps;
            let loaded = self.load().await;
            if self.look_at(loaded, is_asked) {
                // Its policy holds from here on, whatever still starts for the configuration before.
                let Setup { servers, server_limits, settings } = self.setup.clone();
                let change: Changing<'_> = Box::pin(gateway.reconfigure(servers, server_limits, settings));
                *(if changing.is_none() { &mut changing } else { &mut next }) = Some(change);
            }
            if self.stamps.len() != self.files.len() {
                due = Some(Instant::now());
            }
        }
    }

    async fn load(&self) -> Result<Loaded, ConfigErrors> {
        let (args, speaks_tls) = (Arc::clone(&self.args), self.tls.is_some());
        let read = move || read(&args, speaks_tls);
        finished(tokio::task::spawn_blocking(read).await).await
    }

    /// Takes what was read. Tells whether it is another configuration, which can be used.
    fn look_at(&mut self, loaded: Result<Loaded, ConfigErrors>, is_asked: bool) -> bool {
        let Loaded { config, tls } = match loaded {
            Ok(loaded) => loaded,
            Err(errors) => {
                self.note_files(&errors.files);
                let errors = errors.to_string();
                if is_asked || errors != self.told.errors {
                    self.terminal.say(&format!("reload: nothing was changed: {errors}"));
                }
                self.told.errors = errors;
                return false;
            }
        };
        self.note_files(&config.files);
        let fixed = Fixed::of(&config);
        for key in fixed.changed(&self.told.fixed, &self.running) {
            self.terminal.say(&format!("reload: {key} takes effect at the next start"));
        }
        self.told.fixed = fixed;
        let was_wrong = !std::mem::take(&mut self.told.errors).is_empty();
        let is_renewed = tls.is_some_and(|read| self.renew(read, &config));
        let mut setup = Setup::of(&config, config.profiles());
        // Places for those that execute are as many as do.
        let queue = &mut setup.settings.queue;
        queue.runs = queue.runs - config.runs.concurrent as usize + self.running.concurrent as usize;
        let is_other = setup != self.setup;
        if is_other {
            config.notices.iter().for_each(|notice| self.terminal.say(&notice.to_string()));
            self.setup = setup;
        } else if !is_renewed && (is_asked || was_wrong) {
            self.terminal.note("reload: nothing has changed");
        }
        is_other
    }

    /// Shows further connections what was read. Tells whether that is another certificate.
    fn renew(&mut self, read: Result<Tls, TlsError>, config: &Config) -> bool {
        let error = match (&self.tls, read) {
            (Some(shown), Ok(read)) if shown.replace(&read) => {
                self.terminal.note("reload: further connections are shown the new certificate");
                if let Some(warning) = config.tls.as_ref().and_then(TlsFiles::warning) {
                    self.terminal.say(&warning);
                }
                self.told.certificate.clear();
                return true;
            }
            (_, read) => read.err().map(|error| error.to_string()).unwrap_or_default(),
        };
        if !error.is_empty() && error != self.told.certificate {
            self.terminal.say(&format!("reload: the certificate stays as it was: listen.tls: {error}"));
        }
        self.told.certificate = error;
        false
    }

    /// What is to be watched. Stamps of before say nothing of other files.
    fn note_files(&mut self, files: &[PathBuf]) {
        if self.files != files {
            self.files = files.to_vec();
            self.stamps.clear();
            self.rewatch();
        }
    }

    fn rewatch(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let errors = watch.set(&self.files).err().unwrap_or_default();
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let errors = errors.join("; ");
        if !errors.is_empty() && errors != self.told.unwatched {
            self.terminal.say(&format!("some changes of configuration files are not noticed, send SIGHUP: {errors}"));
        }
        self.told.unwatched = errors;
    }

    /// Tells what has come into force.
    fn tell(&self, change: &Change, gateway: &Gateway) {
        let Change { started, replaced, removed } = change;
        let parts = [("new", started), ("replaced", replaced), ("removed", removed)];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        let parts: Vec<String> = parts.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect();
        let servers = if parts.is_empty() { "the servers are the same".to_owned() } else { parts.join("; ") };
        self.terminal.note(&format!("reload: the new configuration is in force; {servers}"));
        let all = gateway.servers();
        let new = all.iter().filter(|server| started.contains(&server.name) || replaced.contains(&server.name));
        tell_servers(new, &self.terminal);
        tell_rules(&gateway.policy(), &all, &self.terminal);
    }
}

fn read(args: &ClientArgs, speaks_tls: bool) -> Result<Loaded, ConfigErrors> {
    let config = config::load(&args.servers, &args.auto_execute, &Paths::of_user())?;
    let tls = config.tls.as_ref().filter(|_| speaks_tls).map(TlsFiles::load);
    Ok(Loaded { config, tls })
}

/// What a task came to, whose panic is ours too. One that was cancelled was so because everything ends: nothing comes after it.
async fn finished<T>(task: Result<T, JoinError>) -> T {
    match task.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_cancelled)) => std::future::pending().await,
    }
}

/// The end of a change that is on its way. None: everything is over.
async fn ongoing(changing: &mut Option<Changing<'_>>) -> Option<Change> {
    match changing {
        Some(change) => change.await,
        None => std::future::pending().await,
    }
}

async fn happened(watch: Option<&Watch>) {
    match watch {
        Some(watch) => watch.happened().await,
        None => std::future::pending().await,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_was_cancelled_is_no_panic() {
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        let cancelled = task.await;
        assert!(cancelled.is_err());
        assert!(tokio::time::timeout(Duration::from_millis(50), finished(cancelled)).await.is_err());
        assert_eq!(finished(Ok(7)).await, 7);
    }
}
