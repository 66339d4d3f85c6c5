//! How a script ends: with a value, or with nothing that anybody sees.

use std::collections::{HashMap, HashSet};

use rustpython_parser::ast::{self, Expr, Stmt};

/// How long a name may be in a sentence.
const MAX_NAME_CHARS: usize = 60;

/// Methods that change what they are called on, and give None.
const CHANGES: &str = "add append appendleft clear difference_update discard extend extendleft insert intersection_update remove reverse \
    rotate sort subtract symmetric_difference_update update";

/// Methods that end the work with what they are called on, and give None.
const ENDS: &str = "close commit flush rollback";

/// What to do about a script that comes to nothing, without a value and without output; None where it names its result,
/// returns at the top level, or ends with an expression of which only the run shows what it gives.
pub(crate) fn advice(body: &[Stmt], met: &HashMap<&str, usize>) -> Option<String> {
    let mut top = TopLevel::default();
    top.block(body);
    if top.returns || top.names.contains("result") {
        return None;
    }
    let Some(last) = body.last() else { return Some("the script is empty: send the code to run".to_owned()) };
    match ending(last) {
        Some(expression) => {
            let name = called(expression).filter(|name| top.functions.contains_key(name));
            let of_function = name.map(|name| format!("{}() gave None: let it `return` its value", cut(name)));
            // What `mcp` gives has methods that are tools.
            of_function.or_else(|| top.of_method(expression).filter(|_| !met.contains_key("mcp")))
        }
        None => {
            let uncalled = top.last_function.filter(|name| met.get(name).is_none_or(|count| *count < 2));
            Some(match (uncalled, top.last_name) {
                (Some(name), _) => {
                    let call = if top.functions.get(name) == Some(&true) { "await " } else { "" };
                    format!(
                        "the script ended without a value and without output: end it with `{call}{}(...)`",
                        cut(name)
                    )
                }
                (None, Some(name)) => {
                    format!("the script ended without a value and without output: end it with `{}`", cut(name))
                }
                (None, None) => "the script ended without a value and without output".to_owned(),
            })
        }
    }
}

/// What the statements outside functions and classes bind.
#[derive(Default)]
struct TopLevel<'a> {
    names: HashSet<&'a str>,
    last_name: Option<&'a str>,
    /// With whether they are `async`.
    functions: HashMap<&'a str, bool>,
    last_function: Option<&'a str>,
    returns: bool,
}

impl<'a> TopLevel<'a> {
    fn block(&mut self, body: &'a [Stmt]) {
        body.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.target(target)),
            Stmt::AnnAssign(assign) if assign.value.is_some() => self.target(&assign.target),
            Stmt::AugAssign(assign) => self.target(&assign.target),
            Stmt::FunctionDef(function) => self.function(&function.name, false),
            Stmt::AsyncFunctionDef(function) => self.function(&function.name, true),
            Stmt::Return(_) => self.returns = true,
            Stmt::For(block) => [&block.body, &block.orelse].into_iter().for_each(|body| self.block(body)),
            Stmt::AsyncFor(block) => [&block.body, &block.orelse].into_iter().for_each(|body| self.block(body)),
            Stmt::While(block) => [&block.body, &block.orelse].into_iter().for_each(|body| self.block(body)),
            Stmt::If(block) => [&block.body, &block.orelse].into_iter().for_each(|body| self.block(body)),
            Stmt::With(block) => self.block(&block.body),
            Stmt::AsyncWith(block) => self.block(&block.body),
            Stmt::Try(block) => self.tried(&block.body, &block.handlers, [&block.orelse, &block.finalbody]),
            Stmt::TryStar(block) => self.tried(&block.body, &block.handlers, [&block.orelse, &block.finalbody]),
            Stmt::Match(block) => block.cases.iter().for_each(|case| self.block(&case.body)),
            _ => {}
        }
    }

    fn tried(&mut self, body: &'a [Stmt], handlers: &'a [ast::ExceptHandler], after: [&'a ast::Suite; 2]) {
        self.block(body);
        // What a handler binds stands for what was not to be had.
        let last = self.last_name;
        for ast::ExceptHandler::ExceptHandler(handler) in handlers {
            self.block(&handler.body);
        }
        self.last_name = last.or(self.last_name);
        after.into_iter().for_each(|body| self.block(body));
    }

    fn target(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => {
                self.names.insert(&name.id);
                self.last_name = Some(&name.id);
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.target(target)),
            // `rows[key] = value` makes rows what it is.
            Expr::Subscript(place) => {
                if let Expr::Name(name) = &*place.value {
                    self.last_name = Some(&name.id);
                }
            }
            _ => {}
        }
    }

    /// What to end with in place of `rows.sort()`, which gives None whatever it is called on.
    fn of_method(&self, expression: &Expr) -> Option<String> {
        let Expr::Call(call) = expression else { return None };
        let Expr::Attribute(method) = &*call.func else { return None };
        let changed = variable(&method.value).filter(|name| self.names.contains(name))?;
        let is_in = |methods: &str| methods.split_ascii_whitespace().any(|one| one == method.attr.as_str());
        let wanted = match (is_in(CHANGES), is_in(ENDS)) {
            (true, _) => changed,
            (_, true) => self.last_name.filter(|name| *name != changed)?,
            _ => return None,
        };
        Some(format!("{}.{}() gave None: end the script with `{}`", cut(changed), method.attr, cut(wanted)))
    }

    fn function(&mut self, name: &'a str, is_async: bool) {
        self.functions.insert(name, is_async);
        self.last_function = Some(name);
    }
}

