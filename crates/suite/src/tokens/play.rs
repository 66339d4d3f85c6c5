//! Plays one task, or one recorded conversation, against the gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use exuvia_runtime::Engine;
use serde_json::{Value, json};

use super::conversation::{Conversation, Counter, Turn};
use super::policy::{Guess, Policy, Step, exchange};
use super::seen::Seen;
use super::{Answer, Exchange, Round, Session, Task, Transcript, classic, needs};
use crate::SuiteError;

/// How much of a script's answer is kept.
const ANSWER_BYTES: usize = 400;

/// What a task cost.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Played {
    /// The task's name.
    pub name: String,
    /// What was done, turn by turn: `search`, `read`, `look`, `run`.
    pub steps: Vec<&'static str>,
    /// What the script uses although nothing that was read before says it. None: it could be written.
    pub guesses: Vec<Guess>,
    /// What is wrong with the script's answer.
    pub failure: Option<String>,
    /// The beginning of what the script answered.
    pub answer: String,
    /// With the meta-tools.
    pub code_mode: Conversation,
    /// With every tool in the context.
    pub classic: Conversation,
    /// The calls of meta-tools, as they can be played again.
    pub transcript: Transcript,
}

impl Played {
    /// Whether the first script that does the task was right, and could be written without guessing.
    #[must_use]
    pub fn is_first_right(&self) -> bool {
        self.failure.is_none() && self.guesses.is_empty()
    }

    /// How many scripts only looked at an answer.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.steps.iter().filter(|step| **step == "look").count()
    }
}

/// What tasks of one round are played with.
pub struct Table<'a> {
    /// Parses scripts.
    pub engine: &'a Engine,
    /// Counts.
    pub counter: &'a Counter,
    /// What a model knows without being told.
    pub knows: &'a BTreeMap<String, BTreeSet<String>>,
    /// The servers' names and more.
    pub round: &'a Round,
    /// Tokens of the definitions of all tools of the round.
    pub classic_definitions: u64,
}

/// A conversation while it goes on.
struct Talk<'a> {
    session: &'a mut dyn Session,
    counter: &'a Counter,
    seen: Seen,
    conversation: Conversation,
    turns: Vec<Vec<Exchange>>,
    steps: Vec<&'static str>,
}

impl<'a> Talk<'a> {
    fn begin(session: &'a mut dyn Session, counter: &'a Counter, prompt: &str) -> Self {
        let definitions = classic::definitions(session.tools());
        let conversation =
            Conversation { definitions: counter.count(&definitions), prompt: counter.count(prompt), turns: Vec::new() };
        let mut seen = Seen::of(prompt);
        // As the model reads them: without the escapes of JSON.
        for tool in session.tools() {
            seen.add(tool["description"].as_str().unwrap_or_default());
            seen.add(tool["inputSchema"].to_string());
        }
        Self { session, counter, seen, conversation, turns: Vec::new(), steps: Vec::new() }
    }

    /// Makes the calls of one turn. The last answer is given back.
    async fn turn(&mut self, step: &'static str, exchanges: Vec<Exchange>) -> Result<Answer, SuiteError> {
        let mut turn = Turn::default();
        let mut last = Answer { text: String::new(), is_error: false };
        for Exchange { tool, arguments } in &exchanges {
            last = self.session.call(tool, arguments).await?;
            turn.written += self.counter.count(tool) + self.counter.count(&arguments.to_string());
            turn.read += self.counter.count(&last.text);
            self.seen.add(told(tool, arguments, &last));
        }
        self.conversation.turns.push(turn);
        self.turns.push(exchanges);
        self.steps.push(step);
        Ok(last)
    }
}

/// An answer, and what it is about: a stub does not repeat what it was asked for. A script is the model's own.
fn told(tool: &str, arguments: &Value, answer: &Answer) -> String {
    let about = if tool == "executeToolCode" { String::new() } else { arguments.to_string() };
    format!("{about}\n{}", answer.text)
}

