//! From the configuration as written to the one that the program runs on.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use exuvia_tool::Cost;
use ipnet::IpNet;

use super::budget_types::Price;
use super::document::Document;
use super::{file_types, policy, profile, schema_errors};
use crate::builder::{ConfigBuilder, ServerDecl};
use crate::paths::{self, Contents};
use crate::{Collector, Config, ConfigError, Environment, HttpConfig, PublicUrl, TlsFiles, expand, mcp_file, trust};

/// Reads the text of a configuration file, which lies in `folder`.
pub(crate) fn file(text: &str, file: &str, folder: &Path, environment: Environment<'_>, found: &mut ConfigBuilder) {
    let (mut document, errors) = Document::read(text.trim_start_matches('\u{feff}'), file);
    found.errors.extend(errors);
    found.errors.extend(schema_errors::check(&mut document));
    let written: file_types::File = match serde_json::from_value(document.value.clone()) {
        Ok(written) => written,
        // Not reached while the schema is that of the type. What serde says may hold values.
        Err(_) => {
            found.errors.push(ConfigError::of_file(file, "matches the schema but cannot be used"));
            return;
        }
    };
    let (errors, files, notices) = Default::default();
    let mut resolver = Resolver { document: &document, environment, folder, errors, files, notices };
    for (name, server) in &written.servers {
        let pointer = super::document::below("/servers", name);
        if server.disabled {
            continue;
        }
        found.named.push(ServerDecl {
            name: name.clone(),
            file: file.to_owned(),
            line: document.line(&pointer),
            key: document.key(&pointer),
        });
        found.pins.extend(server.pin.map(|pin| (name.clone(), pin)));
        found.config.servers.extend(resolver.server(name, server, &pointer));
    }
    let include = |(index, include): (usize, &String)| resolver.include(include, &format!("/include/{index}"));
    let included: Vec<_> = written.include.iter().enumerate().filter_map(include).collect();
    resolver.limits(&written.limits, &mut found.config);
    resolver.server_limits(&written.server_limits, &mut found.config);
    resolver.listen(&written.listen, &mut found.config);
    found.config.collector = written.telemetry.otlp.as_deref().and_then(|otlp| resolver.collector(otlp));
    found.config.runs = resolver.runs(&written.runs);
    found.config.journal = resolver.journal(&written.journal);
    found.config.admin = resolver.admin(&written.admin);
    found.config.approvals = resolver.approvals(&written.approvals);
    found.config.sessions = written.sessions.as_ref().map(super::session_types::Sessions::resolved);
    found.pin = written.pin;
    found.config.access = resolver.access(&written);
    found.config.workspaces = resolver.workspaces(&written);
    found.config.functions = written.functions.as_ref().map(|functions| resolver.functions(functions));
    let (workspaces, roles) = (&found.config.workspaces, &mut found.config.access.roles);
    for (name, role) in roles.iter_mut().filter(|(name, _)| workspaces.roles.contains_key(*name)) {
        role.files = workspaces.of(Some(name), None).map(|(_, workspace)| workspace.access);
    }
    found.credentials = resolver.role_credentials(&written);
    let (http, has_tls) = (&mut found.config.http, found.config.tls.is_some());
    http.is_exposable = !found.config.access.is_empty() && (has_tls || !http.trusted_proxies.is_empty());
    found.config.learn_shapes = written.learn_shapes.unwrap_or(found.config.learn_shapes);
    found.config.shipped_shapes = written.shipped_shapes.unwrap_or(found.config.shipped_shapes);
    found.errors.append(&mut resolver.errors);
    found.files.append(&mut resolver.files);
    found.config.notices.append(&mut resolver.notices);
    found.policy = policy::of_file(&written, &found.config.access, &document, &mut found.errors);
    found.mentions = profile::of_file(&written, &document, &mut found.errors);
    for (name, text) in included {
        mcp_file::add(&text, Path::new(&name), environment, found);
    }
}

/// Resolves the parts of one document. Errors are collected; an invalid value becomes an empty one, which is not used.
pub(super) struct Resolver<'a> {
    pub(super) document: &'a Document,
    pub(super) environment: Environment<'a>,
    /// Where relative paths start.
    pub(super) folder: &'a Path,
    pub(super) errors: Vec<ConfigError>,
    /// The files that were looked for.
    pub(super) files: Vec<PathBuf>,
    /// What is to be known of those that are used.
    pub(super) notices: Vec<ConfigError>,
}

