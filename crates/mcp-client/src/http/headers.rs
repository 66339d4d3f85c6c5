//! Credentials that are headers: written in the configuration, or from a command's output.

use std::sync::Arc;

use exuvia_config::{HeaderCommand, Http, ServerConfig, Transport};
use exuvia_oauth::{AuthRejection, Authorization, TokenSource, Unauthorized};
use exuvia_tool::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;

use super::command;
use crate::stdio::Reaper;

/// The credentials that a server receives.
pub fn authorization(config: &ServerConfig, reaper: &Arc<Reaper>) -> Arc<dyn Authorization> {
    match &config.transport {
        Transport::Http(http) => match &http.oauth {
            Some(oauth) => Arc::new(TokenSource::new(&config.name, http, oauth)),
            None => Arc::new(Headers::new(http, reaper)),
        },
        Transport::Stdio(_) => Arc::new(Headers::default()),
    }
}

/// Headers of the configuration, and of its command.
#[derive(Debug, Default)]
struct Headers {
    fixed: HeaderMap,
    command: Option<Command>,
}

/// A command and what it gave last.
#[derive(Debug)]
struct Command {
    config: HeaderCommand,
    reaper: Arc<Reaper>,
    /// Locked while it runs: who else wants headers waits for the same run.
    given: Mutex<Option<HeaderMap>>,
}

impl Headers {
    fn new(config: &Http, reaper: &Arc<Reaper>) -> Self {
        let command = config.header_command.clone();
        let command = command.map(|config| Command { config, reaper: reaper.clone(), given: Mutex::default() });
        Self { fixed: config.headers.clone(), command }
    }

    fn with(&self, given: &HeaderMap) -> HeaderMap {
        let mut headers = self.fixed.clone();
        headers.extend(given.clone());
        headers
    }
}

impl Authorization for Headers {
    fn headers(&self) -> BoxFuture<'_, Result<HeaderMap, Unauthorized>> {
        Box::pin(async move {
            let Some(command) = &self.command else { return Ok(self.fixed.clone()) };
            let mut given = command.given.lock().await;
            if given.is_none() {
                *given = Some(command.run().await?);
            }
            Ok(self.with(given.as_ref().unwrap_or(&self.fixed)))
        })
    }

    fn refused<'a>(&'a self, refusal: &'a AuthRejection) -> BoxFuture<'a, Result<(), Unauthorized>> {
        Box::pin(async move {
            let refused =
                |what: &str| Unauthorized { message: format!("it answered with HTTP {}; {what}", refusal.status) };
            let Some(command) = &self.command else {
                return Err(refused("configure its credentials: `headers`, `headers_command` or `oauth`"));
            };
            if refusal.status != StatusCode::UNAUTHORIZED {
                return Err(refused("the headers of its `headers_command` do not permit the request"));
            }
            let mut given = command.given.lock().await;
            let is_new = |given: &HeaderMap| self.with(given) != refusal.sent;
            // Another request may have been refused first.
            if given.as_ref().is_none_or(|given| !is_new(given)) {
                *given = Some(command.run().await?);
            }
            match given.as_ref().is_some_and(is_new) {
                true => Ok(()),
                false => Err(refused("its `headers_command` returned the same headers that it rejected")),
            }
        })
    }
}

impl Command {
    async fn run(&self) -> Result<HeaderMap, Unauthorized> {
        let unauthorized = |what: String| Unauthorized { message: format!("its `headers_command` {what}") };
        let output = command::output(&self.config, &self.reaper).await.map_err(unauthorized)?;
        read(&output).map_err(unauthorized)
    }
}

/// Reads one JSON object of strings, or a line `Name: value` for each header. The error completes "the command".
fn read(output: &[u8]) -> Result<HeaderMap, String> {
    let text = std::str::from_utf8(output).map_err(|_| "wrote bytes that are not UTF-8".to_owned())?.trim();
    let mut headers = HeaderMap::new();
    // Values never go into errors.
    let mut add = |place: &str, name: &str, value: &str| {
        let wrong =
            || format!("wrote an invalid header {place}; write a JSON object of strings, or lines `Name: value`");
        let name = HeaderName::try_from(name.trim()).map_err(|_| wrong())?;
        let mut value = HeaderValue::try_from(value.trim()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.append(name, value);
        Ok::<_, String>(())
    };
    if text.starts_with('{') {
        let Ok(Value::Object(object)) = serde_json::from_str(text) else {
            return Err("wrote something other than a JSON object".to_owned());
        };
        for (number, (name, value)) in object.iter().enumerate() {
            add(&format!("as member {}", number + 1), name, value.as_str().unwrap_or("\0"))?;
        }
    } else {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let (name, value) = line.split_once(':').unwrap_or(("", ""));
            add(&format!("in line {}", number + 1), name, value)?;
        }
    }
    if headers.is_empty() { Err("wrote no headers".to_owned()) } else { Ok(headers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(output: &str) -> Result<Vec<(String, String)>, String> {
        let headers = read(output.as_bytes())?;
        assert!(headers.values().all(HeaderValue::is_sensitive));
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        Ok(headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect())
    }

    #[test]
    fn a_header_command_may_print_json_or_lines() {
        let expected = vec![("authorization".to_owned(), "Bearer a:b".to_owned()), ("x-team".into(), "7".into())];
        assert_eq!(pairs(r#"{"Authorization": "Bearer a:b", "X-Team": "7"}"#).unwrap(), expected);
        assert_eq!(pairs("Authorization: Bearer a:b\r\n\nX-Team:7\n").unwrap(), expected);
    }

    #[test]
    fn an_invalid_header_is_an_error_without_its_value() {
        for output in
            ["", "{}", "secret", "a b: secret", r#"{"A": 1}"#, r#"{"A": "secret\n"#, "{\"A\": \"secret\u{1}\"}"]
        {
            let error = pairs(output).unwrap_err();
            assert!(error.starts_with("wrote ") && !error.contains("secret"), "{output}: {error}");
        }
    }
}
