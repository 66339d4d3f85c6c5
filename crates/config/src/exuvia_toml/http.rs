//! `[servers.NAME]` with a `url`, resolved.

use std::collections::BTreeMap;

use super::document::below;
use super::file_types;
use super::resolve::Resolver;
use crate::servers::check;
use crate::{CertificateDer, ClientCredentials, CodeGrant, Grant, HeaderCommand, Http, OAuth, Proxy};

impl Resolver<'_> {
    pub(super) fn http(
        &mut self,
        url: &str,
        name: &str,
        written: &file_types::Server,
        env: BTreeMap<String, String>,
        pointer: &str,
    ) -> Option<Http> {
        let at_url = below(pointer, "url");
        let url = self.some_text(url, &at_url).and_then(|url| {
            let url = check::server_url(&url);
            url.map_err(|message| self.error(&at_url, message)).ok()
        });
        let headers = self.header_values(&written.headers, &below(pointer, "headers"));
        let header_command = self.header_command(written, env, &below(pointer, "headers_command"));
        let ca = written.ca.as_deref().and_then(|ca| self.certificates(ca, &below(pointer, "ca")));
        let proxy = written.proxy.as_deref().and_then(|proxy| self.proxy(proxy, &below(pointer, "proxy")));
        let oauth = written.oauth.as_ref().map(|oauth| self.oauth(oauth, name, &below(pointer, "oauth")));
        let mut http = Http::new(url?);
        http.protocol = written.protocol.unwrap_or_default();
        for (name, value) in headers {
            http.add_header(name, value);
        }
        if header_command.is_some() && oauth.is_some() {
            self.error(
                &below(pointer, "headers_command"),
                "conflicts with `oauth`: both provide credentials; remove one".to_owned(),
            );
        }
        http.header_command = header_command;
        http.ca = ca.unwrap_or_default();
        http.proxy = proxy;
        if let Err(message) = http.check_proxy() {
            self.error(&below(pointer, "proxy"), message);
        }
        http.oauth = oauth.flatten();
        if let Err(message) = http.check_secrecy() {
            self.error(&at_url, message);
        }
        if let Some(dir) = self.environment.token_dir {
            http.allow_login(check::token_file(dir, name));
        }
        Some(http)
    }

    fn certificates(&mut self, file: &str, pointer: &str) -> Option<Vec<CertificateDer<'static>>> {
        let path = self.path(file, pointer)?;
        self.files.push(path.clone());
        let text = self.read(&path, pointer)?;
        check::certificates(&text).map_err(|message| self.error(pointer, format!("{}: {message}", path.display()))).ok()
    }

    fn proxy(&mut self, text: &str, pointer: &str) -> Option<Proxy> {
        let text = self.some_text(text, pointer)?;
        Proxy::parse(&text).map_err(|message| self.error(pointer, message)).ok()
    }

    fn header_command(
        &mut self,
        written: &file_types::Server,
        env: BTreeMap<String, String>,
        pointer: &str,
    ) -> Option<HeaderCommand> {
        let (program, args) = written.headers_command.as_deref()?.split_first()?;
        let command = self.program(program, &format!("{pointer}/0"));
        let arg = |(index, arg): (usize, &String)| self.text(arg, &format!("{pointer}/{}", index + 1));
        let args = args.iter().enumerate().map(arg).collect();
        Some(HeaderCommand { command: command?, args, env })
    }

    fn oauth(&mut self, written: &file_types::OAuth, name: &str, pointer: &str) -> Option<OAuth> {
        let mut text = |text: &Option<String>, key: &str| {
            text.as_deref().and_then(|text| self.some_text(text, &below(pointer, key)))
        };
        let client_id = text(&written.client_id, "client_id");
        let client_secret = text(&written.client_secret, "client_secret");
        let at_scopes = below(pointer, "scopes");
        let scopes = self.texts(&written.scopes, &at_scopes);
        if let Some(message) = scopes.iter().find_map(|scope| check::scope(scope).err()) {
            self.error(&at_scopes, message);
        }
        let Some(dir) = self.environment.token_dir else {
            self.error(pointer, "no directory for token files; set HOME or XDG_DATA_HOME");
            return None;
        };
        let grant = match written.grant {
            None | Some(file_types::Grant::Code) => {
                let callback_port = written.callback_port.unwrap_or_default();
                Grant::Code(CodeGrant { client_id, client_secret, callback_port })
            }
            Some(file_types::Grant::ClientCredentials) => {
                for (key, is_there) in
                    [("client_id", written.client_id.is_some()), ("client_secret", written.client_secret.is_some())]
                {
                    if !is_there {
                        self.error(pointer, format!("the client-credentials grant requires `{key}`"));
                    }
                }
                if written.callback_port.is_some() {
                    self.error(&below(pointer, "callback_port"), "applies to the code grant only");
                }
                Grant::ClientCredentials(ClientCredentials { client_id: client_id?, client_secret: client_secret? })
            }
        };
        Some(OAuth { grant, scopes, token_file: check::token_file(dir, name), principal: None })
    }
}
