//! What servers list, held against their pins.

use anyhow::Result;
use exuvia_admin::SurveyedServer;
use exuvia_config::{Paths, PinMode};
use exuvia_pins::PinFolder;
use exuvia_upstream::ServerStatus;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Principals, Recording, configured};
use crate::args::ServerArgs;
use crate::file_threads::FileThreads;
use crate::start_progress::GLANCE;
use crate::terminal::Terminal;

/// Starts all servers and looks at what they list. What is seen first is pinned, as by every command.
pub(super) async fn survey(servers: ServerArgs) -> Result<Vec<SurveyedServer>> {
    let terminal = Terminal::new();
    let config = configured(servers.into(), &terminal).await?;
    let (profiles, pins) = (config.for_operator(), config.pins.clone());
    let (over, principals) = (CancellationToken::new(), Principals::of(&config));
    let app = App::start(config, profiles, &terminal, over, GLANCE, Recording::MemoryOnly, principals).await?;
    app.gateway.ready_with(|_| true).await;
    let (servers, policy) = (app.gateway.servers(), app.gateway.policy());
    let folder = Paths::of_user().pin_dir.map(PinFolder::new);
    let pin = move |server: &ServerStatus| pins.get(&server.name).copied().unwrap_or(PinMode::Off);
    let surveyed = move |server: &ServerStatus| SurveyedServer::of(server, pin(server), folder.as_ref(), &policy);
    let all = move || servers.iter().map(surveyed).collect::<Vec<_>>();
    let surveyed = FileThreads::default().run(all).await;
    app.end().await;
    terminal.clear_progress();
    Ok(surveyed?)
}
