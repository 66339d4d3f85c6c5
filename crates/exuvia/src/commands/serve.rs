//! `exuvia serve`: the four meta-tools for many clients, over HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use exuvia_server::http::{Drained, HttpServer, Stop, Tls, TlsFiles};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ServeArgs;
use crate::exit;
use crate::reload::Follower;
use crate::session::{Starting, configured, from_files, tell_no_servers};
use crate::systemd;
use crate::telemetry::Telemetry;
use crate::terminal::Terminal;

/// Where clients look, if nothing else is said.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8420);

pub(crate) async fn serve(args: ServeArgs) -> Result<ExitCode> {
    let terminal = Terminal::of_service();
    let mut config = configured(&args.clients.servers, &args.clients.auto_execute, &terminal).await?;
    tell_no_servers(&config, &terminal);
    let telemetry = Telemetry::start(config.collector.as_ref())?;
    let mut address = args.listen.or(config.listen).unwrap_or(ADDRESS);
    address.set_port(args.port.unwrap_or(address.port()));
    if let Some(files) = config.tls.clone() {
        config.http.tls = Some(tls(files, &terminal).await?);
    }
    let server = HttpServer::bind(address, config.http.clone()).await?;
    let stop = Stop::default();
    stop_on_signals(&stop)?;
    greeting(&server.origin()).iter().for_each(|line| terminal.note(line));
    let given_up = stop.clone();
    let follower = Follower::new(args.clients, &config, terminal.clone())?;
    // From here on SIGHUP is a word to us.
    systemd::listening();
    let starting = Starting::start(config, terminal.clone(), move || given_up.ask());
    let _reloads = follower.follow(starting.gateway());
    let drained = server.serve(starting.gateway(), stop).await;
    starting.finish().await?;
    telemetry.finish().await;
    if let Drained::Cancelled { runs } = drained {
        terminal.say(&format!("{runs} scripts cancelled"));
        return Ok(exit::CANCELLED.into());
    }
    Ok(ExitCode::SUCCESS)
}

fn greeting(origin: &str) -> [String; 3] {
    [
        format!("MCP at {origin}/mcp"),
        format!("example: claude mcp add --transport http exuvia {origin}/mcp"),
        format!("readiness: {origin}/readyz"),
    ]
}

async fn tls(files: TlsFiles, terminal: &Terminal) -> Result<Tls> {
    let (warning, tls) = from_files(move || Ok((files.warning(), files.load().context("listen.tls")?))).await?;
    warning.iter().for_each(|warning| terminal.say(warning));
    Ok(tls)
}

/// SIGINT and SIGTERM: the first lets what runs come to its end, the second cancels it.
fn stop_on_signals(stop: &Stop) -> Result<()> {
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
