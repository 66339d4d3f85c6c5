//! Variables in configuration values.

/// Replaces the variables in `text`.
///
/// `${NAME}` and `${NAME:-default}` are Claude Code's form, `${env:NAME}` is Cursor's, and `${userHome}` its name for `HOME`.
/// `${workspaceFolder}` is what `lookup` says of that name, `${workspaceFolderBasename}` the last part of it, and
/// `${pathSeparator}` and `${/}` a slash: VS Code's and Cursor's. As in a shell, the default also stands in for an empty variable.
/// `${file:PATH}` is what `lookup` says of `file:PATH`, and an error where it says nothing: opencode's.
/// Any other `${..}` stays as it is, because it may be meant for a shell that the server's command starts.
///
/// # Errors
///
/// What is wrong with each variable that has no value.
pub fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, Vec<String>> {
    let (mut out, mut rest, mut errors) = (String::with_capacity(text.len()), text, Vec::new());
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let Some(length) = rest.find('}') else { break };
        let (reference, body) = (&rest[..=length], &rest[2..length]);
        match value(body, lookup) {
            Ok(Some(value)) => out.push_str(&value),
            Ok(None) => out.push_str(reference),
            Err(error) => errors.push(error),
        }
        rest = &rest[length + 1..];
    }
    out.push_str(rest);
    if errors.is_empty() { Ok(out) } else { Err(errors) }
}

fn value(body: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
    let editors = match body {
        "userHome" => return value("HOME", lookup),
        "pathSeparator" | "/" => Some("/".to_owned()),
        "workspaceFolder" => lookup(body),
        "workspaceFolderBasename" => {
            lookup("workspaceFolder").and_then(|folder| folder.rsplit('/').next().map(str::to_owned))
        }
        _ => None,
    };
    if editors.is_some() {
        return Ok(editors);
    }
    if ["input:", "command:", "config:", "workspaceFolder"].iter().any(|start| body.starts_with(start)) {
        return Err(format!("`${{{body}}}` is an editor variable; write the value or an environment variable"));
    }
    if let Some(path) = body.strip_prefix("file:") {
        return lookup(body).map(Some).ok_or_else(|| format!("file {path} cannot be read"));
    }
    let (name, default) = match body.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (body.strip_prefix("env:").unwrap_or(body), None),
    };
    let identifier = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !identifier {
        return Ok(None);
    }
    match (lookup(name), default) {
        (Some(value), None) => Ok(Some(value)),
        (Some(value), Some(_)) if !value.is_empty() => Ok(Some(value)),
        (_, Some(default)) => Ok(Some(default.to_owned())),
        (None, None) => Err(format!("environment variable {name} is not set; set it, or write ${{{name}:-default}}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, Vec<String>> {
        expand(text, &|name| match name {
            "HOME" => Some("/home/ada".into()),
            "TOKEN" => Some("s3cret".into()),
            "EMPTY" => Some(String::new()),
            "workspaceFolder" => Some("/home/ada/web".into()),
            "file:~/token" => Some("${TOKEN}".into()),
            _ => None,
        })
    }

    #[test]
    fn variables_are_replaced_in_every_form_that_clients_write() {
        assert_eq!(expanded("${TOKEN}").unwrap(), "s3cret");
        assert_eq!(expanded("a ${env:TOKEN} b ${HOME}/x").unwrap(), "a s3cret b /home/ada/x");
        assert_eq!(expanded("${userHome}/.x").unwrap(), "/home/ada/.x");
        assert_eq!(expanded("${workspaceFolder}${/}${workspaceFolderBasename}").unwrap(), "/home/ada/web/web");
        assert_eq!(
            expanded("Bearer ${file:~/token}").unwrap(),
            "Bearer ${TOKEN}",
            "what a file holds is not looked into"
        );
        assert_eq!(expanded("${GONE:-d:-e}|${TOKEN:-d}|${EMPTY:-d}|${EMPTY}|${GONE:-}").unwrap(), "d:-e|s3cret|d||");
    }

    #[test]
    fn text_that_is_no_variable_stays() {
        for text in ["$TOKEN", "costs 5$", "${#x}", "${x%%.*}", "${", "${TOKEN", "$${}", "a ${TOKEN"] {
            assert_eq!(expanded(text).unwrap(), text);
        }
    }

    #[test]
    fn every_unset_variable_is_named() {
        let errors = expanded("${A}${TOKEN}${env:B}${input:key}${file:x}").unwrap_err();
        assert_eq!(errors.len(), 4);
        assert!(errors[0].contains("variable A is not set"), "{errors:?}");
    }
}
