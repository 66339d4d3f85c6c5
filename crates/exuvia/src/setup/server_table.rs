//! A server as a table of `exuvia.toml`.

use exuvia_config::{Grant, HttpProtocol, MovableServer, OAuth, Transport};
use toml_edit::{Array, InlineTable, Item, Table, Value};

/// `[servers.NAME]` with everything that the client's file says of it.
pub(super) fn server_table(name: &str, moved: &MovableServer) -> String {
    let mut table = Table::new();
    match &moved.server.transport {
        Transport::Stdio(stdio) => {
            text(&mut table, "command", &stdio.command);
            texts(&mut table, "args", &stdio.args);
            pairs(&mut table, "env", stdio.env.iter().map(|(name, value)| (name.clone(), value.clone())));
            if let Some(cwd) = &stdio.cwd {
                text(&mut table, "cwd", &cwd.display().to_string());
            }
        }
        Transport::Http(http) => {
            text(&mut table, "url", moved.url.as_deref().unwrap_or(http.url.as_str()));
            match http.protocol {
                HttpProtocol::Auto => {}
                HttpProtocol::Streamable => text(&mut table, "protocol", "streamable"),
                HttpProtocol::Sse => text(&mut table, "protocol", "sse"),
            }
            let value = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let headers = http.headers.iter().map(|(name, text)| (name.to_string(), value(text.as_bytes())));
            pairs(&mut table, "headers", headers);
            if let Some(helper) = &http.header_command {
                let words: Vec<String> = std::iter::once(&helper.command).chain(&helper.args).cloned().collect();
                texts(&mut table, "headers_command", &words);
                pairs(&mut table, "env", helper.env.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            if let Some(oauth) = http.oauth.as_ref().map(login).filter(|login| !login.is_empty()) {
                table.insert("oauth", Item::Value(oauth.into()));
            }
        }
    }
    if let Some(only) = &moved.lists.only {
        table.insert("tools", Item::Value(array(only)));
    }
    texts(&mut table, "deny", &moved.lists.never);
    let mut servers = Table::new();
    servers.set_implicit(true);
    servers.insert(name, Item::Table(table));
    let mut document = toml_edit::DocumentMut::new();
    document.insert("servers", Item::Table(servers));
    document.to_string()
}

fn text(table: &mut Table, key: &str, value: &str) {
    table.insert(key, Item::Value(value.into()));
}

fn texts(table: &mut Table, key: &str, values: &[String]) {
    if !values.is_empty() {
        table.insert(key, Item::Value(array(values)));
    }
}

fn array(values: &[String]) -> Value {
    values.iter().map(String::as_str).collect::<Array>().into()
}

fn pairs(table: &mut Table, key: &str, pairs: impl Iterator<Item = (String, String)>) {
    let pairs: InlineTable = pairs.collect();
    if !pairs.is_empty() {
        table.insert(key, Item::Value(pairs.into()));
    }
}

/// What the client says of the login. What is not said is the default.
fn login(oauth: &OAuth) -> InlineTable {
    let mut table = InlineTable::new();
    if let Grant::Code(code) = &oauth.grant {
        let named = [("client_id", &code.client_id), ("client_secret", &code.client_secret)];
        for (key, value) in named.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            table.insert(key, value.as_str().into());
        }
        if code.callback_port != 0 {
            table.insert("callback_port", i64::from(code.callback_port).into());
        }
    }
    if !oauth.scopes.is_empty() {
        table.insert("scopes", array(&oauth.scopes));
    }
    table
}