/// The expression that a script ends with: as its last statement, or under `if __name__ == "__main__":`.
fn ending(last: &Stmt) -> Option<&Expr> {
    match last {
        Stmt::Expr(statement) => Some(&statement.value),
        Stmt::If(block) => {
            let Expr::Compare(test) = &*block.test else { return None };
            let is_name = |side: &Expr| matches!(side, Expr::Name(name) if name.id.as_str() == "__name__");
            let is_main = is_name(&test.left) || test.comparators.iter().any(is_name);
            block.body.last().filter(|_| is_main).and_then(ending)
        }
        _ => None,
    }
}

/// The function that an expression calls: `main()`, `await main()`, `asyncio.run(main())`.
fn called(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Await(awaited) => called(&awaited.value),
        Expr::Call(call) => match &*call.func {
            Expr::Name(name) => Some(&name.id),
            Expr::Attribute(attribute) if attribute.attr.as_str() == "run" => called(call.args.first()?),
            _ => None,
        },
        _ => None,
    }
}

/// The variable in `rows` and in `rows[0]["items"]`.
fn variable(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(&name.id),
        Expr::Subscript(place) => variable(&place.value),
        _ => None,
    }
}

fn cut(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use exuvia_tool::Namespace;

    fn advice(source: &str) -> Option<String> {
        crate::analyze(source, &Namespace::default()).ending
    }

    #[test]
    fn the_variable_that_was_assigned_last_is_named() {
        for (source, name) in [
            ("x = 1\nrows = [x]", "rows"),
            ("x = 1\nfor i in range(3):\n    total = x\n    x += i\n", "x"),
            ("try:\n    rows = 1\nexcept ValueError:\n    other = 2\n", "rows"),
            ("found = {}\nfor n in [1]:\n    found[n] = 2", "found"),
            ("a, b = 1, 2", "b"),
            ("import json\nwith open('x') as f:\n    text = f.read()\n", "text"),
        ] {
            let expected = format!("the script ended without a value and without output: end it with `{name}`");
            assert_eq!(advice(source), Some(expected), "{source}");
        }
        let nothing = "the script ended without a value and without output";
        assert_eq!(advice("pass").as_deref(), Some(nothing));
        for empty in ["", "# a comment\n"] {
            assert_eq!(advice(empty).as_deref(), Some("the script is empty: send the code to run"), "{empty}");
        }
    }

    #[test]
    fn a_function_that_is_never_called_is_named() {
        let ended = |call: &str| format!("the script ended without a value and without output: end it with `{call}`");
        assert_eq!(advice("x = 1\ndef main():\n    return x\n"), Some(ended("main(...)")));
        assert_eq!(advice("async def main():\n    return 1\n"), Some(ended("await main(...)")));
        assert_eq!(advice("def f(n):\n    return n\nrows = f(1)\n"), Some(ended("rows")));
    }

    #[test]
    fn a_function_that_returns_nothing_is_named() {
        let told = Some("main() gave None: let it `return` its value".to_owned());
        for call in ["main()", "asyncio.run(main())", "if __name__ == '__main__':\n    main()"] {
            assert_eq!(advice(&format!("import asyncio\ndef main():\n    x = 1\n{call}")), told, "{call}");
        }
        assert_eq!(advice("async def main():\n    x = 1\nawait main()"), told);
    }

    #[test]
    fn what_a_method_without_a_value_changed_is_named() {
        for (source, told) in [
            ("rows = [2, 1]\nn = 1\nrows.sort(key=abs)", "rows.sort() gave None: end the script with `rows`"),
            ("by = {}\nby['a'] = []\nby['a'].append(1)", "by.append() gave None: end the script with `by`"),
            ("seen = set()\nfor n in [1]:\n    pass\nseen.add(n)", "seen.add() gave None: end the script with `seen`"),
            ("db = open()\nrows = db.all()\ndb.commit()", "db.commit() gave None: end the script with `rows`"),
        ] {
            assert_eq!(advice(source).as_deref(), Some(told), "{source}");
        }
        for source in [
            "import tracker\ntracker.update(id=1)",
            "tracker = mcp.tracker\ntracker.update(id=1)",
            "rows = [1]\nrows.pop()",
            "db = open()\ndb.close()",
            "result = [1]\nresult.append(2)",
        ] {
            assert_eq!(advice(source), None, "{source}");
        }
    }

    #[test]
    fn a_script_with_a_value_gets_no_advice() {
        for source in ["1", "result = None", "x = 1\nx", "if x := 1:\n    return x\ny = 2", "print(1)"] {
            assert_eq!(advice(source), None, "{source}");
        }
    }
}
