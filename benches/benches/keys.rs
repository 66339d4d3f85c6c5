//! `cargo bench --bench keys`: what authentication and budgets cost for each request and call, and 1,000 keys over 2,000 tools beside one
//! key: memory, lists, searches, starts of runs and reloads.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use exuvia_benches::memory::memory_of;
use exuvia_benches::{Table, bytes, seconds};
use exuvia_tests::identity_provider::{IdentityProvider, SigningKey};
use exuvia_tests::{Daemon, Folder, HttpClient, KeyClient, WebServer, built, key_table};
use serde_json::{Value, json};

/// Requests of each kind, in turns.
const REQUESTS: usize = 2_000;
/// How often a script with many calls is run.
const SCRIPTS: usize = 15;
/// The calls of such a script.
const CALLS: u32 = 500;
/// The keys that are compared with one key.
const KEYS: usize = 1_000;
/// Their roles.
const ROLES: usize = 20;
const TOOLS: usize = 2_000;
/// How often a reload is measured.
const RELOADS: usize = 7;
/// What tokens are for.
const AUDIENCE: &str = "https://exuvia.example/mcp";

#[tokio::main]
async fn main() -> Result<()> {
    requests().await?;
    calls().await?;
    many().await
}

/// The time of which so many percent took less.
fn at(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[times.len() * percent / 100]
}

fn budget(name: &str, limits: &str) -> String {
    format!("[budgets.{name}]\nroles = ['agent']\nperiod = 'month'\n{limits}\n")
}

/// The same direct call over HTTP: as the operator, with a key, with budgets, with a token.
async fn requests() -> Result<()> {
    let upstream = WebServer::start(&["--json", "--era", "modern"]);
    let server = format!("auto_execute = ['*.*']\n[servers.one]\nurl = '{}'\nmode = 'direct'\n", upstream.url());
    let key = format!("{server}[roles.agent]\n{}", key_table("ada", "agent"));
    let one = budget("calls", "calls = 1_000_000_000");
    let several: String = (0..4).map(|n| budget(&format!("b{n}"), "calls = 1_000_000_000\ncost = 1_000_000")).collect();
    let signing = SigningKey::new("k1", "ES256");
    let provider = IdentityProvider::start(&[&signing]);
    let users = format!(
        "[identity_providers.okta]\nissuer = '{}'\naudience = '{AUDIENCE}'\ndefault_role = 'agent'\n",
        provider.issuer()
    );
    let token = signing.token(&provider.claims(AUDIENCE));
    let kinds = [
        ("no keys", server.clone(), String::new()),
        ("a key", key.clone(), "ada".to_owned()),
        ("a key, one budget", format!("{key}{one}"), "ada".to_owned()),
        ("a key, four budgets of two quantities", format!("{key}{several}"), "ada".to_owned()),
        ("a token (ES256)", format!("{server}[roles.agent]\n{users}"), token),
    ];
    let mut served = Vec::new();
    for (name, config, secret) in &kinds {
        let folder = Folder::new(config);
        let daemon = folder.serve(&[]).await;
        let client = HttpClient::connect(daemon.address()).await;
        served.push((*name, folder, daemon, client, format!("Bearer {secret}"), Vec::with_capacity(REQUESTS)));
    }
    for call in 0..REQUESTS {
        for (_, _, _, client, bearer, times) in &mut served {
            let message =
                exuvia_tests::modern(1, "tools/call", json!({"name": "one__echo", "arguments": {"value": call}}));
            let headers = [
                ("authorization", bearer.as_str()),
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/call"),
                ("mcp-name", "one__echo"),
            ];
            let headers = &headers[usize::from(bearer.len() == "Bearer ".len())..];
            let begun = Instant::now();
            let answer = client.post(headers, &message).await;
            times.push(begun.elapsed());
            ensure!(answer.message()["result"]["structuredContent"]["value"] == call, "{answer:?}");
        }
    }
    let mut table = Table::new(["a direct call over HTTP", "p50", "p99", "more than without"]);
    let mut without = None;
    for (name, _, _, _, _, mut times) in served {
        let (half, most) = (at(&mut times, 50), at(&mut times, 99));
        let more = half.saturating_sub(*without.get_or_insert(half));
        table.row([name.to_owned(), seconds(half), seconds(most), seconds(more)]);
    }
    println!("{table}");
    Ok(())
}

