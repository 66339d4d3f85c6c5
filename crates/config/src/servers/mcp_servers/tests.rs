use super::*;
use crate::{Grant, Http, HttpProtocol, Stdio, Transport};

fn parsed(text: &str) -> McpServers {
    let variable = |name: &str| match name {
        "PATH" => Some("/bin".into()),
        "TOKEN" => Some("s3cret".into()),
        "LC_ALL" => Some("() { evil; }".into()),
        "OTHER" => Some("not passed".into()),
        _ => None,
    };
    parse_mcp_servers(text, "mcp.json", Environment { variable: &variable, token_dir: Some(Path::new("/tokens")) })
}

fn servers(text: &str) -> Vec<ServerConfig> {
    let found = parsed(text);
    assert_eq!(found.errors, []);
    found.servers
}

fn process(server: &ServerConfig) -> &Stdio {
    match &server.transport {
        Transport::Stdio(stdio) => stdio,
        Transport::Http(_) => panic!("{} is no process", server.name),
    }
}

fn http(server: &ServerConfig) -> &Http {
    match &server.transport {
        Transport::Http(http) => http,
        Transport::Stdio(_) => panic!("{} is a process", server.name),
    }
}

fn said(text: &str) -> Vec<String> {
    parsed(text).errors.iter().map(ToString::to_string).collect()
}

fn noticed(text: &str) -> Vec<String> {
    parsed(text).notices.iter().map(ToString::to_string).collect()
}

/// What is wrong with servers that are left out for it.
fn wrong(text: &str) -> Vec<String> {
    let notices = noticed(text);
    notices.iter().filter_map(|notice| notice.strip_suffix("; server skipped")).map(str::to_owned).collect()
}

#[test]
fn files_of_each_client_are_read() {
    // Claude Desktop.
    let desktop = r#"{"mcpServers": {"filesystem": {"command": "npx", "args": ["-y", "@mcp/fs", "/home/ada"]}},
        "globalShortcut": ""}"#;
    let found = servers(desktop);
    let (name, server) = (&found[0].name, process(&found[0]));
    assert_eq!((name.as_str(), server.command.as_str()), ("filesystem", "npx"));
    assert_eq!(server.args, ["-y", "@mcp/fs", "/home/ada"]);
    assert_eq!(server.env, [("PATH".to_owned(), "/bin".to_owned())].into());
    // Claude Code.
    let code = r#"{"mcpServers": {"b": {"type": "stdio", "command": "${BIN:-/opt/bin}/b", "args": [],
        "env": {"API_KEY": "${TOKEN}"}, "timeout": 9, "alwaysAllow": ["x"]}, "a": {"command": "a", "args": null}}}"#;
    let found = servers(code);
    assert_eq!(found.iter().map(|server| server.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    let first = process(&found[0]);
    assert_eq!((first.command.as_str(), first.env["API_KEY"].as_str()), ("/opt/bin/b", "s3cret"));
    // Cursor.
    let cursor = r#"{"mcpServers": {"c": {"command": "c", "env": {"T": "${env:TOKEN}", "PORT": 8080, "PATH": "/mine"},
        "cwd": "/srv", "disabled": false}, "off": {"command": 7, "disabled": true}}}"#;
    let found = servers(cursor);
    assert_eq!(found.len(), 1);
    let first = process(&found[0]);
    assert_eq!(first.cwd.as_deref(), Some(Path::new("/srv")));
    assert_eq!((&*first.env["T"], &*first.env["PORT"], &*first.env["PATH"]), ("s3cret", "8080", "/mine"));
    // VS Code.
    let vscode = r#"{"inputs": [], "servers": {"m": {"type": "stdio", "command": "m", "dev": {"watch": "*"}}}}"#;
    assert_eq!(process(&servers(vscode)[0]).command, "m");
}

