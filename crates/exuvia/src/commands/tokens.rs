//! `exuvia tokens`: what tasks cost a model, with this gateway and without.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_runtime::{Engine, EngineConfig};
use exuvia_shapes::{ShapeFile, shipped};
use exuvia_suite::SuiteError;
use exuvia_suite::tokens::{
    Answer, Counter, Fixture, Played, Prepared, Round, ServerCall, Session, Table, TokenReport, TokenSuite,
    definitions, play, replay,
};
use exuvia_tool::BoxFuture;
use serde_json::{Value, json};

use super::stdio;
use crate::args::{ClientArgs, ServerArgs, StdioArgs};
use crate::child_client::{ChildClient, text};
use crate::exit;
use crate::suite_args::TokensArgs;
use crate::terminal::{self, Terminal};

pub(crate) async fn tokens(args: TokensArgs) -> Result<ExitCode> {
    let suite = TokenSuite::read(&args.suite)?;
    if let Some(round) = &args.serve {
        let round = suite.rounds.iter().find(|one| one.name == *round).with_context(|| unknown(&suite, round))?;
        let folder = tempfile::tempdir()?;
        let servers = servers(&suite, round, None)?;
        let config = Some(configuration(folder.path(), &servers, &Prepared::default(), false)?);
        let clients =
            ClientArgs { servers: ServerArgs { config, ..ServerArgs::default() }, auto_execute: vec!["*.*".into()] };
        return stdio::stdio(StdioArgs { clients, profile: None }).await;
    }
    let terminal = Terminal::new();
    let unknown_round = args.rounds.iter().find(|name| !suite.rounds.iter().any(|round| round.name == **name));
    if let Some(name) = unknown_round {
        bail!(unknown(&suite, name));
    }
    if let Some(filter) = &args.filter {
        let chosen = suite.rounds.iter().filter(|round| args.rounds.is_empty() || args.rounds.contains(&round.name));
        let has = |round: &Round| {
            round.tasks.iter().any(|task| task.name.contains(filter))
                || round.transcripts.iter().any(|recorded| recorded.name.contains(filter))
        };
        if !chosen.into_iter().any(has) {
            bail!("no task or transcript has a name with {filter:?}");
        }
    }
    terminal.show_progress("loading the encoding");
    let counter = tokio::task::spawn_blocking(Counter::new).await??;
    let engine = Engine::new(&EngineConfig { concurrent_runs: 1, ..EngineConfig::default() })?;
    let mut reports = Vec::new();
    for round in suite.rounds.iter().filter(|round| args.rounds.is_empty() || args.rounds.contains(&round.name)) {
        let report = played(&suite, round, &args, (&engine, &counter), &terminal).await?;
        if !args.json && !report.played().is_empty() {
            terminal.clear_progress();
            let turns = if args.turns { report.turns_text() } else { String::new() };
            writeln!(stdout(), "{}{turns}", report.text()).context("standard output")?;
        }
        reports.push(report);
    }
    terminal.clear_progress();
    if args.json {
        let rounds: Vec<Value> = reports.iter().map(TokenReport::to_json).collect();
        terminal::print_json(&serde_json::to_string_pretty(&json!({"rounds": rounds}))?)?;
    }
    let guesses: Vec<String> = reports.iter().flat_map(TokenReport::guesses).collect();
    let failures: Vec<String> = reports.iter().flat_map(TokenReport::failures).collect();
    if !guesses.is_empty() {
        terminal.print(&format!("scripts that use what was not shown before:\n{}", guesses.join("\n")));
    }
    if !failures.is_empty() {
        terminal.print(&format!("scripts that failed:\n{}", failures.join("\n")));
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { exit::RAISED.into() })
}

fn unknown(suite: &TokenSuite, round: &str) -> String {
    let names: Vec<&str> = suite.rounds.iter().map(|round| round.name.as_str()).collect();
    format!("unknown round {round:?}; the suite has {}", names.join(", "))
}