impl Resolver<'_> {
    pub(super) fn error(&mut self, pointer: &str, message: impl Into<String>) {
        self.errors.push(self.document.error(pointer, message));
    }

    /// A text with its variables replaced.
    pub(super) fn text(&mut self, text: &str, pointer: &str) -> String {
        let expanded = if text.contains('\0') {
            Err(vec!["contains a NUL character".to_owned()])
        } else {
            expand(text, self.environment.variable)
        };
        expanded.unwrap_or_else(|messages| {
            for message in messages {
                self.error(pointer, message);
            }
            String::new()
        })
    }

    /// A text that holds something. `None` with an error reported.
    pub(super) fn some_text(&mut self, text: &str, pointer: &str) -> Option<String> {
        let before = self.errors.len();
        let text = self.text(text, pointer);
        if text.is_empty() && self.errors.len() == before {
            self.error(pointer, "must not be empty after variable expansion");
        }
        Some(text).filter(|text| !text.is_empty())
    }

    pub(super) fn texts(&mut self, texts: &[String], pointer: &str) -> Vec<String> {
        let text = |(index, text): (usize, &String)| self.text(text, &format!("{pointer}/{index}"));
        texts.iter().enumerate().map(text).collect()
    }

    /// A cost. `None` with an error reported.
    pub(super) fn cost(&mut self, written: &Price, pointer: &str) -> Option<Cost> {
        written.cost().map_err(|message| self.error(pointer, message)).ok()
    }

    /// A path, from the file's folder or the home directory.
    pub(super) fn path(&mut self, text: &str, pointer: &str) -> Option<PathBuf> {
        let text = self.some_text(text, pointer)?;
        let Some(rest) = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            // Without the `.` of `./x`.
            return Some(self.folder.join(text).components().collect());
        };
        let Some(home) = (self.environment.variable)("HOME").filter(|home| !home.is_empty()) else {
            self.error(
                pointer,
                "environment variable HOME is not set, so ~ cannot be expanded; set it, or write the full path",
            );
            return None;
        };
        Some(Path::new(&home).join(rest.trim_start_matches('/')))
    }

    /// The name and the text of a file.
    fn include(&mut self, include: &str, pointer: &str) -> Option<(String, String)> {
        let path = self.path(include, pointer)?;
        let name = path.display().to_string();
        self.files.push(path.clone());
        let text = self.read(&path, pointer)?;
        Some((name, text))
    }

    /// The text of a file.
    pub(super) fn read(&mut self, path: &Path, pointer: &str) -> Option<String> {
        let name = path.display().to_string();
        match paths::read(path) {
            Ok(Contents { text, doubts }) => {
                self.notices.extend(doubts.into_iter().map(|doubt| ConfigError::of_file(&name, doubt)));
                Some(text)
            }
            Err(message) => {
                self.error(pointer, format!("{name}: {message}"));
                None
            }
        }
    }

    /// Looks at who else can write a file that is read later.
    fn trusted(&mut self, path: &Path, pointer: &str) {
        let name = path.display().to_string();
        match trust::doubts_of(path) {
            Ok(doubts) => self.notices.extend(doubts.into_iter().map(|doubt| ConfigError::of_file(&name, doubt))),
            Err(message) => self.error(pointer, format!("{name}: {message}")),
        }
    }

    fn listen(&mut self, written: &file_types::Listen, config: &mut Config) {
        let default = HttpConfig::default();
        config.listen = written.mcp.as_deref().and_then(|mcp| self.address(mcp, "/listen/mcp"));
        config.tls = written.tls.as_ref().and_then(|tls| self.tls(tls));
        let public_url = written.public_url.as_deref().and_then(|url| self.public_url(url));
        let mut hosts = self.hosts(&written.hosts);
        hosts.extend(public_url.as_ref().map(|url| url.authority().to_owned()));
        config.http = HttpConfig {
            public_url,
            origins: self.origins(&written.origins),
            hosts,
            trusted_proxies: self.networks(&written.trusted_proxies),
            requests_per_minute: written.requests_per_minute.unwrap_or(default.requests_per_minute),
            connections: written.connections.unwrap_or(default.connections),
            sessions: written.sessions.unwrap_or(default.sessions),
            session_grace: written.session_grace_ms.map_or(default.session_grace, Duration::from_millis),
            // A session may be silent for as long as a script may take.
            session_idle: default.session_idle + Duration::from_millis(config.limits.wall_ms),
            drain: written.drain_ms.map_or(default.drain, Duration::from_millis),
            ..default
        };
    }

    /// Names for the header `Host`.
    fn hosts(&mut self, written: &[String]) -> Vec<String> {
        for (index, host) in written.iter().enumerate() {
            let authority = host.parse::<http::uri::Authority>();
            if !authority.is_ok_and(|authority| !authority.as_str().contains(['@', '*'])) {
                let message = "must be a host name, for example \"exuvia.example\" or \"exuvia.example:8443\"";
                self.error(&format!("/listen/hosts/{index}"), message);
            }
        }
        written.to_vec()
    }

    fn networks(&mut self, written: &[String]) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for (index, text) in written.iter().enumerate() {
            match text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => networks.push(network),
                Err(_) => {
                    let message = "must be an IP address or network, for example \"10.0.0.0/8\"";
                    self.error(&format!("/listen/trusted_proxies/{index}"), message);
                }
            }
        }
        networks
    }

    /// An address without what would not go on to `/v1/traces`.
    fn collector(&mut self, text: &str) -> Option<Collector> {
        let text = self.some_text(text, "/telemetry/otlp")?;
        let uri = text.parse::<http::Uri>().ok();
        let is_usable = uri.is_some_and(|uri| {
            let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
            matches!(uri.scheme_str(), Some("http" | "https")) && authority.is_some() && uri.query().is_none()
        });
        if !is_usable {
            self.error(
                "/telemetry/otlp",
                "must be an http:// or https:// URL without credentials or query, for example http://localhost:4318",
            );
        }
        is_usable.then_some(Collector(text))
    }

    fn tls(&mut self, written: &file_types::Tls) -> Option<TlsFiles> {
        let (Some(certificate), Some(key)) = (&written.certificate, &written.key) else {
            // One without the other was reported already.
            if written.certificate.is_none() && written.key.is_none() {
                self.error("/listen/tls", "requires `certificate` and `key`");
            }
            return None;
        };
        let certificate = self.path(certificate, "/listen/tls/certificate");
        let key = self.path(key, "/listen/tls/key");
        for (path, pointer) in [(&certificate, "/listen/tls/certificate"), (&key, "/listen/tls/key")] {
            if let Some(path) = path {
                self.files.push(path.clone());
                self.trusted(path, pointer);
            }
        }
        Some(TlsFiles { certificate: certificate?, key: key? })
    }

    fn public_url(&mut self, text: &str) -> Option<PublicUrl> {
        let text = self.some_text(text, "/listen/public_url")?;
        PublicUrl::parse(&text).map_err(|message| self.error("/listen/public_url", message)).ok()
    }

    /// Origins with their ports, which are those of the scheme where none is written.
    fn origins(&mut self, written: &[String]) -> Vec<String> {
        let mut origins = Vec::new();
        for (index, text) in written.iter().enumerate() {
            let pointer = format!("/listen/origins/{index}");
            let Some(text) = self.some_text(text, &pointer) else { continue };
            match text.parse::<http::Uri>().ok().as_ref().and_then(origin) {
                Some(origin) => origins.push(origin),
                None => self.error(
                    &pointer,
                    "must be an origin (scheme, host and optional port), for example https://inspector.example",
                ),
            }
        }
        origins
    }

    pub(super) fn address(&mut self, text: &str, pointer: &str) -> Option<SocketAddr> {
        let text = self.some_text(text, pointer)?;
        let address = text.parse().ok();
        if address.is_none() {
            self.error(pointer, "must be an IP address and port, for example 127.0.0.1:8420 or [::1]:8420");
        }
        address
    }
}