#[test]
fn servers_over_http_of_each_client_are_read() {
    // Claude Code.
    let code = r#"{"mcpServers": {
        "a": {"type": "http", "url": "https://a.example/mcp", "headers": {"Authorization": "Bearer ${TOKEN}", "X-N": 7}},
        "b": {"type": "sse", "url": "https://b.example/sse", "headersHelper": "get-headers $HOME"},
        "c": {"type": "streamable-http", "url": "https://c.example/",
            "oauth": {"clientId": "id", "callbackPort": 8080, "scopes": "crm:read crm:write"}}}}"#;
    let found = servers(code);
    let (a, b, c) = (http(&found[0]), http(&found[1]), http(&found[2]));
    assert_eq!((a.url.as_str(), a.protocol), ("https://a.example/mcp", HttpProtocol::Auto));
    assert_eq!(
        (&a.headers["authorization"], &a.headers["x-n"]),
        (&"Bearer s3cret".parse().unwrap(), &"7".parse().unwrap())
    );
    assert!(a.headers["authorization"].is_sensitive() && a.oauth.is_none());
    let helper = b.header_command.as_ref().unwrap();
    assert_eq!((b.protocol, helper.command.as_str()), (HttpProtocol::Sse, "/bin/sh"));
    assert_eq!(helper.args, ["-c", "get-headers $HOME"]);
    assert_eq!((&*helper.env["PATH"], &*helper.env["CLAUDE_CODE_MCP_SERVER_NAME"]), ("/bin", "b"));
    assert!(!helper.env.contains_key("TOKEN"));
    let oauth = c.oauth.as_ref().unwrap();
    let Grant::Code(code) = &oauth.grant else { panic!("{oauth:?}") };
    assert_eq!(
        (c.protocol, code.client_id.as_deref(), code.callback_port),
        (HttpProtocol::Streamable, Some("id"), 8080)
    );
    assert_eq!(
        (oauth.scopes.as_slice(), oauth.token_file.as_path()),
        (&["crm:read".to_owned(), "crm:write".to_owned()][..], Path::new("/tokens/c.json"))
    );
    // Cursor.
    let cursor = r#"{"mcpServers": {"d": {"url": "http://localhost:1/mcp"}, "e": {"url": "https://e.example",
        "auth": {"CLIENT_ID": "id", "CLIENT_SECRET": "${env:TOKEN}", "scopes": ["x"]}}}}"#;
    let found = servers(cursor);
    assert!(http(&found[0]).oauth.is_some(), "a login is possible where nothing else is configured");
    let Grant::Code(code) = &http(&found[1]).oauth.as_ref().unwrap().grant else { panic!() };
    assert_eq!(code.client_secret.as_deref(), Some("s3cret"));
    // VS Code.
    let vscode = r#"{"servers": {"f": {"type": "http", "url": "https://f.example/mcp"}}}"#;
    assert_eq!(http(&servers(vscode)[0]).url.host_str(), Some("f.example"));
}

#[test]
fn an_unsupported_server_is_reported_and_the_others_work() {
    let text = r#"{"servers": {
        "ws": {"type": "ws", "url": "wss://x.example"},
        "socket": {"type": "http", "url": "unix:///run/x.sock"},
        "boxed": {"command": "b", "sandboxEnabled": true},
        "a": {"command": "a", "envFile": ".env"},
        "h": {"url": "https://h.example", "headers": {"Content-Type": "application/json", "X-A": "b"},
            "oauth": {"authServerMetadataUrl": "https://as.example"}}}}"#;
    assert_eq!(
        noticed(text),
        [
            "mcp.json:2: servers.ws.type: servers of type `ws` are not supported; server skipped",
            "mcp.json:3: servers.socket.url: servers on sockets and pipes are not supported; server skipped",
            "mcp.json:4: servers.boxed.sandboxEnabled: editor sandboxes are not supported; server skipped",
            "mcp.json:7: servers.h.oauth.authServerMetadataUrl: is ignored; the authorization server is discovered",
            "mcp.json:6: servers.h.headers.Content-Type: is set by the transport; ignored",
        ]
    );
    let found = servers(text);
    assert_eq!(found.iter().map(|server| server.name.as_str()).collect::<Vec<_>>(), ["a", "h"]);
    assert_eq!(http(&found[1]).headers.len(), 1);
}

