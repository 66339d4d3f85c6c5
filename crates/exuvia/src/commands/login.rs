//! `exuvia login`: tokens for a server that asks for authorization.

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, Result, anyhow, bail};
use exuvia_config::{AccessConfig, ConfiguredServer, Grant, Http, OAuth, ServerConfig, Transport};
use exuvia_oauth::login::{LoggedIn, begin, fetch};
use exuvia_tool::{CredentialId, Principal};

use crate::app::configured;
use crate::args::LoginArgs;
use crate::terminal::Terminal;

pub(crate) async fn login(args: LoginArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    let config = configured(args.servers.clone().into(), &terminal).await?;
    let server = asked_for(&config.servers, &args.server)?;
    let (http, oauth) = with_login(server)?;
    let principal = principal(&args)?;
    let oauth = match &principal {
        Some(principal) => own(&config.access, server, oauth, principal)?,
        None => oauth.clone(),
    };
    let done = match &oauth.grant {
        Grant::Code(_) => consented(http, &oauth, &args, &terminal).await,
        Grant::ClientCredentials(_) if args.scope.is_some() => {
            bail!(
                "server {}: --scope does not apply to client credentials; set `oauth.scopes` in the configuration",
                args.server
            )
        }
        Grant::ClientCredentials(_) => fetch(http, &oauth).await.map_err(Into::into),
    };
    terminal.clear_progress();
    let done = done.with_context(|| format!("server {}", args.server))?;
    terminal.print(&outcome(&args.server, principal.as_ref(), &done));
    Ok(ExitCode::SUCCESS)
}

fn asked_for<'a>(servers: &'a [ConfiguredServer], name: &str) -> Result<&'a ServerConfig> {
    let mut configs = servers.iter().map(|server| &server.config);
    configs.find(|server| server.name == name).ok_or_else(|| {
        let names: Vec<&str> = servers.iter().map(|server| server.config.name.as_str()).collect();
        anyhow!("unknown server {name}; configured servers: {}", names.join(", "))
    })
}

fn with_login(server: &ServerConfig) -> Result<(&Http, &OAuth)> {
    let name = &server.name;
    let Transport::Http(http) = &server.transport else {
        bail!("server {name} runs over stdio and needs no login");
    };
    let oauth = http.oauth.as_ref();
    Ok((http, oauth.ok_or_else(|| anyhow!("server {name}: OAuth is not configured; add `oauth` to it"))?))
}

/// Who logs in. None: the gateway itself.
fn principal(args: &LoginArgs) -> Result<Option<Principal>> {
    let text = match (&args.key, &args.user) {
        (Some(key), _) => format!("key:{key}"),
        (None, Some(user)) => format!("user:{user}"),
        (None, None) => return Ok(None),
    };
    text.parse().map(Some).map_err(|error| anyhow!("{text} is nobody who could log in: {error}"))
}

/// The login of a principal, if calls of it would use one. Issued keys and users are not in the file: there any role may be theirs.
fn own(access: &AccessConfig, server: &ServerConfig, oauth: &OAuth, principal: &Principal) -> Result<OAuth> {
    let name = &server.name;
    let uses_logins = |role: &str| {
        let own = server.credentials.get(&CredentialId::of_role(role.into()));
        own.is_some_and(|credential| credential.oauth)
    };
    let configured = match principal {
        Principal::Key(key) => access.keys.get(&**key).map(|found| (key, &found.role)),
        _ => None,
    };
    match configured {
        Some((key, role)) if !uses_logins(role) => bail!(
            "server {name}: a login would not be used: the role {role} of key {key} has no `oauth = true` in \
             `[roles.{role}.credentials.{name}]`"
        ),
        None if !server.credentials.values().any(|credential| credential.oauth) => bail!(
            "server {name}: a login of {principal} would not be used: no role has `oauth = true` in \
             `[roles.ROLE.credentials.{name}]`"
        ),
        _ => Ok(oauth.of_principal(principal.clone())),
    }
}

async fn consented(http: &Http, oauth: &OAuth, args: &LoginArgs, terminal: &Terminal) -> Result<LoggedIn> {
    let more: Vec<String> = args.scope.iter().flat_map(|scopes| scopes.split_whitespace()).map(str::to_owned).collect();
    terminal.show_progress("discovering the authorization server");
    let login = begin(http, oauth, &more).await?;
    terminal.print(&format!("Open this URL in a browser on this machine to authorize access:\n\n  {}\n", login.url()));
    if !args.no_browser && open::that_detached(login.url()).is_err() {
        terminal.print("No browser could be started.");
    }
    terminal.show_progress("waiting for authorization (5 minutes)");
    Ok(login.finish().await?)
}

fn outcome(server: &str, principal: Option<&Principal>, done: &LoggedIn) -> String {
    let left = done.expires_at.and_then(|at| at.duration_since(SystemTime::now()).ok());
    let expiry = left.map_or_else(
        || "has no stated expiry".to_owned(),
        |left| format!("expires in {} min", left.as_secs().div_ceil(60)),
    );
    let renewal = if done.is_renewed { "is refreshed automatically" } else { "cannot be refreshed: log in again then" };
    let scopes = if done.scopes.is_empty() { String::new() } else { format!(" for {}", done.scopes.join(" ")) };
    let who = principal.map_or_else(String::new, |principal| format!(" for {principal}"));
    format!("Logged in to {server}{who}. The token{scopes} in {} {expiry} and {renewal}.", done.token_file.display())
}
