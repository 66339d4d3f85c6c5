//! Imports that a script lacks: modules of the standard library that it uses by their names, and a few names of them.
//!
//! What is meant is plain, and a script without them fails in the line that uses them. Lines keep their numbers: the imports
//! are put in front of the first statement that runs, if more fits in its line, or into a first line that is empty or a comment.

use std::collections::BTreeSet;

use rustpython_parser::ast::{self, Expr, Ranged, Stmt};

use crate::facts::{Facts, Step, collect};
use crate::lines::Lines;
use crate::{MAX_SOURCE_BYTES, tokens, tree};

/// Modules that scripts use by their names.
const MODULES: &str = "asyncio base64 collections csv functools hashlib io itertools json math random re statistics string \
    textwrap time urllib.parse uuid";

/// Names that have one meaning in scripts, and the modules that they are of.
const NAMES: [(&str, &str); 14] = [
    ("Counter", "collections"),
    ("OrderedDict", "collections"),
    ("defaultdict", "collections"),
    ("deque", "collections"),
    ("namedtuple", "collections"),
    ("Decimal", "decimal"),
    ("dataclass", "dataclasses"),
    ("lru_cache", "functools"),
    ("partial", "functools"),
    ("reduce", "functools"),
    ("groupby", "itertools"),
    ("timedelta", "datetime"),
    ("timezone", "datetime"),
    ("ZoneInfo", "zoneinfo"),
];

/// What the module `datetime` has. Its class of the same name has other attributes.
const DATETIME: &str = "MAXYEAR MINYEAR UTC date datetime datetime_CAPI time timedelta timezone tzinfo";

/// The script with the imports of the standard library that it lacks. None if it lacks none, or if there is no place for them. `is_taken`:
/// the name is something else here.
#[must_use]
pub fn with_imports(source: &str, is_taken: impl Fn(&str) -> bool + Send) -> Option<String> {
    if source.len() > MAX_SOURCE_BYTES || source.starts_with('\u{feff}') || !may_lack_some(source) {
        return None;
    }
    let lines = Lines::new(source);
    let completed = || {
        let body = tree::parse(tokens::read(source).ok()?).ok()?;
        let imports = missing(&collect(&body, &lines), is_taken)?;
        let completed = put_in(source, &body, &imports)?;
        tree::parse(tokens::read(&completed).ok()?).ok()?;
        Some(completed)
    };
    tree::on_deep_stack(source.len(), completed).flatten()
}

/// Whether a name stands in the text that is imported nowhere in it, by a look at the text.
fn may_lack_some(source: &str) -> bool {
    let begins =
        |at: usize| !source[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '\''));
    let stands = |text: &str| source.match_indices(text).any(|(at, _)| begins(at));
    let ends = |at: usize| !source[at..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let is_imported = |import: &str| source.match_indices(import).any(|(at, _)| ends(at + import.len()));
    let is_module = |name: &str| stands(&format!("{name}.")) && !is_imported(&format!("import {name}"));
    modules().map(first).chain(["datetime"]).any(is_module) || NAMES.iter().any(|(name, _)| stands(name))
}

fn modules() -> impl Iterator<Item = &'static str> {
    MODULES.split_ascii_whitespace()
}