fn origin(uri: &http::Uri) -> Option<String> {
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@');
    is_bare.then(|| format!("{scheme}://{}:{}", authority.host(), authority.port_u16().unwrap_or(port)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn found(text: &str) -> ConfigBuilder {
        let environment = Environment { variable: &|_| None, token_dir: None };
        let mut found = ConfigBuilder::default();
        file(text, "exuvia.toml", Path::new("/here"), environment, &mut found);
        found
    }

    #[test]
    fn every_configuration_that_passes_the_schema_resolves() {
        let values =
            ["true", "1", "-1", "5.0", "1.5", "1e300", "inf", "nan", "99999999999999999999", "2026-11-22", "'x'"];
        let more = ["''", "[]", "['x']", "[1]", "[[]]", "{}", "{ x = 'y' }", "{ x = 1 }", "{ x = {} }"];
        let schema = schema();
        let tables = [
            ("", &schema),
            ("servers.x.", &schema["$defs"]["Server"]),
            ("servers.x.oauth.", &schema["$defs"]["OAuth"]),
            ("servers.x.constraints.a.b.", &schema["$defs"]["Condition"]),
            ("identity_providers.x.", &schema["$defs"]["IdentityProvider"]),
            ("groups.x.", &schema["$defs"]["Group"]),
            ("profiles.x.", &schema["$defs"]["Profile"]),
            ("limits.", &schema["$defs"]["Limits"]),
            ("server_limits.", &schema["$defs"]["ServerLimits"]),
            ("runs.", &schema["$defs"]["Runs"]),
            ("listen.", &schema["$defs"]["Listen"]),
            ("listen.tls.", &schema["$defs"]["Tls"]),
            ("roles.x.", &schema["$defs"]["Role"]),
            ("roles.x.limits.", &schema["$defs"]["RoleLimits"]),
            ("roles.x.credentials.y.", &schema["$defs"]["Credential"]),
            ("keys.x.", &schema["$defs"]["Key"]),
            ("budgets.x.", &schema["$defs"]["Budget"]),
            ("telemetry.", &schema["$defs"]["Telemetry"]),
            ("journal.", &schema["$defs"]["Journal"]),
            ("journal.redact.", &schema["$defs"]["Redact"]),
            ("admin.", &schema["$defs"]["Admin"]),
            ("approvals.", &schema["$defs"]["Approvals"]),
            ("functions.", &schema["$defs"]["Functions"]),
        ];
        let mut tried = 0;
        for (table, definition) in tables {
            for key in definition["properties"].as_object().unwrap().keys() {
                for value in values.iter().chain(&more) {
                    let text = format!("{table}{key} = {value}\n");
                    let errors = found(&text).errors;
                    assert!(!errors.iter().any(|error| error.key.is_empty()), "{text}{errors:?}");
                    tried += 1;
                }
            }
        }
        assert!(tried > 800, "{tried}");
    }

    #[test]
    fn no_secret_is_in_the_debug_form_of_a_configuration() {
        let text = "[journal]\nurl = 'postgres://a:s3cret@d'\n[approvals]\nwebhook = 'https://b.example/s3cret?s3cret'\nwebhook_secret = 'whsec_czNjcmV0czNjcmV0czNjcmV0czNjcmV0'\n[telemetry]\notlp = 'http://c.example/s3cret'\n[servers.a]\ncommand = 'a'\nargs = ['s3cret']\nenv = { A = 's3cret' }\n[servers.b]\n\
            url = 'https://b.example/s3cret?s3cret'\nheaders = { A = 's3cret' }\nheaders_command = ['x', 's3cret']\n\
            proxy = 'http://s3cret:s3cret@p.example'\n[roles.c.credentials.b]\nheaders = { A = 's3cret' }\n";
        let found = found(text);
        let shown =
            format!("{:?} {:?}", found.config, found.credentials.iter().map(|own| &own.credential).collect::<Vec<_>>());
        assert!(found.errors.is_empty() && shown.contains("b.example") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn origins_have_their_ports_and_nothing_else() {
        let found = found(
            "[listen]\norigins = ['https://a.example', 'http://b.example/', 'http://[::1]:1', 'c.example', 'ftp://d', \
             'https://e/x', 'https://u@f', '*']",
        );
        let origins: Vec<_> = found.config.http.origins.iter().map(String::as_str).collect();
        assert_eq!(origins, ["https://a.example:443", "http://b.example:80", "http://[::1]:1"]);
        let keys: Vec<_> = found.errors.iter().map(|error| error.key.as_str()).collect();
        assert_eq!(keys, [3, 4, 5, 6, 7].map(|index| format!("listen.origins[{index}]")));
    }

    #[test]
    fn servers_keep_the_order_of_the_file() {
        let config =
            found("[servers.z]\ncommand = 'z'\n[servers.a]\ncommand = 'a'\n[servers.m]\ncommand = 'm'\n").config;
        let names: Vec<_> = config.servers.iter().map(|server| server.config.name.as_str()).collect();
        assert_eq!(names, ["z", "a", "m"]);
    }
}
