//! A function from a script that worked.

use exuvia_analysis::{logical_lines, with_statements};
use rustpython_parser::ast::{self, CmpOp, Constant, Expr, Ranged as _, Stmt};

use crate::scope::{always_binds, awaits, binds, blocks};
use crate::{Function, FunctionError, FunctionName};

/// What a script calls its value, in place of its last expression.
const RESULT: &str = "result";

/// The text of a function without parameters that does what a script did, and returns what it returned. A script that is a function
/// already stays as it is.
///
/// # Errors
///
/// It is not understood, or would do something else inside a function.
pub fn from_script(name: &FunctionName, script: &str, run: &str) -> Result<String, FunctionError> {
    if Function::read(name.clone(), script).is_ok() {
        return Ok(script.to_owned());
    }
    // Python takes all ends of lines for the same, in texts too.
    let script = script.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let not_understood = |line| FunctionError::at(line, "this is not understood as Python");
    let shape = with_statements(&script, Shape::of).map_err(not_understood)??;
    let begins = logical_lines(&script).map_err(not_understood)?;
    let mut lines = vec![format!("{}def {}():", if shape.is_async { "async " } else { "" }, name.function())];
    lines.push(format!("    \"\"\"Does what run {run} did.\"\"\""));
    let (keeps, end) = shape.ends();
    let mut at = 0;
    for (number, line) in (1..).zip(script.lines()) {
        // Inside a text the indentation would be part of it.
        let indent = if begins.contains(&number) { "    " } else { "" };
        let column = shape.value_at.and_then(|value| value.checked_sub(at)).filter(|column| *column < line.len());
        let (before, rest) = line.split_at(column.unwrap_or(0));
        let keeps = if column.is_some() { keeps } else { "" };
        lines.push(format!("{indent}{before}{keeps}{rest}"));
        at += line.len() + 1;
    }
    lines.extend(end.map(|end| format!("    {end}")));
    Ok(lines.join("\n") + "\n")
}

/// Where a script has its value.
struct Shape {
    /// Where a last statement begins that is an expression.
    value_at: Option<usize>,
    result: Bound,
    is_async: bool,
}

/// Whether a script has a `result`, which then is its value.
enum Bound {
    Never,
    /// On some ways through it.
    Sometimes,
    Always,
}

impl Shape {
    fn of(body: &[Stmt], line: &dyn Fn(usize) -> u32) -> Result<Self, FunctionError> {
        if let Some((at, why)) = body.iter().find_map(differs) {
            return Err(FunctionError::at(line(at), why));
        }
        let result = match () {
            () if body.iter().any(|statement| always_binds(statement, RESULT)) => Bound::Always,
            () if body.iter().any(|statement| binds(statement, RESULT)) => Bound::Sometimes,
            () => Bound::Never,
        };
        Ok(Self { value_at: value_at(body), result, is_async: body.iter().any(awaits) })
    }

    /// What comes before the last expression, and the last line.
    fn ends(&self) -> (&'static str, Option<&'static str>) {
        match (&self.result, self.value_at) {
            (Bound::Always, _) => ("", Some("return result")),
            (Bound::Sometimes, Some(_)) => ("last_value = ", Some("return locals().get(\"result\", last_value)")),
            (Bound::Sometimes, None) => ("", Some("return locals().get(\"result\")")),
            (Bound::Never, _) => ("return ", None),
        }
    }
}

/// Where the expression begins that is the value of a script without a `result`.
fn value_at(body: &[Stmt]) -> Option<usize> {
    match body.last()? {
        Stmt::Expr(last) if !is_print(&last.value) => Some(last.range().start().into()),
        Stmt::If(block) if is_main(&block.test) => value_at(&block.body),
        _ => None,
    }
}

fn is_print(value: &Expr) -> bool {
    matches!(value, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "print"))
}

/// Whether this is `__name__ == "__main__"`.
fn is_main(test: &Expr) -> bool {
    let Expr::Compare(ast::ExprCompare { left, ops, comparators, .. }) = test else { return false };
    let is_name = |side: &Expr| matches!(side, Expr::Name(name) if name.id.as_str() == "__name__");
    let is_text = |side: &Expr| matches!(side, Expr::Constant(ast::ExprConstant { value: Constant::Str(text), .. }) if text == "__main__");
    match (ops.as_slice(), comparators.as_slice()) {
        ([CmpOp::Eq], [right]) => (is_name(left) && is_text(right)) || (is_text(left) && is_name(right)),
        _ => false,
    }
}

