//! What becomes of files, for people: without the values of secrets.

use std::collections::BTreeSet;

use exuvia_config::{Grant, MovableServer, Transport};
use similar::{ChangeTag, TextDiff};

use crate::paint::{Paint, Tone};

/// How many lines around a change are shown.
const AROUND: usize = 1;
/// What stands in place of a secret.
const HIDDEN: &str = "***";
/// Parts of the names of what is secret.
const SECRETS: [&str; 8] = ["token", "secret", "password", "passwd", "api_key", "apikey", "api-key", "authorization"];
/// Shorter values are no secrets, and would be found everywhere.
const LEAST_CHARS: usize = 6;

/// Values that are not shown.
#[derive(Default)]
pub(super) struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Everything that a server is given beside its arguments.
    pub(super) fn add(&mut self, server: &MovableServer) {
        match &server.server.transport {
            Transport::Stdio(stdio) => stdio.env.values().for_each(|value| self.value(value)),
            Transport::Http(http) => {
                let headers = http.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
                headers.for_each(|value| self.value(&value));
                if let Some(Grant::Code(code)) = http.oauth.as_ref().map(|oauth| &oauth.grant) {
                    code.client_secret.iter().for_each(|secret| self.value(secret));
                }
            }
        }
    }

    fn value(&mut self, value: &str) {
        // A reference is no secret.
        if value.len() >= LEAST_CHARS && !value.contains("${") {
            self.0.insert(value.to_owned());
        }
    }

    /// The line without secrets.
    fn hide(&self, line: &str) -> String {
        let mut line = line.to_owned();
        // The longest first: one may be a part of another.
        let mut secrets: Vec<&String> = self.0.iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in secrets {
            let written = serde_json::Value::from(secret.as_str()).to_string();
            for form in [secret.as_str(), written.trim_matches('"')] {
                line = line.replace(form, HIDDEN);
            }
        }
        hide_named(&line)
    }
}

/// The line without what stands after a name that is that of a secret.
fn hide_named(line: &str) -> String {
    let lower = line.to_lowercase();
    let Some(at) = SECRETS.iter().filter_map(|name| lower.find(name)).min() else { return line.to_owned() };
    let Some(start) = line.get(at..).and_then(|rest| rest.find([':', '='])).map(|start| at + start + 1) else {
        return line.to_owned();
    };
    let value = line[start..].trim_end();
    let end = if value.ends_with(',') { "," } else { "" };
    let is_text = value.trim_start().starts_with(['"', '\'']) || value.trim_start().starts_with(char::is_alphanumeric);
    match is_text && !value.contains("${") && !value.contains(HIDDEN) {
        true => format!("{} {HIDDEN}{end}", &line[..start]),
        false => line.to_owned(),
    }
}

/// The lines that change, with `-` and `+`.
pub(super) fn diff(before: &str, after: &str, secrets: &Secrets, paint: Paint) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut text = String::new();
    for (index, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if index > 0 {
            text.push_str(&format!("  {}\n", paint.text(Tone::Aside, "...")));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = exuvia_text::printable(&secrets.hide(change.value().trim_end_matches(['\r', '\n'])));
            let line = match change.tag() {
                ChangeTag::Delete => paint.text(Tone::Bad, format_args!("- {line}")),
                ChangeTag::Insert => paint.text(Tone::Good, format_args!("+ {line}")),
                ChangeTag::Equal => format!("  {line}"),
            };
            text.push_str(&format!("  {}\n", line.trim_end()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_not_shown() {
        let secrets = Secrets([r#"ghp_"abc"#.to_owned(), "s3cret-value".to_owned()].into());
        for (line, shown) in [
            (r#"  "GITHUB_PAT": "ghp_\"abc","#, r#"  "GITHUB_PAT": "***","#),
            (r#"env = { A = "s3cret-value", B = "x" }"#, r#"env = { A = "***", B = "x" }"#),
            (r#"  "apiKey": "other","#, r#"  "apiKey": ***,"#),
            (r#"  "TOKEN": "${env:TOKEN}","#, r#"  "TOKEN": "${env:TOKEN}","#),
            (r#"  "command": "token-server","#, r#"  "command": "token-server","#),
            ("  token: abc", "  token: ***"),
        ] {
            assert_eq!(secrets.hide(line), shown, "{line}");
        }
    }

    #[test]
    fn a_diff_has_the_lines_that_change_and_those_beside_them() {
        let shown = diff("a\nb\nc\nd\ne\nf\n", "a\nb\nC\nd\ne\nf\n", &Secrets::default(), Paint { is_on: false });
        assert_eq!(shown, "    b\n  - c\n  + C\n    d\n");
    }
}