/// Plays a task by the policy, which decides what is asked: the task's script is what is run in the end.
///
/// # Errors
///
/// The gateway is lost, or the script is not valid Python.
pub async fn play(table: &Table<'_>, session: &mut dyn Session, task: &Task) -> Result<Played, SuiteError> {
    let wrong = |error: String| SuiteError::new(Path::new(&task.name), error);
    let servers = table.round.python_names();
    let needs = needs::of(table.engine, &task.script, &servers).await.map_err(wrong)?;
    let tools = session.tools().to_vec();
    let mut policy = Policy::new(task, &needs, table.knows, &tools);
    let mut talk = Talk::begin(session, table.counter, &task.prompt);
    loop {
        match policy.next(&talk.seen) {
            Step::Ask(step, exchanges) => drop(talk.turn(step, exchanges).await?),
            Step::Look(keys) => {
                let script = match &task.look {
                    Some(look) => Some(look.clone()),
                    None => needs::look(table.engine, &task.script, &servers, &keys).await.map_err(wrong)?,
                };
                // Nothing to look at: it will be a guess.
                let Some(script) = script else { break };
                talk.turn("look", vec![exchange("executeToolCode", json!({"code": script}))]).await?;
            }
            Step::Run => break,
        }
    }
    let guesses = policy.guesses(&talk.seen);
    talk.session.server_calls()?;
    let answer = talk.turn("run", vec![exchange("executeToolCode", json!({"code": task.script}))]).await?;
    let calls = talk.session.server_calls()?;
    let Talk { conversation, turns, steps, .. } = talk;
    Ok(Played {
        name: task.name.clone(),
        steps,
        guesses,
        failure: failure(&answer, task.returns.as_ref()),
        answer: head(&answer.text).to_owned(),
        code_mode: conversation,
        classic: classic::conversation(table.counter, table.classic_definitions, &task.prompt, &task.script, &calls),
        transcript: Transcript {
            name: task.name.clone(),
            round: table.round.name.clone(),
            prompt: task.prompt.clone(),
            turns,
        },
    })
}

/// Plays a recorded conversation again. Its scripts are checked against what was shown before each of them.
///
/// # Errors
///
/// The gateway is lost, or a script is not valid Python.
pub async fn replay(table: &Table<'_>, session: &mut dyn Session, recorded: &Transcript) -> Result<Played, SuiteError> {
    let wrong = |error: String| SuiteError::new(Path::new(&recorded.name), error);
    let servers = table.round.python_names();
    let mut talk = Talk::begin(session, table.counter, &recorded.prompt);
    talk.session.server_calls()?;
    let (mut guesses, mut failure, mut scripts, mut has_run) = (Vec::new(), None, String::new(), false);
    let mut last = String::new();
    let tools = Vec::new();
    for exchanges in &recorded.turns {
        let code = exchanges.iter().find_map(|one| one.arguments.get("code")).and_then(Value::as_str);
        if let Some(code) = code {
            let needs = needs::of(table.engine, code, &servers).await.map_err(wrong)?;
            let task = Task::recorded(&recorded.name, &recorded.prompt, code);
            let policy = Policy::new(&task, &needs, table.knows, &tools);
            guesses.extend(policy.guesses(&talk.seen));
            scripts.push_str(code);
        }
        let step = code.map_or("ask", |_| "run");
        let answer = talk.turn(step, exchanges.clone()).await?;
        if code.is_some() && !std::mem::replace(&mut has_run, true) {
            failure = self::failure(&answer, None);
        }
        head(&answer.text).clone_into(&mut last);
    }
    let calls = talk.session.server_calls()?;
    let Talk { conversation, steps, .. } = talk;
    Ok(Played {
        name: recorded.name.clone(),
        steps,
        guesses,
        failure,
        answer: last,
        code_mode: conversation,
        classic: classic::conversation(table.counter, table.classic_definitions, &recorded.prompt, &scripts, &calls),
        transcript: recorded.clone(),
    })
}

/// What is wrong with the answer of a script.
fn failure(answer: &Answer, returns: Option<&toml::Value>) -> Option<String> {
    if answer.is_error {
        return Some(answer.text.lines().take(3).collect::<Vec<_>>().join(" | "));
    }
    let expected = serde_json::to_value(returns?).ok()?;
    // Behind the result may stand a log or a note.
    let result = serde_json::Deserializer::from_str(&answer.text).into_iter::<Value>().next().and_then(Result::ok);
    if result.as_ref() == Some(&expected) { None } else { Some(format!("{}, expected {expected}", head(&answer.text))) }
}

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(ANSWER_BYTES)]
}