/// One more call of a script, with and without a budget.
async fn calls() -> Result<()> {
    let server = format!("[servers.one]\ncommand = {:?}\nauto_execute = ['*']\n", built("exuvia-fake-upstream"));
    let key = format!("{server}[roles.agent]\n{}", key_table("ada", "agent"));
    let limits = budget("calls", "calls = 1_000_000_000\ncost = 1_000_000");
    let mut served = Vec::new();
    for (name, config) in [("no keys", server), ("a key", key.clone()), ("a key, a budget", format!("{key}{limits}"))] {
        let folder = Folder::new(&config);
        let daemon = folder.serve(&[]).await;
        let client = KeyClient::of(daemon.address(), "ada").await;
        served.push((name, folder, daemon, client, [Vec::new(), Vec::new()]));
    }
    let code = |calls: u32| format!("for n in range({calls}):\n    one.echo(value=n)\n'done'");
    for _ in 0..SCRIPTS {
        for (_, _, _, client, times) in &mut served {
            for (calls, times) in [1, 1 + CALLS].into_iter().zip(times) {
                let begun = Instant::now();
                let answer = client.run(&code(calls)).await;
                times.push(begun.elapsed());
                ensure!(answer.contains("done"), "{answer}");
            }
        }
    }
    let mut table = Table::new(["one more call of a script", "median"]);
    for (name, _, _, _, [mut one, mut many]) in served {
        let each = at(&mut many, 50).saturating_sub(at(&mut one, 50)) / CALLS;
        table.row([name.to_owned(), seconds(each)]);
    }
    println!("{table}");
    Ok(())
}

/// One key or many, whose clients take turns.
struct Crowd {
    name: &'static str,
    folder: Folder,
    daemon: Daemon,
    clients: Vec<KeyClient>,
    keys: usize,
    ready: Duration,
    memory: [i64; 2],
    times: [Vec<Duration>; 5],
}

fn tools() -> Value {
    let tool = |n: usize| {
        let (verb, noun) =
            (["get", "list", "search", "update", "create"][n % 5], ["invoice", "ticket", "page", "order"][n % 4]);
        let text = |what: &str| json!({"type": "string", "description": format!("The {what} of the {noun}, as the tracker names it.")});
        json!({
            "name": format!("{verb}_{noun}_{n}"),
            "description": format!("Does {verb} for one {noun} of department {n}, and returns it with its history and its owner."),
            "inputSchema": {"type": "object", "required": ["id"], "properties": {
                "id": text("id"), "owner": text("owner"), "state": text("state"), "limit": {"type": "integer", "minimum": 1},
            }},
        })
    };
    (0..TOOLS).map(tool).collect()
}

fn crowd_config(folder: &Folder, keys: usize, denied: usize) -> String {
    let (fake, listed) = (built("exuvia-fake-upstream"), folder.text("tools.json"));
    let mut config = format!(
        "deny = ['none.denied_{denied}']\n[servers.all]\ncommand = {fake:?}\nargs = ['--tools', '{listed}']\nauto_execute = ['*']\n"
    );
    for role in 0..ROLES.min(keys) {
        let _ = writeln!(config, "[roles.r{role}]\ntools = ['all.*']");
    }
    for key in 0..keys {
        config += &key_table(&format!("key{key}"), &format!("r{}", key % ROLES));
    }
    config
}

async fn crowd(name: &'static str, keys: usize) -> Result<Crowd> {
    let folder = Folder::new("");
    folder.write("tools.json", &tools().to_string());
    folder.write("exuvia.toml", &crowd_config(&folder, keys, 0));
    let begun = Instant::now();
    let daemon = folder.serve(&[]).await;
    let ready = begun.elapsed();
    let memory = memory_of(&daemon.id().to_string())?.anonymous;
    Ok(Crowd { name, folder, daemon, clients: Vec::new(), keys, ready, memory: [memory, 0], times: Default::default() })
}