#[test]
fn all_errors_are_reported_at_once_with_their_lines() {
    let text = r#"{"mcpServers": {"a": {}, "b": {"command": 7, "args": "x", "env": [], "cwd": 1}, "c": 7,
        "d": {"command": "${GONE}", "args": ["${LOST}", ["x"]], "env": {
            "K": "${env:MISSING}", "A=B": "x"}},
        "e": {"command": "e"}, "e": {"command": "f"}}}"#;
    assert_eq!(
        wrong(text),
        [
            "mcp.json:1: mcpServers.a.command: must be given",
            "mcp.json:1: mcpServers.b.command: must be a string",
            "mcp.json:1: mcpServers.b.args: must be an array of strings",
            "mcp.json:1: mcpServers.b.env: must be an object of strings",
            "mcp.json:1: mcpServers.b.cwd: must be a string",
            "mcp.json:1: mcpServers.c: must be an object with a `command` or a `url`",
            "mcp.json:2: mcpServers.d.command: environment variable GONE is not set; set it, or write ${GONE:-default}",
            "mcp.json:2: mcpServers.d.args: environment variable LOST is not set; set it, or write ${LOST:-default}",
            "mcp.json:2: mcpServers.d.args: must be an array of strings",
            "mcp.json:3: mcpServers.d.env.K: environment variable MISSING is not set; set it, or write ${MISSING:-default}",
            "mcp.json:2: mcpServers.d.env: `A=B` is not a valid variable name",
        ]
    );
    assert_eq!(said(text), ["mcp.json:4: mcpServers.e: duplicate server name; rename one"]);
    let names: Vec<_> = parsed(text).names.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "d", "e"], "wrong servers have names too");
}

#[test]
fn all_errors_of_an_http_server_are_reported_without_secrets() {
    let text = r#"{"mcpServers": {
        "a": {"type": "http"},
        "b": {"url": "http://b.example", "headers": {"X-Key": "s3cret"}},
        "c": {"url": "https://u:s3cret@c.example", "headers": {"a b": "s3cret"}},
        "d": {"url": "https://d.example", "headers": {"a b": "s3cret", "X": "s3cret\n", "Y": ["s3cret"], "Z": "${GONE}"}},
        "e": {"url": "https://e.example", "headersHelper": ["s3cret"],
            "oauth": {"clientId": 7, "callbackPort": 70000, "scopes": ["\"s3cret"]}},
        "f": {"url": "http://f.example", "oauth": {}}, "g": {"url": "https://g.example", "oauth": "s3cret"}}}"#;
    assert_eq!(
        wrong(text),
        [
            "mcp.json:2: mcpServers.a.url: must be given",
            "mcp.json:3: mcpServers.b.url: headers and tokens would be sent unencrypted; use https://",
            "mcp.json:4: mcpServers.c.url: must not contain credentials; send an `Authorization` header instead",
            "mcp.json:5: mcpServers.d.headers.Y: must be a string",
            "mcp.json:5: mcpServers.d.headers.Z: environment variable GONE is not set; set it, or write ${GONE:-default}",
            "mcp.json:5: mcpServers.d.headers.a b: `a b` is not a valid header name",
            "mcp.json:5: mcpServers.d.headers.X: contains a line break or another character that is invalid in a header",
            "mcp.json:7: mcpServers.e.oauth.clientId: must be a string",
            "mcp.json:7: mcpServers.e.oauth.callbackPort: must be a port",
            "mcp.json:7: mcpServers.e.oauth.scopes: a scope is one word of ASCII, without quotes or backslashes",
            "mcp.json:6: mcpServers.e.headersHelper: must be a command",
            "mcp.json:8: mcpServers.f.url: headers and tokens would be sent unencrypted; use https://",
            "mcp.json:8: mcpServers.g.oauth: must be an object",
        ]
    );
}

