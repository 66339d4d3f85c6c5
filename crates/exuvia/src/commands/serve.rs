//! `exuvia serve`: the four meta-tools for many clients, over HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use exuvia_config::{Sources, TlsFiles};
use exuvia_server::http::{HttpServer, Shutdown, ShutdownSignal, Tls};
use tokio::signal::unix::{SignalKind, signal};

use crate::admin::{AdminSources, BoundAdmin, EffectiveConfigs};
use crate::app::{AppStartup, configured, from_files, report_no_servers};
use crate::args::ServeArgs;
use crate::exit;
use crate::reload::Reloader;
use crate::systemd;
use crate::telemetry::Telemetry;
use crate::terminal::Terminal;

/// The default address.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8420);

pub(crate) async fn serve(args: ServeArgs) -> Result<ExitCode> {
    let terminal = Terminal::of_service();
    let sources = Sources::from(args.clients);
    let config = configured(sources.clone(), &terminal).await?;
    report_no_servers(&config, &terminal);
    let telemetry = Telemetry::start(config.collector.as_ref(), &config.journal.redaction)?;
    let mut address = args.listen.or(config.listen).unwrap_or(ADDRESS);
    address.set_port(args.port.unwrap_or(address.port()));
    let tls = match config.tls.clone() {
        Some(files) => Some(load(files, &terminal).await?),
        None => None,
    };
    let mut server = HttpServer::bind(address, config.http.clone()).await?;
    if let Some(tls) = tls.clone() {
        server = server.with_tls(tls);
    }
    let stop = ShutdownSignal::default();
    stop_on_signals(&stop)?;
    banner(&server.origin()).iter().for_each(|line| terminal.print_info(line));
    let given_up = stop.clone();
    let (effective, admin) = (EffectiveConfigs::new(&config), BoundAdmin::of_service(&config, &terminal).await?);
    let follower = Reloader::new(sources.clone(), &config, tls, effective.clone(), terminal.clone())?;
    // From here on SIGHUP reloads instead of ending the program.
    systemd::listening();
    let journal = config.journal.clone();
    let starting = AppStartup::start(config, terminal.clone(), admin.links(), false, move || given_up.ask());
    let admin = admin.serve(&starting, AdminSources::new(sources, journal, effective, &starting));
    let _reloads = follower.follow(starting.gateway());
    let drained = server.serve(starting.gateway(), stop).await;
    admin.finish().await;
    starting.finish().await?;
    telemetry.finish().await;
    if let Shutdown::Cancelled { runs } = drained {
        terminal.print(&format!("{runs} scripts cancelled"));
        return Ok(exit::CANCELLED.into());
    }
    Ok(ExitCode::SUCCESS)
}

fn banner(origin: &str) -> [String; 3] {
    [
        format!("MCP at {origin}/mcp"),
        format!("example: claude mcp add --transport http exuvia {origin}/mcp"),
        format!("readiness: {origin}/readyz"),
    ]
}

async fn load(files: TlsFiles, terminal: &Terminal) -> Result<Tls> {
    let (warning, tls) = from_files(move || Ok((files.warning(), Tls::load(&files).context("listen.tls")?))).await?;
    warning.iter().for_each(|warning| terminal.print(warning));
    Ok(tls)
}

/// SIGINT and SIGTERM: the first lets what runs come to its end, the second cancels it.
fn stop_on_signals(stop: &ShutdownSignal) -> Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                systemd::ending();
                stop.ask();
            }
        });
    }
    Ok(())
}
