//! `exuvia approvals questions` and `answer`: what servers ask people in the middle of scripts' calls. The calls wait in their daemons, which
//! are asked.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use exuvia_admin::ClientError;
use exuvia_approvals::visible;
use serde_json::{Map, Value, json};

use super::answering::is_confirmed;
use super::{Places, printed, printed_json, table, utc};
use crate::approvals_args::QuestionAnswerArgs;
use crate::commands::daemons::part;

/// What stands before each line of something that others wrote.
const MARGIN: &str = "  │ ";

/// Prints the questions that wait.
pub(super) async fn list(places: &mut Places, json: bool) -> Result<ExitCode> {
    let mut all = Vec::new();
    for daemon in &mut places.daemons {
        let mut found = daemon.get("/questions").await?;
        all.extend(found["items"].as_array_mut().map(std::mem::take).unwrap_or_default());
    }
    match json {
        true => printed_json(&json!({ "questions": all })),
        false => {
            let text = |question: &Value, key: &str| visible(question[key].as_str().unwrap_or_default());
            let row = |question: &Value| {
                let tool = format!("{}.{}", text(question, "server"), text(question, "tool"));
                let until = utc(question["until_ms"].as_u64().unwrap_or_default());
                [
                    text(question, "id"),
                    text(question, "mode"),
                    text(question, "principal"),
                    tool,
                    until,
                    text(question, "run"),
                ]
            };
            printed(&table(["QUESTION", "MODE", "PRINCIPAL", "TOOL", "UNTIL", "RUN"], all.iter().map(row)))
        }
    }
}

/// Shows a question, asks, and answers.
pub(super) async fn answer(places: &mut Places, args: QuestionAnswerArgs) -> Result<ExitCode> {
    let path = format!("/questions/{}", part(&args.id));
    for daemon in &mut places.daemons {
        let question = match daemon.get(&path).await {
            Ok(question) => question,
            Err(ClientError::Refused { code, .. }) if code == "not-found" => continue,
            Err(error) => return Err(error.into()),
        };
        let (action, content) = match args.decline {
            true => ("decline", Map::new()),
            false => ("accept", content(&question["schema"], &args.fields)?),
        };
        printed(&shown(&question))?;
        for (name, value) in &content {
            printed(&format!("{} = {}\n", visible(name), visible(&value.to_string())))?;
        }
        let what = if args.decline { "Decline" } else { "Answer" };
        if !args.yes && !is_confirmed(what).await? {
            bail!("nothing is answered");
        }
        daemon.post(&format!("{path}/answer"), &json!({"action": action, "content": content})).await?;
        return printed(&format!("{action}: {}\n", visible(&args.id)));
    }
    match places.daemons.is_empty() {
        true => bail!("no daemon of this user is running: the calls that wait are with `exuvia serve`"),
        false => bail!(
            "there is no question {:?} that waits; `exuvia approvals questions` shows those that there are",
            args.id
        ),
    }
}

/// What was given on the command line, as the form has it.
fn content(schema: &Value, fields: &[(String, String)]) -> Result<Map<String, Value>> {
    let mut content = Map::new();
    for (name, text) in fields {
        let field = &schema["properties"][name.as_str()];
        let kind = field["type"].as_str().unwrap_or("string");
        let value = match kind {
            "boolean" | "integer" | "number" => {
                serde_json::from_str(text).map_err(|_| anyhow!("{name}={text}: must be a {kind}"))?
            }
            _ => Value::from(text.as_str()),
        };
        match content.get_mut(name) {
            Some(Value::Array(values)) => values.push(value),
            Some(_) => bail!("{name}: is given twice"),
            None if kind == "array" => drop(content.insert(name.clone(), json!([value]))),
            None => drop(content.insert(name.clone(), value)),
        }
    }
    Ok(content)
}

/// All that is asked. Nothing of it is cut.
fn shown(question: &Value) -> String {
    let text = |value: &Value| visible(value.as_str().unwrap_or_default());
    let mut shown = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(shown, "{name:<10} {value}");
    };
    row("question", &text(&question["id"]));
    row("server", &text(&question["server"]));
    row("tool", &text(&question["tool"]));
    row("principal", &text(&question["principal"]));
    row("run", &text(&question["run"]));
    row("until", &utc(question["until_ms"].as_u64().unwrap_or_default()));
    if question["url"].is_string() {
        row("visit", &text(&question["url"]));
    }
    for line in question["message"].as_str().unwrap_or_default().lines() {
        let _ = writeln!(shown, "{MARGIN}{}", visible(line));
    }
    let required = question["schema"]["required"].as_array().cloned().unwrap_or_default();
    for (name, field) in question["schema"]["properties"].as_object().into_iter().flatten() {
        let is_required = if required.iter().any(|one| one == name.as_str()) { ", required" } else { "" };
        let said = serde_json::to_string(field).unwrap_or_default();
        let _ = writeln!(shown, "field      {}{is_required}\n{MARGIN}{}", visible(name), visible(&said));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_what_the_form_has() {
        let schema = json!({"properties": {
            "name": {"type": "string"}, "age": {"type": "integer"}, "sure": {"type": "boolean"}, "tags": {"type": "array"},
        }});
        let given = |fields: &[(&str, &str)]| {
            let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            content(&schema, &fields).map(Value::Object)
        };
        let all = [("name", "12"), ("age", "12"), ("sure", "true"), ("tags", "a"), ("tags", "b")];
        assert_eq!(given(&all).expect("it fits"), json!({"name": "12", "age": 12, "sure": true, "tags": ["a", "b"]}));
        for wrong in [&[("age", "twelve")][..], &[("sure", "yes")], &[("name", "a"), ("name", "b")]] {
            assert!(given(wrong).is_err(), "{wrong:?}");
        }
    }
}
