//! `exuvia doctor`: everything that a configuration needs, tried once, and what to do about what does not work.

mod client_view;
mod commands;
mod finding;
mod host;
mod logins;
mod providers;
mod references;
mod servers;
mod workspaces;

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use exuvia_config::{Config, ConfigError, ConfigErrors, Paths, Sources};
use exuvia_text::{indented, line};
use serde_json::json;

use crate::app::from_files;
use crate::args::DoctorArgs;
use crate::exit;
use crate::paint::{Paint, Tone};
use crate::terminal::{self, Terminal};
use commands::Commands;
use finding::{Finding, Status};

pub(crate) async fn doctor(args: DoctorArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    let most = Duration::from_secs(args.timeout);
    let commands = Commands::of(&args.servers);
    let sources = Sources::from(args.servers);
    let read = from_files(move || Ok(sources.load(&Paths::of_user()))).await?;
    let findings = match read {
        Ok(config) => examined(config, &commands, most, &terminal).await?,
        Err(errors) => of_errors(&errors),
    };
    terminal.clear_progress();
    match args.json {
        true => {
            let is_ok = findings.iter().all(|finding| finding.status != Status::Failed);
            terminal::print_json(&json!({"ok": is_ok, "findings": findings}).to_string())?;
        }
        false => {
            let paint = Paint { is_on: terminal::is_colored() };
            stdout().write_all(report(&findings, paint).as_bytes()).context("standard output")?;
        }
    }
    let worst = findings.iter().map(|finding| finding.status).max();
    Ok(if worst == Some(Status::Failed) { exit::RAISED.into() } else { ExitCode::SUCCESS })
}

async fn examined(config: Config, commands: &Commands, most: Duration, terminal: &Terminal) -> Result<Vec<Finding>> {
    let mut findings = of_notices(&config);
    findings.extend(servers::servers(&config, most, commands, terminal).await);
    findings.extend(logins::logins(&config, commands).await);
    findings.extend(providers::providers(&config, most).await);
    let verify = commands.verify();
    let (found, config) = from_files(move || {
        let mut found = references::references(&config);
        found.push(host::memory(&config));
        found.extend(host::files(&config));
        found.extend(workspaces::workspaces(&config));
        found.push(host::journal(&config, &verify));
        Ok((found, config))
    })
    .await?;
    findings.extend(found);
    findings.push(host::port(&config).await);
    terminal.show_progress("connecting as a client");
    findings.push(client_view::client_view(&commands.of_client()).await);
    Ok(findings)
}

fn of_errors(errors: &ConfigErrors) -> Vec<Finding> {
    let fix = "correct it; `exuvia config check` shows the same";
    errors.errors.iter().map(|error| Finding::failed("configuration", error.to_string(), fix)).collect()
}

fn of_notices(config: &Config) -> Vec<Finding> {
    let warning = |notice: &ConfigError| {
        Finding::warning("configuration", notice.to_string(), "the rest works; correct it if it is to count")
    };
    let mut findings: Vec<Finding> = config.notices.iter().map(warning).collect();
    findings.push(match config.servers.len() {
        0 => Finding::warning(
            "configuration",
            "no servers are configured",
            "exuvia setup CLIENT moves those of a client; or write [servers.NAME] into exuvia.toml",
        ),
        count => Finding::ok("configuration", format!("{count} servers")),
    });
    findings
}

fn report(findings: &[Finding], paint: Paint) -> String {
    let mut text = String::new();
    for finding in findings {
        let (mark, tone) = match finding.status {
            Status::Ok => ("ok     ", Tone::Good),
            Status::Warning => ("warning", Tone::Aside),
            Status::Failed => ("FAILED ", Tone::Bad),
        };
        let name = finding.name.as_deref().map_or_else(String::new, |name| format!(" {}", line(name)));
        let mut facts: Vec<String> = Vec::new();
        facts.extend(finding.ms.map(|ms| format!("{ms} ms")));
        facts.extend(finding.tools.map(|tools| format!("{tools} tools")));
        facts.extend(finding.tokens.map(|tokens| format!("{tokens} tokens on every turn")));
        let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
        let message = indented(&finding.message, "          ");
        let _ = writeln!(text, "{}  {}{name}: {message}{facts}", paint.text(tone, mark), finding.check);
        if let Some(fix) = &finding.fix {
            let _ = writeln!(text, "         -> {}", indented(fix, "            "));
        }
    }
    let count = |status: Status| findings.iter().filter(|finding| finding.status == status).count();
    let warnings = count(Status::Warning);
    let _ =
        writeln!(text, "{} failed, {warnings} warning{}", count(Status::Failed), if warnings == 1 { "" } else { "s" });
    text
}
