//! Calls whose arguments do not fit: the rules by which the sandbox binds arguments to parameters, ahead of time.

use std::collections::{HashMap, HashSet};

use exuvia_catalog::closest;
use exuvia_tool::{Parameter, Server, Tool};
use rustpython_parser::ast::{Expr, ExprCall, Ranged};
use serde_json::{Map, Value, json};

use super::{Findings, MAX_CALLS, MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MAX_STEPS, cut, literals, schema};
use crate::facts::Guards;
use crate::{Finding, FindingCode};

/// One call of a tool that is certain to be that tool.
pub(crate) struct Call<'c> {
    pub(crate) server: &'c Server,
    pub(crate) tool: &'c Tool,
    pub(crate) call: &'c ExprCall,
    pub(crate) line: u32,
    pub(crate) guards: Guards,
}

/// An argument with the key it is sent under.
type Given<'c> = (&'c str, &'c Expr);

impl Call<'_> {
    /// In the words of the error that the call would raise.
    fn finding(&self, code: FindingCode, problem: &str) -> Finding {
        let (server, tool) = (&self.server.python_name, self.tool);
        let end = if problem.ends_with('?') { "" } else { ";" };
        let message = format!("{server}.{} {problem}{end} signature: {server}.{}", tool.python_name, tool.signature);
        Finding { line: self.line, code, message: cut(&message, MAX_MESSAGE_CHARS) }
    }

    fn wrong_value(&self, message: &str) -> Finding {
        Finding { line: self.line, code: FindingCode::WrongValue, message: cut(message, MAX_MESSAGE_CHARS) }
    }

    /// Whether the script catches what the call raises if its arguments do not fit.
    fn is_caught(&self) -> bool {
        self.guards.catch(Guards::TYPE_ERROR)
    }

    /// Whether `*` or `**` adds unknown arguments.
    fn is_open(&self) -> bool {
        let has_star = self.call.args.iter().any(|argument| matches!(argument, Expr::Starred(_)));
        has_star || self.call.keywords.iter().any(|keyword| keyword.arg.is_none())
    }
}

impl Findings {
    pub(crate) fn call(&mut self, call: &Call<'_>) {
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return;
        }
        let given = self.bound(call);
        if !call.is_open() {
            self.missing(call, &given);
        }
        // Of a value that is caught the host tells, where the call arrives.
        if !call.is_caught() {
            self.values(call, &given);
        }
    }

    /// The arguments that are written out; complains of those that have no parameter.
    fn bound<'c>(&mut self, call: &'c Call<'_>) -> Vec<Given<'c>> {
        let parameters = &call.tool.parameters;
        let written = call.call.args.iter().take_while(|argument| !matches!(argument, Expr::Starred(_)));
        let positional: Vec<&Expr> = written.collect();
        if positional.len() > parameters.len() {
            let problem = format!("takes at most {} positional, {} were given", parameters.len(), positional.len());
            self.add(call.finding(FindingCode::UnknownArgument, &problem), None, call.is_caught());
        }
        let mut given: Vec<Given<'c>> = parameters.iter().map(|one| one.name.as_str()).zip(positional).collect();
        let mut seen: HashSet<&str> = given.iter().map(|(name, _)| *name).collect();
        let by_name = by_name(parameters);
        for keyword in &call.call.keywords {
            let Some(name) = keyword.arg.as_ref().map(|name| name.as_str()) else { continue };
            let key = match by_name.get(name) {
                Some(parameter) => parameter.name.as_str(),
                None if call.tool.accepts_other_keywords => name,
                None => {
                    self.add(
                        call.finding(FindingCode::UnknownArgument, &unknown(name, parameters)),
                        None,
                        call.is_caught(),
                    );
                    continue;
                }
            };
            if !seen.insert(key) {
                let problem = format!("got '{}' twice", cut(name, MAX_NAME_CHARS));
                self.add(call.finding(FindingCode::RepeatedArgument, &problem), None, call.is_caught());
            }
            given.push((key, &keyword.value));
        }
        given
    }

    fn missing(&mut self, call: &Call<'_>, given: &[Given<'_>]) {
        let given: HashSet<&str> = given.iter().map(|(name, _)| *name).collect();
        let parameters = call.tool.parameters.iter();
        let missing = parameters.filter(|one| one.required && !given.contains(one.name.as_str()));
        let missing: Vec<String> = missing.map(|one| format!("{}=", one.python_name)).collect();
        if !missing.is_empty() {
            let problem = format!("needs {}", missing.join(", "));
            self.add(call.finding(FindingCode::MissingArgument, &problem), None, call.is_caught());
        }
    }

    /// Literals against the schema: all at once where every argument is one, else one by one.
    fn values(&mut self, call: &Call<'_>, given: &[Given<'_>]) {
        let literals: Vec<(&str, Value)> =
            given.iter().filter_map(|(name, value)| Some((*name, literals::value(value)?))).collect();
        let is_complete = !call.is_open() && literals.len() == call.call.args.len() + call.call.keywords.len();
        if is_complete {
            let mut required = call.tool.parameters.iter().filter(|parameter| parameter.required);
            let arguments = literals.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>();
            let is_bound = required.all(|one| arguments.contains_key(&one.name));
            let mut arguments = Value::Object(arguments);
            // As the call itself does it.
            call.tool.arguments.fit(&mut arguments);
            if is_bound && let Err(message) = self.checked(call, &arguments) {
                self.add(call.wrong_value(&message), None, false);
            }
            return;
        }
        for (name, value) in literals {
            let is_optional = call.tool.parameters.iter().any(|one| one.name == name && !one.required);
            if value.is_null() && is_optional {
                continue;
            }
            let Some(expected) = schema::contradiction(call.tool, name, &value) else { continue };
            // A schema that cannot be compiled is not enforced: its check lets everything pass.
            if self.checked(call, &json!({ name: value })).is_err() {
                let python_name = call.tool.parameters.iter().find(|one| one.name == name);
                let python_name = python_name.map_or(name, |parameter| &parameter.python_name);
                let shown = literals::shown(&value);
                let (server, tool) = (&call.server.python_name, call.tool);
                let message = format!(
                    "{server}.{}: {python_name} must {expected}, not {shown}\nsignature: {server}.{}",
                    tool.python_name, tool.signature
                );
                self.add(call.wrong_value(&message), None, false);
            }
        }
    }
}

impl Findings {
    /// Holds arguments against the schema, as long as that takes no more than all checks of one script may take.
    fn checked(&mut self, call: &Call<'_>, arguments: &Value) -> Result<(), String> {
        if self.steps > MAX_STEPS {
            return Ok(());
        }
        let checked = call.tool.arguments.check(arguments);
        // The schema is compiled by now. No literal is longer as JSON than some times what is written.
        self.steps += call.tool.arguments.most_steps(2 * usize::from(call.call.range().len()));
        checked
    }
}

/// The parameters by what a keyword may call them: their Python names come first.
fn by_name(parameters: &[Parameter]) -> HashMap<&str, &Parameter> {
    let own = parameters.iter().rev().map(|one| (one.name.as_str(), one));
    own.chain(parameters.iter().rev().map(|one| (one.python_name.as_str(), one))).collect()
}

fn unknown(keyword: &str, parameters: &[Parameter]) -> String {
    let close = closest(keyword, parameters.iter().map(|parameter| parameter.python_name.as_str()));
    let hint = match close.first() {
        Some(close) => format!("; did you mean '{close}'?"),
        None if parameters.is_empty() => "; it takes none".to_owned(),
        None => String::new(),
    };
    format!("has no argument '{}'{hint}", cut(keyword, MAX_NAME_CHARS))
}
