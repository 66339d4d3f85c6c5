//! `exuvia tools`: stubs and docs as the model sees them, and what became of tools since they were first seen.

mod accept;
mod audit;
mod list;
mod survey;

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_gateway::meta::{self, MetaAnswer};
use exuvia_gateway::{Client, Gateway, View};
use exuvia_text::printable;
use exuvia_tool::{Absent, Namespace};
use serde_json::{Map, Value, json};

use tokio_util::sync::CancellationToken;

use crate::app::{App, Principals, Recording, configured, view_of};
use crate::args::{ToolsArgs, ToolsCommand};
use crate::commands::shapes::shapes;
use crate::start_progress::GLANCE;
use crate::terminal::Terminal;

pub(crate) async fn tools(args: ToolsArgs) -> Result<ExitCode> {
    match args.command {
        None => {}
        Some(ToolsCommand::Shapes(wanted)) => return shapes(wanted).await,
        Some(ToolsCommand::List(args)) => return list::list(args).await,
        Some(ToolsCommand::Audit { list, ignored }) => return audit::audit(list, ignored).await,
        Some(ToolsCommand::Accept { names, digest }) => return accept::accept(names, digest).await,
        Some(ToolsCommand::Unpin { names }) => return accept::unpin(names).await,
    }
    let terminal = Terminal::new();
    let config = configured(args.servers.clone().into(), &terminal).await?;
    let (profiles, principals) = (config.for_operator(), Principals::of(&config));
    let over = CancellationToken::new();
    let app = App::start(config, profiles, &terminal, over, GLANCE, Recording::MemoryOnly, principals).await?;
    let name = args.name.as_deref();
    app.gateway.ready_with(|absent| name.is_none_or(|name| is_of(name, absent))).await;
    let text = match view_of(&app.gateway, args.role.as_deref()) {
        Ok(view) => shown(&app.gateway, &view, name).await,
        Err(error) => Err(error),
    };
    app.end().await;
    terminal.clear_progress();
    let mut text = printable(&text?);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    stdout().write_all(text.as_bytes()).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

/// Whether what is named may be this server, or one of its tools or files.
fn is_of(name: &str, server: &Absent) -> bool {
    let below =
        |server: &str| name.strip_prefix(server).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']));
    below(&server.name) || below(&server.python_name)
}

/// What the model would read: this goes through the very meta-tools.
async fn shown(gateway: &Gateway, view: &View, name: Option<&str>) -> Result<String> {
    let calls = match name {
        None => vec![(meta::LIST_TOOL_FILES.name, json!({}))],
        Some(name) => {
            let namespace = view.namespace();
            if !name.contains('.') && namespace.find_server(name).is_none() {
                let names: Vec<&str> = namespace.servers().iter().map(|server| server.name.as_str()).collect();
                let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                bail!("unknown server {name:?}; configured servers: {there}");
            }
            wanted(&namespace, name)
        }
    };
    let mut shown = String::new();
    for (tool, arguments) in calls {
        let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
        match meta::call(gateway, view, &Client::new("operator"), tool, &arguments).await? {
            MetaAnswer::Text(text) => shown.push_str(&text),
            MetaAnswer::Run(_) | MetaAnswer::Stored(..) => bail!("{tool} does not run scripts"),
        }
    }
    Ok(shown)
}

/// The calls of meta-tools that show what is named: a stub file as it is listed, a server, or a tool of one, with its stub and
/// what its documentation has beyond that. Names may hold dots.
fn wanted(namespace: &Namespace, name: &str) -> Vec<(&'static str, Value)> {
    let file = |file_name: String| vec![(meta::READ_TOOL_FILE.name, json!({"fileName": file_name}))];
    if name.ends_with(".pyi") {
        return file(name.to_owned());
    }
    let docs = |(server, tool): (&str, &str)| {
        // A dot of the server's own name would part its name.
        let name = namespace.find_server(server).map_or(server, |server| &server.python_name);
        let docs = (meta::GET_TOOL_DOCS.name, json!({"server": server, "tool": tool}));
        file(format!("{name}.{tool}")).into_iter().chain([docs]).collect()
    };
    let cuts = name.char_indices().filter(|&(_, c)| c == '.').map(|(at, _)| (&name[..at], &name[at + 1..]));
    let known = cuts.clone().rfind(|(server, _)| namespace.find_server(server).is_some());
    match namespace.find_server(name) {
        Some(_) => file(format!("{name}.pyi")),
        // Whatever is wrong with it, the answer tells the nearest name.
        None => known.or(cuts.clone().next()).map_or_else(|| file(format!("{name}.pyi")), docs),
    }
}
