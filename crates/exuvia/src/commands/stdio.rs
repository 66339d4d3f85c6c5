//! `exuvia stdio`: the four meta-tools for one client.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use exuvia_config::{Config, Sources};
use exuvia_server::serve_stdio;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::admin::{AdminSources, BoundAdmin, EffectiveConfigs};
use crate::app::{AppStartup, configured, report_no_servers};
use crate::args::StdioArgs;
use crate::exit;
use crate::telemetry::Telemetry;
use crate::terminal::Terminal;

/// How long the end may take that a signal asks for. Some clients kill a server that is still there 2 s after their SIGTERM.
const END: Duration = Duration::from_millis(800);

pub(crate) async fn stdio(args: StdioArgs) -> Result<ExitCode> {
    let terminal = Terminal::of_service();
    let StdioArgs { clients, profile } = args;
    let sources = Sources::from(clients);
    let config = configured(sources.clone(), &terminal).await?;
    report_no_servers(&config, &terminal);
    if let Some(name) = profile.as_deref().filter(|name| !config.profiles.contains_key(*name)) {
        bail!("unknown profile {name:?}; {}", known(&config));
    }
    let telemetry = Telemetry::start(config.collector.as_ref(), &config.journal.redaction)?;
    let signaled = signaled()?;
    let cancellation = signaled.child_token();
    let stop = cancellation.clone();
    let (effective, admin) = (EffectiveConfigs::new(&config), BoundAdmin::of_client(&config).await);
    let journal = config.journal.clone();
    let starting = AppStartup::start(config, terminal, admin.links(), true, move || stop.cancel());
    let admin = admin.serve(&starting, AdminSources::new(sources, journal, effective, &starting));
    let whole = async {
        let served = serve_stdio(starting.gateway(), profile.as_deref(), cancellation).await;
        admin.finish().await;
        starting.finish().await?;
        telemetry.finish().await;
        Ok(served?)
    };
    let ended = tokio::select! {
        ended = whole => ended,
        () = overdue(&signaled) => exit::at_once(0),
    };
    if signaled.is_cancelled() {
        // Standard input is still open. What waits for it there cannot be stopped, unless it is a pipe.
        exit::at_once(if ended.is_ok() { 0 } else { exit::USAGE });
    }
    ended.map(|()| ExitCode::SUCCESS)
}

fn known(config: &Config) -> String {
    let names: Vec<&str> = config.profiles.keys().map(String::as_str).collect();
    if names.is_empty() {
        "no profiles are configured".to_owned()
    } else {
        format!("configured profiles: {}", names.join(", "))
    }
}

/// SIGINT and SIGTERM end the service in good order: runs are cancelled, servers are ended.
fn signaled() -> Result<CancellationToken> {
    let signaled = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind)?;
        let signaled = signaled.clone();
        tokio::spawn(async move {
            signals.recv().await;
            signaled.cancel();
        });
    }
    Ok(signaled)
}

async fn overdue(signaled: &CancellationToken) {
    signaled.cancelled().await;
    tokio::time::sleep(END).await;
}