/// The name that the import of a module binds.
fn first(module: &'static str) -> &'static str {
    module.split('.').next().unwrap_or(module)
}

/// The statements of the imports that are missing, in one line.
fn missing(facts: &Facts<'_>, is_taken: impl Fn(&str) -> bool) -> Option<String> {
    // What else there is, only the run shows.
    if facts.imports.iter().any(|import| import.member == Some("*")) {
        return None;
    }
    let mut imports = BTreeSet::new();
    for one in &facts.uses {
        let attribute = one.steps.first().and_then(|step: &Step<'_>| step.attribute());
        if let Some(import) = import(one.name, attribute)
            && !facts.scopes.is_bound_anywhere(one.name)
            && !is_taken(one.name)
        {
            imports.insert((one.name, import));
        }
    }
    // One name with two meanings is none.
    let is_clear = imports.iter().zip(imports.iter().skip(1)).all(|((one, _), (other, _))| one != other);
    let statements: Vec<String> = imports.into_iter().map(|(_, import)| import).collect();
    (is_clear && !statements.is_empty()).then(|| statements.join("; "))
}

/// The import that gives a name its meaning, used with this attribute.
pub(crate) fn import(name: &str, attribute: Option<&str>) -> Option<String> {
    if let Some((name, module)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(format!("from {module} import {name}"));
    }
    let attribute = attribute?;
    if name == "datetime" {
        let is_of_module = DATETIME.split_ascii_whitespace().any(|known| known == attribute);
        return Some(if is_of_module { "import datetime" } else { "from datetime import datetime" }.to_owned());
    }
    let module = modules().find(|module| first(module) == name)?;
    let needed = module.split('.').nth(1).is_none_or(|inner| inner == attribute);
    needed.then(|| format!("import {module}"))
}

/// The source with the imports at its beginning.
fn put_in(source: &str, body: &[Stmt], imports: &str) -> Option<String> {
    let is_text = |statement: &Stmt| matches!(statement, Stmt::Expr(one) if matches!(&*one.value, Expr::Constant(text) if text.value.is_str()));
    let is_future = |statement: &Stmt| matches!(statement, Stmt::ImportFrom(import) if import.module.as_ref().is_some_and(|name| name.as_str() == "__future__"));
    let runs_nothing = |(at, one): &(usize, &Stmt)| (*at == 0 && is_text(one)) || is_future(one) || is_definition(one);
    // Both are such only at the beginning of a script.
    let begins_with_either = body.first().is_some_and(|one| is_text(one) || is_future(one));
    let begun = body.iter().enumerate().skip_while(runs_nothing);
    let first = begun.map(|(_, statement)| statement).next()?;
    let line = source.lines().next().unwrap_or_default().trim();
    let at = if is_simple(first) {
        usize::from(first.start())
    } else if !begins_with_either && (line.is_empty() || line.starts_with('#')) {
        0
    } else {
        return None;
    };
    Some(format!("{}{imports}; {}", &source[..at], &source[at..]))
}

/// Whether a statement defines a function and runs nothing of the script.
fn is_definition(statement: &Stmt) -> bool {
    let (decorators, arguments) = match statement {
        Stmt::FunctionDef(function) => (&function.decorator_list, &function.args),
        Stmt::AsyncFunctionDef(function) => (&function.decorator_list, &function.args),
        _ => return false,
    };
    let mut all = arguments.posonlyargs.iter().chain(&arguments.args).chain(&arguments.kwonlyargs);
    decorators.is_empty() && all.all(|argument| argument.default.is_none())
}

/// Whether another statement may stand in front of this one in its line.
fn is_simple(statement: &ast::Stmt) -> bool {
    matches!(
        statement,
        Stmt::Assign(_)
            | Stmt::AnnAssign(_)
            | Stmt::AugAssign(_)
            | Stmt::Expr(_)
            | Stmt::Import(_)
            | Stmt::ImportFrom(_)
            | Stmt::Return(_)
            | Stmt::Assert(_)
            | Stmt::Pass(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_imported_is_imported_in_front_of_the_first_statement() {
        for (source, expected) in [
            ("x = 1\njson.dumps(x)", "import json; x = 1\njson.dumps(x)"),
            (
                "# What is it?\nfor x in a:\n    print(re.sub('a', x))",
                "import re; # What is it?\nfor x in a:\n    print(re.sub('a', x))",
            ),
            (
                "\nasync def f():\n    await asyncio.sleep(1)\nawait f()",
                "\nasync def f():\n    await asyncio.sleep(1)\nimport asyncio; await f()",
            ),
            (
                "'''Text.'''\nd = defaultdict(list)",
                "'''Text.'''\nfrom collections import defaultdict; d = defaultdict(list)",
            ),
            ("import json\nd = json.loads('1') + math.pi", "import math; import json\nd = json.loads('1') + math.pi"),
            (
                "async def f():\n    await asyncio.sleep(1)\nasyncio.run(f())",
                "async def f():\n    await asyncio.sleep(1)\nimport asyncio; asyncio.run(f())",
            ),
            ("n = datetime.now()", "from datetime import datetime; n = datetime.now()"),
            ("n = datetime.date.today()", "import datetime; n = datetime.date.today()"),
            (
                "n = datetime.now() - timedelta(days=1)",
                "from datetime import datetime; from datetime import timedelta; n = datetime.now() - timedelta(days=1)",
            ),
            (
                "import requests\nx = re.sub('a', 'b', requests.get())",
                "import re; import requests\nx = re.sub('a', 'b', requests.get())",
            ),
            ("q = urllib.parse.quote('a')", "import urllib.parse; q = urllib.parse.quote('a')"),
        ] {
            assert_eq!(with_imports(source, |_| false).as_deref(), Some(expected), "{source}");
        }
    }

    #[test]
    fn other_scripts_are_left_as_they_are() {
        for source in [
            "def f(x=math.pi):\n    return x\nf()\n",
            "@lru_cache\ndef f(x):\n    return x\nf(1)\n",
            "import json\njson.dumps(1)",
            "json = crm.get()\njson.keys()",
            "def f(re):\n    return re.x\nf(1)",
            "for x in a:\n    print(re.sub('a', x))",
            "# Fetch\nfrom __future__ import annotations\nfor c in a:\n    print(json.dumps(c))",
            "# Fetch\n'''Text.'''\nfor c in a:\n    print(json.dumps(c))",
            "import asyncio as json\njson.run(1)",
            "from x import *\njson.dumps(1)",
            "from json import dumps\nx = dumps(1)",
            "n = datetime.now()\nm = datetime.timedelta(1)",
            "x = json",
            "x = 'json.dumps'",
            "x = (json.dumps(1)",
            "urllib.request.urlopen('x')",
            "nump.array(1)",
        ] {
            assert_eq!(with_imports(source, |_| false), None, "{source}");
        }
        assert_eq!(with_imports("json.get(id=1)", |name| name == "json"), None);
    }
}