#[test]
fn no_secret_is_in_a_servers_debug_form() {
    let text = r#"{"mcpServers": {"a": {"command": "a", "args": ["s3cret"], "env": {"T": "${TOKEN}"}},
        "b": {"url": "https://b.example/s3cret?t=s3cret", "headers": {"X": "s3cret"}, "headersHelper": "s3cret",
            "oauth": {"clientId": "id", "clientSecret": "s3cret"}}}}"#;
    let shown = format!("{:?}", servers(text));
    assert!(shown.contains("b.example") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_file_of_another_format_is_an_error() {
    assert!(said("{")[0].starts_with("mcp.json: invalid JSON: EOF while parsing"));
    for text in ["[]", "{}", r#"{"mcpServers": []}"#, r#"{"servers": 1}"#] {
        assert!(said(text)[0].contains("missing object `mcpServers`"), "{text}");
    }
    assert!(servers("\u{feff}{\"mcpServers\": {}}").is_empty());
    let long = format!(r#"{{"mcpServers": {{"{}": {{"command": "x"}}}}}}"#, "x".repeat(65));
    assert!(wrong(&long)[0].ends_with("the server name must be at most 64 bytes"));
}

#[test]
fn every_spelling_of_a_transport_and_an_address_is_read() {
    for entry in [
        r#""type": "streamableHttp", "url": "https://x.example""#,
        r#""type": "streamable_http", "url": "https://x.example""#,
        r#""transport": "Streamable-HTTP", "url": "https://x.example""#,
        r#""httpUrl": "https://x.example""#,
        r#""serverUrl": "https://x.example""#,
        r#""type": "remote", "url": "https://x.example", "oauth": false"#,
    ] {
        let text = format!(r#"{{"mcpServers": {{"x": {{{entry}}}}}}}"#);
        assert_eq!(http(&servers(&text)[0]).url.host_str(), Some("x.example"), "{entry}");
    }
    let local = r#"{"mcpServers": {"x": {"type": "local", "command": ["npx", "-y"], "args": ["z"], "environment": {"A": "b"}, "envFile": ".env"}}}"#;
    let found = parsed(local);
    let server = process(&found.servers[0]);
    assert_eq!((server.command.as_str(), &*server.args.join(" "), &*server.env["A"]), ("npx", "-y z", "b"));
    assert_eq!(found.env_files["x"], EnvFile { path: ".env".to_owned(), given: vec!["A".to_owned()] });
}

#[test]
fn an_error_in_one_server_leaves_the_others() {
    let text = r#"{"mcpServers": {"good": {"command": "x"}, "unset": {"command": "x", "env": {"A": "${GONE}"}},
        "input": {"command": "x", "args": ["${input:key}"]}, "empty": {}}}"#;
    let names: Vec<_> = servers(text).into_iter().map(|server| server.name).collect();
    assert_eq!(names, ["good"]);
    assert_eq!(wrong(text).len(), 3);
}

#[test]
fn comments_and_trailing_commas_are_let_pass_and_lines_stay_right() {
    let text =
        "// mine\n{\"mcpServers\": { /* two */\n\"a\": {\"command\": \"x\", \"args\": [\"//\",],},\n\"b\": {},}}";
    assert_eq!(process(&servers(text)[0]).args, ["//"]);
    assert_eq!(wrong(text), ["mcp.json:4: mcpServers.b.command: must be given"]);
    assert!(said("{\"mcpServers\": {\"a\": {\"command\": \"x\" \"args\": []}}}")[0].contains("line 1 column"));
}

#[test]
fn objects_are_found_where_clients_have_them() {
    for text in [
        r#"{"mcp": {"servers": {"a": {"command": "x"}}}}"#,
        r#"{"mcpServers": {}, "mcpServers": {"a": {"command": "x"}}}"#,
    ] {
        assert_eq!(servers(text)[0].name, "a", "{text}");
    }
    let text = r#"{"projects": {"/a.b": {"mcpServers": {"a": {}}}}}"#;
    let at = |path: &[&str]| {
        parse_mcp_servers_at(text, path, "x.json", Environment { variable: &|_| None, token_dir: None })
    };
    let told = at(&["projects", "/a.b", "mcpServers"]).notices[0].to_string();
    assert!(told.starts_with("x.json:1: projects./a.b.mcpServers.a.command: must be given"), "{told}");
    assert!(at(&["projects", "/c", "mcpServers"]).object.is_empty());
}