async fn played(
    suite: &TokenSuite,
    round: &Round,
    args: &TokensArgs,
    (engine, counter): (&Engine, &Counter),
    terminal: &Terminal,
) -> Result<TokenReport> {
    let is_chosen = |name: &str| args.filter.as_deref().is_none_or(|filter| name.contains(filter));
    let tasks: Vec<_> = round.tasks.iter().filter(|task| is_chosen(&task.name)).collect();
    let transcripts: Vec<_> = round.transcripts.iter().filter(|recorded| is_chosen(&recorded.name)).collect();
    if tasks.is_empty() && transcripts.is_empty() {
        return Ok(TokenReport::new(round, 0));
    }
    terminal.show_progress(format!("{}: starting {} servers", round.name, round.servers.len()));
    let listed = listed(suite, round, engine).await?;
    let folder = tempfile::tempdir()?;
    let mut gateway = Gateway::start(suite, round, args, folder.path()).await?;
    let mut report = TokenReport::new(round, listed.len());
    let table = Table {
        engine,
        counter,
        knows: &suite.knows,
        round,
        classic_definitions: counter.count(&definitions(&listed)),
    };
    for (place, task) in tasks.iter().enumerate() {
        terminal.show_progress(format!("{}: task {} of {}, {}", round.name, place + 1, tasks.len(), task.name));
        let played = play(&table, &mut gateway, task).await?;
        if let Some(folder) = &args.transcripts {
            write_transcript(folder, &played)?;
        }
        report.add(played);
    }
    for recorded in transcripts {
        terminal.show_progress(format!("{}: transcript {}", round.name, recorded.name));
        report.add(replay(&table, &mut gateway, recorded).await?);
    }
    gateway.client.stop().await?;
    Ok(report)
}

fn write_transcript(folder: &Path, played: &Played) -> Result<()> {
    let file = folder.join(format!("{}-{}.json", played.transcript.round, played.name));
    let text = serde_json::to_string_pretty(&played.transcript)?;
    fs::create_dir_all(folder).and_then(|()| fs::write(&file, text)).with_context(|| file.display().to_string())
}

/// What the servers of a round list, all together.
async fn listed(suite: &TokenSuite, round: &Round, engine: &Engine) -> Result<Vec<Value>> {
    let mut tools = Vec::new();
    for name in &round.servers {
        let (answers, catalog) = suite.server(name);
        if is_sample(&answers, catalog.as_deref()) {
            let client = ChildClient::start(&["sample".to_owned(), name.clone()]).await?;
            for tool in client.tools().await? {
                tools.push(serde_json::to_value(tool)?);
            }
            client.stop().await?;
        } else {
            tools.extend_from_slice(Fixture::read(engine, name, &answers, catalog.as_deref()).await?.tools());
        }
    }
    Ok(tools)
}

/// A server that the suite does not have is one of the bundled samples.
fn is_sample(answers: &Path, catalog: Option<&Path>) -> bool {
    catalog.is_none() && !answers.is_file()
}

/// What starts each server of a round, by its name: this program, as that server.
fn servers(suite: &TokenSuite, round: &Round, record: Option<&Path>) -> Result<Vec<(String, Vec<String>)>> {
    let server = |name: &String| {
        let (answers, catalog) = suite.server(name);
        let mut words = vec!["sample".to_owned()];
        let mut option = |name: &str, value: &Path| words.extend([format!("--{name}"), value.display().to_string()]);
        option("name", Path::new(name));
        if let Some(record) = record {
            option("record", record);
        }
        if is_sample(&answers, catalog.as_deref()) {
            words.push(name.clone());
        } else {
            option("answers", &absolute(&answers)?);
            if let Some(catalog) = &catalog {
                option("catalog", &absolute(catalog)?);
            }
            words.push("suite".into());
        }
        Ok((name.clone(), words))
    };
    round.servers.iter().map(server).collect()
}

