//! `exuvia tools list`: every tool and how it is against its pin.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use exuvia_admin::{SurveyedServer, SurveyedTool};
use exuvia_config::PinMode;
use exuvia_pins::{Deviation, Standing};
use exuvia_text::line;
use serde_json::{Value, json};

use super::survey::survey;
use crate::args::ToolListArgs;
use crate::commands::runs::utc;
use crate::terminal;

pub(super) async fn list(args: ToolListArgs) -> Result<ExitCode> {
    let servers = survey(args.servers).await?;
    if args.json {
        let servers: Vec<Value> = servers.iter().map(server_json).collect();
        terminal::print_json(&json!({"servers": servers}).to_string())?;
    } else {
        let text: String = servers.iter().map(server_text).collect();
        stdout().write_all(text.as_bytes()).context("standard output")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn server_text(server: &SurveyedServer) -> String {
    let SurveyedServer { name, pin, is_ready, trouble, .. } = server;
    let away = if *is_ready { "" } else { ", did not start" };
    let mut text = format!("{} (pin: {}{away})\n", line(name), pin.name());
    if let Some(trouble) = trouble {
        let _ = writeln!(text, "  pins cannot be read: {}", line(trouble));
    }
    let rows = server.tools.iter().map(|tool| (line(&tool.descriptor.name), state_text(tool, *pin)));
    let unlisted =
        server.unlisted.iter().map(|(tool, at_ms)| (line(tool), format!("pinned {}, not listed", utc(*at_ms))));
    let rows: Vec<(String, String)> = rows.chain(unlisted).collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, state) in rows {
        let _ = writeln!(text, "  {name:width$}  {state}");
    }
    text
}

fn state_text(tool: &SurveyedTool, pin: PinMode) -> String {
    let withheld = if pin == PinMode::Enforce { ", withheld" } else { "" };
    let digest = tool.digest;
    match &tool.standing {
        _ if pin == PinMode::Off => "not pinned".to_owned(),
        Standing::Pinned(at_ms) => format!("pinned {}", utc(*at_ms)),
        Standing::Deviates(Deviation::Changed(parts)) => {
            let parts: Vec<&str> = parts.iter().map(|part| part.name()).collect();
            format!("changed: {}{withheld} (digest {digest})", parts.join(", "))
        }
        Standing::Deviates(Deviation::New) => format!("new{withheld} (digest {digest})"),
        Standing::Deviates(_) | Standing::Unknown => format!("not pinned{withheld}"),
    }
}

fn server_json(server: &SurveyedServer) -> Value {
    let SurveyedServer { name, pin, is_ready, tools, unlisted, trouble, .. } = server;
    let tool = |tool: &SurveyedTool| {
        let (state, parts, pinned_ms) = match &tool.standing {
            _ if *pin == PinMode::Off => ("unpinned", Vec::new(), None),
            Standing::Pinned(at_ms) => ("pinned", Vec::new(), Some(*at_ms)),
            Standing::Deviates(Deviation::Changed(parts)) => {
                ("changed", parts.iter().map(|part| part.name()).collect(), None)
            }
            Standing::Deviates(Deviation::New) => ("new", Vec::new(), None),
            Standing::Deviates(_) | Standing::Unknown => ("unpinned", Vec::new(), None),
        };
        json!({
            "name": tool.descriptor.name, "state": state, "changed": parts, "pinned_ms": pinned_ms,
            "withheld": *pin == PinMode::Enforce && state != "pinned", "digest": tool.digest.hex(),
        })
    };
    let unlisted: Vec<Value> = unlisted.iter().map(|(tool, at_ms)| json!({"name": tool, "pinned_ms": at_ms})).collect();
    json!({
        "name": name, "pin": pin.name(), "started": is_ready, "error": trouble,
        "tools": tools.iter().map(tool).collect::<Vec<_>>(), "unlisted": unlisted,
    })
}