impl Crowd {
    /// Each key asks once, so that everybody has an endpoint and a view.
    async fn arrives(&mut self) -> Result<()> {
        for key in 0..self.keys {
            let mut client = KeyClient::of(self.daemon.address(), &format!("key{key}")).await;
            let listed = client.call("listToolFiles", json!({})).await;
            ensure!(listed.contains("all"), "{listed}");
            // Connections beyond these are closed: they would be counted as memory of keys.
            if key % (self.keys / 8).max(1) == 0 {
                self.clients.push(client);
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.memory[1] = memory_of(&self.daemon.id().to_string())?.anonymous;
        Ok(())
    }

    /// Another key than the last time does each of these.
    async fn asks(&mut self, round: usize) -> Result<()> {
        let count = self.clients.len();
        let client = &mut self.clients[round % count];
        let asked: [(&str, Value); 4] = [
            ("tools/list", json!({})),
            ("tools/call", json!({"name": "listToolFiles", "arguments": {}})),
            (
                "tools/call",
                json!({"name": "listToolFiles", "arguments": {"query": format!("invoice of department {round}")}}),
            ),
            ("tools/call", json!({"name": "executeToolCode", "arguments": {"code": "1 + 1"}})),
        ];
        for ((method, params), times) in asked.into_iter().zip(&mut self.times) {
            let begun = Instant::now();
            let answer = client.ask(method, params).await;
            times.push(begun.elapsed());
            ensure!(answer.status == 200 && answer.message()["error"].is_null(), "{answer:?}");
        }
        Ok(())
    }

    /// From a changed file to the first answer that is made by it.
    async fn reloads(&mut self, round: usize) -> Result<()> {
        let begun = Instant::now();
        self.folder.write("exuvia.toml", &crowd_config(&self.folder, self.keys, round + 1));
        self.daemon.says("the new configuration is active", round + 1).await;
        let listed = self.clients[0].call("listToolFiles", json!({})).await;
        self.times[4].push(begun.elapsed());
        ensure!(listed.contains("all"), "{listed}");
        Ok(())
    }
}

/// One key and 1,000 keys, 2,000 tools.
async fn many() -> Result<()> {
    let mut crowds = [crowd("1 key", 1).await?, crowd("1,000 keys, 20 roles", KEYS).await?];
    for crowd in &mut crowds {
        crowd.arrives().await?;
    }
    for round in 0..200 {
        for crowd in &mut crowds {
            crowd.asks(round).await?;
        }
    }
    for round in 0..RELOADS {
        for crowd in &mut crowds {
            crowd.reloads(round).await?;
        }
    }
    let mut table = Table::new([
        "2,000 tools",
        "start",
        "memory",
        "all have asked",
        "tools/list",
        "listToolFiles",
        "search",
        "run of 1 + 1",
        "reload",
    ]);
    let mut medians = Vec::new();
    for crowd in &mut crowds {
        let times = crowd.times.each_mut().map(|times| at(times, 50));
        medians.push(times);
        let [list, files, search, run, reload] = times.map(seconds);
        let [rest, all] = crowd.memory.map(bytes);
        table.row([crowd.name.to_owned(), seconds(crowd.ready), rest, all, list, files, search, run, reload]);
    }
    let ratio = |n: usize| format!("{:.2}", medians[1][n].as_secs_f64() / medians[0][n].as_secs_f64());
    let start = format!("{:.2}", crowds[1].ready.as_secs_f64() / crowds[0].ready.as_secs_f64());
    table.row(["times".into(), start, String::new(), String::new(), ratio(0), ratio(1), ratio(2), ratio(3), ratio(4)]);
    println!("{table}");
    let keys = i64::try_from(KEYS - 1)?;
    let configured = (crowds[1].memory[0] - crowds[0].memory[0]) / keys;
    let in_use = (crowds[1].memory[1] - crowds[0].memory[1]) / keys;
    println!(
        "memory of one more key: {} when it is configured, {} when it has asked",
        bytes(configured),
        bytes(in_use)
    );
    Ok(())
}