/// A configuration in this folder with these servers. Unless it learns, no task depends on those before it.
fn configuration(
    folder: &Path,
    servers: &[(String, Vec<String>)],
    prepared: &Prepared,
    learns: bool,
) -> Result<PathBuf> {
    let program = std::env::current_exe()?.display().to_string();
    // A string of JSON is one of TOML.
    let mut text = format!("learn_shapes = {learns}\n[journal]\nstore = \"memory\"\n");
    for (name, words) in servers {
        text.push_str(&format!("[servers.{}]\ncommand = {}\nargs = {}\n", json!(name), json!(program), json!(words)));
        if let Some(notes) = prepared.notes.get(name) {
            text.push_str(&format!("notes = {}\n", json!(notes)));
        }
    }
    let file = folder.join("exuvia.toml");
    fs::write(&file, text).with_context(|| file.display().to_string())?;
    Ok(file)
}

/// Imports the shapes that an operator prepares for servers of a round, into the data folder of a gateway with this home.
fn import_shapes(home: &Path, round: &Round, prepared: &Prepared) -> Result<()> {
    let file = ShapeFile::new(home.join("exuvia/shapes.json"));
    for name in prepared.shapes.iter().filter(|name| round.servers.contains(name)) {
        file.add(&shipped(name, name).with_context(|| format!("no shapes of {name:?} are shipped"))?)?;
    }
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}

/// The real gateway, over MCP, with the servers of a round behind it.
struct Gateway {
    client: ChildClient,
    tools: Vec<Value>,
    record: PathBuf,
    /// How much of the record was read.
    read_bytes: u64,
}

impl Gateway {
    async fn start(suite: &TokenSuite, round: &Round, args: &TokensArgs, folder: &Path) -> Result<Self> {
        let record = folder.join("calls");
        File::create(&record)?;
        let prepared = if args.prepared { suite.prepared.clone() } else { Prepared::default() };
        import_shapes(folder, round, &prepared)?;
        let servers = servers(suite, round, Some(&record))?;
        let config = configuration(folder, &servers, &prepared, args.learn)?.display().to_string();
        let arguments = ["stdio", "--auto-execute", "*.*", "--config", &config].map(str::to_owned);
        let client = ChildClient::start_apart(&arguments, folder).await?;
        // A script waits for the servers that it uses; a list does not.
        let names = round.python_names().join(", ");
        let ready = client.call("executeToolCode", &json!({"code": format!("[{names}]\nresult = 1")})).await?;
        if ready.is_error == Some(true) {
            bail!("{}: {}", round.name, text(&ready));
        }
        let tools = client.tools().await?.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        Ok(Self { client, tools, record, read_bytes: 0 })
    }

    fn new_calls(&mut self) -> Result<Vec<ServerCall>> {
        let mut file = File::open(&self.record)?;
        file.seek(SeekFrom::Start(self.read_bytes))?;
        let mut calls = Vec::new();
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 {
            self.read_bytes += line.len() as u64;
            calls.push(serde_json::from_str(&line)?);
            line.clear();
        }
        Ok(calls)
    }
}

impl Session for Gateway {
    fn tools(&self) -> &[Value] {
        &self.tools
    }

    fn call<'a>(&'a mut self, tool: &'a str, arguments: &'a Value) -> BoxFuture<'a, Result<Answer, SuiteError>> {
        Box::pin(async move {
            match self.client.call(tool, arguments).await {
                Ok(result) => Ok(Answer { text: text(&result), is_error: result.is_error == Some(true) }),
                // A protocol error reaches the model as well.
                Err(error) => Ok(Answer { text: error.to_string(), is_error: true }),
            }
        })
    }

    fn server_calls(&mut self) -> Result<Vec<ServerCall>, SuiteError> {
        let calls = self.new_calls();
        calls.map_err(|error| SuiteError::new(&self.record, format!("{error:#}")))
    }
}
