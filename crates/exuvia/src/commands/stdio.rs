//! `exuvia stdio`: the four meta-tools for one client.

use std::process::ExitCode;

use anyhow::Result;
use exuvia_server::serve_stdio;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::ClientArgs;
use crate::session::{Starting, configured};
use crate::telemetry::Telemetry;
use crate::terminal::Terminal;

pub(crate) async fn stdio(args: ClientArgs) -> Result<ExitCode> {
    let terminal = Terminal::of_service();
    let config = configured(&args.servers, &args.auto_execute, &terminal).await?;
    let telemetry = Telemetry::start(config.collector.as_ref())?;
    let cancellation = CancellationToken::new();
    cancel_on_signals(&cancellation)?;
    let stop = cancellation.clone();
    let starting = Starting::start(config, terminal, move || stop.cancel());
    let served = serve_stdio(starting.gateway(), cancellation).await;
    starting.finish().await?;
    telemetry.finish().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// SIGINT and SIGTERM end the service in good order: runs are cancelled, servers are ended.
fn cancel_on_signals(cancellation: &CancellationToken) -> Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind)?;
        let cancellation = cancellation.clone();
        tokio::spawn(async move {
            signals.recv().await;
            cancellation.cancel();
        });
    }
    Ok(())
}