/// Where a statement is, this one or one in it, that means something else inside a function, and why.
fn differs(statement: &Stmt) -> Option<(usize, &'static str)> {
    let at = || statement.range().start().into();
    let inner: Vec<&[Stmt]> = match statement {
        Stmt::Global(_) => {
            return Some((at(), "`global` names something else inside a function: write the function without it"));
        }
        Stmt::ImportFrom(import) if import.names.iter().any(|one| one.name.as_str() == "*") => {
            return Some((at(), "`import *` cannot be inside a function: import the names that are used"));
        }
        Stmt::FunctionDef(function) => vec![&function.body],
        Stmt::AsyncFunctionDef(function) => vec![&function.body],
        Stmt::ClassDef(class) => vec![&class.body],
        _ => blocks(statement),
    };
    inner.into_iter().flatten().find_map(differs)
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
    fn a_result_is_the_value_wherever_it_is_bound() {
        for script in [
            "result = rows\ndb.close()",
            "(result, n) = rows",
            "with x as y:\n    result = y",
            "with x as result: pass",
            "result: int = 1\n2",
            "import json as result",
            "def result(): pass\n3",
            "print(result := 1)",
            "x = result = [n for n in y]",
        ] {
            let body = body(script);
            let last = body.lines().last();
            assert!(last == Some("    return result") && body.matches("return").count() == 1, "{body}");
        }
        for script in ["if x:\n    result = 1", "for result in x: pass", "try:\n    result = 1\nexcept E: pass"] {
            assert!(body(script).ends_with("\n    return locals().get(\"result\")\n"), "{}", body(script));
        }
        let sometimes = "    if x: result = 0\n    last_value = y\n    return locals().get(\"result\", last_value)\n";
        assert_eq!(body("if x: result = 0\ny\n"), sometimes);
        for script in ["def f():\n    result = 1\n    return result\nf()", "[result for result in x]", "result: int\nx"]
        {
            let body = body(script);
            assert!(body.lines().last().is_some_and(|last| last.starts_with("    return ")), "{body}");
            assert!(!body.ends_with("    return result\n") && !body.contains("locals"), "{body}");
        }
    }

    #[test]
    fn the_last_expression_is_the_value_wherever_it_begins() {
        assert_eq!(body("x = 1; x"), "    x = 1; return x\n");
        assert_eq!(body("x = '''a\n'''; len(x)\n\n"), "    x = '''a\n'''; return len(x)\n\n");
        assert_eq!(body("(\n  1 + 2\n)"), "    return (\n  1 + 2\n)\n");
        let main = "def main(): return 1\nif __name__ == '__main__':\n    main()";
        assert_eq!(body(main), "    def main(): return 1\n    if __name__ == '__main__':\n        return main()\n");
        assert_eq!(body("x = 1\nprint(x)"), "    x = 1\n    print(x)\n");
    }

    #[test]
    fn only_a_script_that_awaits_becomes_a_coroutine() {
        let is_async = |script: &str| made(script).expect("a function").starts_with("async def ");
        for script in
            ["await(f())", "x = [await f(n) for n in y]", "async with f() as x:\n    x", "if 1:\n  f'{await f()}'"]
        {
            assert!(is_async(script), "{script}");
        }
        for script in ["async def f():\n    await g()\nf()", "'await f()'", "f(lambda: 1)"] {
            assert!(!is_async(script), "{script}");
        }
    }

    #[test]
    fn what_means_something_else_in_a_function_is_refused() {
        let why = |script: &str| made(script).expect_err("refused").to_string();
        assert!(why("n = 0\ndef f():\n    global n\n    n += 1\nf()\nn").starts_with("line 3: `global`"));
        assert!(why("from math import *\nsqrt(4)").starts_with("line 1: `import *`"));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_a_function_stays_as_it_is() {
        assert!(made("x = 1 +").is_err());
        let function = "def work(n: int) -> int:\n    'Works.'\n    return n\n";
        assert_eq!(made(function).expect("a function"), function);
    }
}
