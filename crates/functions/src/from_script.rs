//! A function from a script that worked.

use exuvia_analysis::with_statements;
use rustpython_parser::ast::{self, Expr, Ranged as _, Stmt};

use crate::{Function, FunctionError, FunctionName};

/// The text of a function without parameters that does what a script did, and returns what it returned. A script that is a function
/// already stays as it is.
///
/// # Errors
///
/// It is not understood, or its lines cannot be indented without changing what they say.
pub fn from_script(name: &FunctionName, script: &str, run: &str) -> Result<String, FunctionError> {
    if Function::read(name.clone(), script).is_ok() {
        return Ok(script.to_owned());
    }
    let script = script.trim_start_matches('\u{feff}');
    if let Some((number, _)) = (1..).zip(script.lines()).find(|(_, line)| runs_on(line)) {
        let message = "a text over several lines: write the function by hand, and put it in the directory of functions";
        return Err(FunctionError::at(number, message));
    }
    let shape = with_statements(script, |body, line| Shape::of(body, line));
    let shape = shape.map_err(|line| FunctionError::at(line, "this is not understood as Python"))?;
    let is_async = script.contains("await ") || script.contains("async ");
    let mut lines = vec![format!("{}def {}():", if is_async { "async " } else { "" }, name.function())];
    lines.push(format!("    \"\"\"Does what run {run} did.\"\"\""));
    for (number, line) in (1..).zip(script.lines()) {
        let value = if shape.value_line == Some(number) { "return " } else { "" };
        lines.push(if line.trim().is_empty() { String::new() } else { format!("    {value}{line}") });
    }
    if shape.value_line.is_none() && shape.sets_result {
        lines.push("    return result".to_owned());
    }
    Ok(lines.join("\n") + "\n")
}

/// Whether a line could be continued by the next one inside a text.
fn runs_on(line: &str) -> bool {
    line.contains("\"\"\"") || line.contains("'''") || line.ends_with('\\')
}

/// Where a script has its value.
struct Shape {
    /// The line of a last statement that is an expression.
    value_line: Option<u32>,
    sets_result: bool,
}

impl Shape {
    fn of(body: &[Stmt], line: &dyn Fn(usize) -> u32) -> Self {
        let value_line = match body.last() {
            Some(Stmt::Expr(ast::StmtExpr { value, .. })) if !is_print(value) => {
                Some(line(value.range().start().into()))
            }
            _ => None,
        };
        let sets = |target: &Expr| matches!(target, Expr::Name(name) if name.id.as_str() == "result");
        let sets_result = body.iter().any(|statement| match statement {
            Stmt::Assign(assign) => assign.targets.iter().any(sets),
            Stmt::AnnAssign(assign) => sets(&assign.target),
            _ => false,
        });
        Self { value_line, sets_result }
    }
}

fn is_print(value: &Expr) -> bool {
    matches!(value, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "print"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(script: &str) -> Result<String, FunctionError> {
        from_script(&"work".parse().expect("a name"), script, "01R")
    }

    #[test]
    fn a_script_becomes_the_body_of_a_function_that_returns_its_value() {
        let of_value = made("x = crm.list()\n\nlen(x)\n").expect("a function");
        assert_eq!(
            of_value,
            "def work():\n    \"\"\"Does what run 01R did.\"\"\"\n    x = crm.list()\n\n    return len(x)\n"
        );
        let of_result = made("result = await crm.list()").expect("a function");
        assert!(
            of_result.starts_with("async def work():") && of_result.ends_with("    return result\n"),
            "{of_result}"
        );
        for script in [of_value, of_result] {
            assert!(Function::read("work".parse().expect("a name"), &script).is_ok(), "{script}");
        }
    }

    #[test]
    fn what_cannot_be_indented_is_refused_and_a_function_stays_as_it_is() {
        assert!(made("x = '''\na'''").is_err() && made("x = 1 +").is_err());
        let function = "def work(n: int) -> int:\n    'Works.'\n    return n\n";
        assert_eq!(made(function).expect("a function"), function);
    }
}
