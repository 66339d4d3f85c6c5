//! `exuvia stdio`: the four meta-tools for one client.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use exuvia_server::{PendingGateway, serve_stdio};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::args::StdioArgs;
use crate::session::{Session, configured};
use crate::terminal::Terminal;

pub(crate) async fn stdio(args: StdioArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    let mut config = configured(&args.servers, &args.policy.auto_execute, &terminal)?;
    for name in config.take_direct() {
        terminal.say(&format!("{name} has mode direct, which `stdio` does not serve: it is left out"));
    }
    let cancellation = CancellationToken::new();
    cancel_on_signals(&cancellation)?;
    let (failed, failure) = oneshot::channel();
    let (started, session) = oneshot::channel();
    let stop = cancellation.clone();
    let gateway = PendingGateway::start(async move {
        match Session::start(config, &terminal).await {
            Ok(session) => {
                let gateway = Arc::clone(&session.gateway);
                let _ = started.send(session);
                gateway
            }
            Err(error) => {
                let _ = failed.send(error);
                stop.cancel();
                std::future::pending().await
            }
        }
    });
    let served = serve_stdio(gateway, cancellation).await;
    if let Ok(session) = session.await {
        session.upstreams.shutdown().await;
    }
    if let Ok(error) = failure.await {
        return Err(error);
    }
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
