//! Entries of servers over HTTP.

use serde_json::{Map, Value};

use super::entry::{ServerEntry, address};
use crate::servers::check;
use crate::{CodeGrant, Grant, HeaderCommand, Http, HttpProtocol, OAuth, passed_variables};

impl ServerEntry<'_> {
    pub(super) fn http(&mut self, entry: &Map<String, Value>, protocol: HttpProtocol) -> Option<Http> {
        let address = address(entry);
        let url = self.required(entry, address);
        let headers = self.pairs(entry.get("headers"), "headers");
        let oauth = self.oauth(entry);
        let url = match check::server_url(&url) {
            Ok(url) => url,
            // An address that could not be parsed was reported already.
            Err(_) if url.is_empty() => return None,
            Err(message) => {
                self.error(&[address], &message);
                return None;
            }
        };
        let mut http = Http::new(url);
        http.protocol = protocol;
        for (name, value) in headers {
            match check::header(&name, &value) {
                Ok(Some((name, value))) => http.add_header(name, value),
                Ok(None) => self.notice(&["headers", &name], "is set by the transport; ignored"),
                Err(message) => self.error(&["headers", &name], &message),
            }
        }
        http.header_command = self.headers_helper(entry, http.url.as_str());
        http.oauth = oauth;
        if let Err(message) = http.check_secrecy() {
            self.error(&[address], &message);
        }
        if let Some(dir) = self.environment.token_dir {
            http.allow_login(check::token_file(dir, self.name));
        }
        Some(http)
    }

    /// Claude Code's `headersHelper`, a line for the shell. The shell replaces its variables, so they are not replaced here.
    fn headers_helper(&mut self, entry: &Map<String, Value>, url: &str) -> Option<HeaderCommand> {
        let helper = match entry.get("headersHelper")? {
            Value::String(helper) if !helper.is_empty() && !helper.contains('\0') => helper.clone(),
            _ => self.wrong(&["headersHelper"], "a command"),
        };
        let mut env = passed_variables(self.environment.variable);
        env.insert("CLAUDE_CODE_MCP_SERVER_NAME".to_owned(), self.name.to_owned());
        env.insert("CLAUDE_CODE_MCP_SERVER_URL".to_owned(), url.to_owned());
        env.extend(self.env(entry));
        Some(HeaderCommand { command: "/bin/sh".to_owned(), args: vec!["-c".to_owned(), helper], env })
    }

    /// Claude Code's `oauth` or Cursor's `auth`.
    fn oauth(&mut self, entry: &Map<String, Value>) -> Option<OAuth> {
        let (key, id, secret) = match (entry.get("oauth"), entry.get("auth")) {
            (Some(Value::Object(_)), _) => ("oauth", "clientId", "clientSecret"),
            (None, Some(Value::Object(_))) => ("auth", "CLIENT_ID", "CLIENT_SECRET"),
            // opencode: whether a login is tried.
            (Some(Value::Null | Value::Bool(_)) | None, _) => return None,
            _ => {
                self.wrong(&["oauth"], "an object");
                return None;
            }
        };
        let oauth = entry.get(key).and_then(Value::as_object)?;
        if oauth.contains_key("authServerMetadataUrl") {
            self.notice(&[key, "authServerMetadataUrl"], "is ignored; the authorization server is discovered");
        }
        let code = CodeGrant {
            client_id: self.optional(oauth, &[key, id]),
            client_secret: self.optional(oauth, &[key, secret]),
            callback_port: self.port(oauth.get("callbackPort"), &[key, "callbackPort"]),
        };
        let scopes = self.scopes(oauth.get("scopes"), &[key, "scopes"]);
        let Some(dir) = self.environment.token_dir else {
            self.error(&[key], "no directory for token files; set HOME or XDG_DATA_HOME");
            return None;
        };
        Some(OAuth { grant: Grant::Code(code), scopes, token_file: check::token_file(dir, self.name), principal: None })
    }

    fn port(&mut self, port: Option<&Value>, path: &[&str]) -> u16 {
        let Some(port) = port.filter(|port| !port.is_null()) else { return 0 };
        let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
        port.unwrap_or_else(|| {
            self.wrong(path, "a port");
            0
        })
    }

    /// An array of scopes, or one string with spaces between them.
    fn scopes(&mut self, scopes: Option<&Value>, path: &[&str]) -> Vec<String> {
        let expected = "an array of strings, or one string with spaces between the scopes";
        let texts = match scopes {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(scopes)) => scopes.clone(),
            Some(one) => vec![one.clone()],
        };
        let texts: Vec<String> = texts.iter().map(|text| self.scalar(path, text, expected)).collect();
        let scopes: Vec<String> = texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
        if let Some(message) = scopes.iter().find_map(|scope| check::scope(scope).err()) {
            self.error(path, &message);
        }
        scopes
    }
}
