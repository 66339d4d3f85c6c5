//! A function from a script that worked.

use exuvia_analysis::{logical_lines, with_statements};
use rustpython_parser::ast::{self, Expr, Ranged as _, Stmt};

use crate::{Function, FunctionError, FunctionName};

/// The text of a function without parameters that does what a script did, and returns what it returned. A script that is a function
/// already stays as it is.
///
/// # Errors
///
/// It is not understood.
pub fn from_script(name: &FunctionName, script: &str, run: &str) -> Result<String, FunctionError> {
    if Function::read(name.clone(), script).is_ok() {
        return Ok(script.to_owned());
    }
    // Python takes all ends of lines for the same, in texts too.
    let script = script.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let not_understood = |line| FunctionError::at(line, "this is not understood as Python");
    let shape = with_statements(&script, |body, line| Shape::of(body, line)).map_err(not_understood)?;
    let begins = logical_lines(&script).map_err(not_understood)?;
    let is_async = script.contains("await ") || script.contains("async ");
    let mut lines = vec![format!("{}def {}():", if is_async { "async " } else { "" }, name.function())];
    lines.push(format!("    \"\"\"Does what run {run} did.\"\"\""));
    for (number, line) in (1..).zip(script.lines()) {
        let value = if shape.value_line == Some(number) { "return " } else { "" };
        // Inside a text the indentation would be part of it.
        let indent = if begins.contains(&number) { "    " } else { "" };
        lines.push(format!("{indent}{value}{line}"));
    }
    if shape.value_line.is_none() && shape.sets_result {
        lines.push("    return result".to_owned());
    }
    Ok(lines.join("\n") + "\n")
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

    /// The lines below the docstring.
    fn body(script: &str) -> String {
        let made = made(script).expect("a function");
        assert!(Function::read("work".parse().expect("a name"), &made).is_ok(), "{made}");
        made.split_once(".\"\"\"\n").expect("a docstring").1.to_owned()
    }

    #[test]
    fn texts_over_several_lines_are_what_they_were() {
        assert_eq!(body("x = '''a\n  b\n\n'''\nx"), "    x = '''a\n  b\n\n'''\n    return x\n");
        assert_eq!(body("f\"\"\"a\n{[\n1]}\n\"\"\""), "    return f\"\"\"a\n{[\n1]}\n\"\"\"\n");
        assert_eq!(body("x = 'a\\\n b'\nx"), "    x = 'a\\\n b'\n    return x\n");
        let block = "if 1:\n    x = (\n  2, '''\n3''')\n# why\nelse:\n\tx = 4\nresult = x\n";
        let indented = "    if 1:\n        x = (\n  2, '''\n3''')\n# why\n    else:\n    \tx = 4\n    result = x\n    return result\n";
        assert_eq!(body(block), indented);
        assert_eq!(body("x = '''a\r\nb\rc'''\rx"), "    x = '''a\nb\nc'''\n    return x\n");
    }

    #[test]
    fn what_is_not_understood_is_refused_and_a_function_stays_as_it_is() {
        assert!(made("x = 1 +").is_err());
        let function = "def work(n: int) -> int:\n    'Works.'\n    return n\n";
        assert_eq!(made(function).expect("a function"), function);
    }
}
