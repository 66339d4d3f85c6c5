//! `exuvia login`: tokens for a server that asks for authorization.

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, Result, anyhow, bail};
use exuvia_upstream::login::{LoggedIn, begin, fetch};
use exuvia_upstream::{Grant, Http, OAuth, Transport};

use crate::args::LoginArgs;
use crate::config::Server;
use crate::session::configured;
use crate::terminal::Terminal;

pub(crate) async fn login(args: LoginArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    let config = configured(&args.servers, &[], &terminal).await?;
    let (http, oauth) = asked_for(&config.servers, &args.server)?;
    let done = match &oauth.grant {
        Grant::Code(_) => consented(http, oauth, &args, &terminal).await,
        Grant::ClientCredentials(_) if args.scope.is_some() => {
            bail!("server {}: its scopes are `oauth.scopes` in the configuration; leave --scope out", args.server)
        }
        Grant::ClientCredentials(_) => fetch(http, oauth).await.map_err(Into::into),
    };
    terminal.done();
    let done = done.with_context(|| format!("server {}", args.server))?;
    terminal.say(&outcome(&args.server, &done));
    Ok(ExitCode::SUCCESS)
}

fn asked_for<'a>(servers: &'a [Server], name: &str) -> Result<(&'a Http, &'a OAuth)> {
    let mut configs = servers.iter().map(|server| &server.config);
    let Some(server) = configs.find(|server| server.name == name) else {
        let names: Vec<&str> = servers.iter().map(|server| server.config.name.as_str()).collect();
        bail!("there is no server {name}; the configured ones are: {}", names.join(", "));
    };
    let Transport::Http(http) = &server.transport else {
        bail!("server {name} is a program of this machine, which needs no login");
    };
    let oauth = http.oauth.as_ref();
    Ok((http, oauth.ok_or_else(|| anyhow!("server {name}: nothing says that it uses OAuth; write `oauth` for it"))?))
}

async fn consented(http: &Http, oauth: &OAuth, args: &LoginArgs, terminal: &Terminal) -> Result<LoggedIn> {
    let more: Vec<String> = args.scope.iter().flat_map(|scopes| scopes.split_whitespace()).map(str::to_owned).collect();
    terminal.doing("asking the server who authorizes for it");
    let login = begin(http, oauth, &more).await?;
    terminal.say(&format!("Open this page on this machine and consent:\n\n  {}\n", login.url()));
    if !args.no_browser && open::that_detached(login.url()).is_err() {
        terminal.say("No browser could be opened.");
    }
    terminal.doing("waiting for the consent, for 5 minutes");
    Ok(login.finish().await?)
}

fn outcome(server: &str, done: &LoggedIn) -> String {
    let left = done.expires_at.and_then(|at| at.duration_since(SystemTime::now()).ok());
    let left =
        left.map_or_else(|| "no stated end".to_owned(), |left| format!("{} min left", left.as_secs().div_ceil(60)));
    let renewal = if done.is_renewed { "is renewed by itself" } else { "cannot be renewed without another login" };
    let scopes = if done.scopes.is_empty() { String::new() } else { format!(" for {}", done.scopes.join(" ")) };
    format!(
        "Server {server} let us in. The token{scopes} is in {}, has {left}, and {renewal}.",
        done.token_file.display()
    )
}
