//! Programs that are made together with the knowledge of what they call.
//!
//! A program is read off a tape of choices, so that whoever holds the tape can make it again, shorten it, or mutate it.
//! Every shape of the corpus of evasions is among the choices, and each may stand inside every other.

use std::collections::BTreeSet;

/// The servers that programs speak of, each with its tools. Both have a tool `search`.
pub const SERVERS: &[(&str, &[&str])] =
    &[("crm", &["search", "delete", "update"]), ("mail", &["search", "send"]), ("ops", &["restart"])];

const MAX_DEPTH: usize = 4;

/// A program and what it calls.
#[derive(Debug)]
pub struct Program {
    /// Its text.
    pub source: String,
    /// `server.tool` of every tool that is called when the program runs.
    pub calls: BTreeSet<String>,
    /// Whether it calls every tool by its name and does nothing that could reach another.
    pub is_plain: bool,
}

/// Reads a program off a tape. With `plain`, only what can be told precisely is chosen.
#[must_use]
pub fn program(tape: &[u32], plain: bool) -> Program {
    let mut maker = Maker { tape, at: 0, plain, calls: BTreeSet::new(), is_plain: true, names: 0 };
    let statements = 1 + maker.choose(5);
    let mut lines = vec![
        "import asyncio, contextlib, functools, operator".to_owned(),
        "from dataclasses import dataclass, field".to_owned(),
    ];
    if !plain {
        lines.push("import sys, importlib, inspect, gc".to_owned());
        maker.is_plain = false;
    }
    for _ in 0..statements {
        lines.extend(maker.statement(0));
    }
    Program { source: lines.join("\n") + "\n", calls: maker.calls, is_plain: maker.is_plain }
}

struct Maker<'t> {
    tape: &'t [u32],
    at: usize,
    plain: bool,
    calls: BTreeSet<String>,
    is_plain: bool,
    names: usize,
}

fn indented(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("    {line}")).collect()
}

fn block(head: impl Into<String>, body: Vec<String>) -> Vec<String> {
    std::iter::once(head.into()).chain(indented(body)).collect()
}

fn one(line: impl Into<String>) -> Vec<String> {
    vec![line.into()]
}

impl Maker<'_> {
    fn choose(&mut self, below: usize) -> usize {
        let choice = self.tape.get(self.at).map_or(0, |choice| *choice as usize);
        self.at += 1;
        choice % below
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("n{}", self.names)
    }

    /// An identifier in one of the spellings that Python takes for the same.
    fn spelled(&mut self, name: &str) -> String {
        if self.choose(4) > 0 {
            return name.to_owned();
        }
        let first = name.chars().next().map_or('a', |first| first);
        // Fullwidth letters, and the mathematical ones.
        let base = if self.choose(2) == 0 { 0xff41 } else { 0x1d41a };
        let other = char::from_u32(base + (first as u32 - 'a' as u32)).unwrap_or(first);
        name.replace(first, &other.to_string())
    }

    /// An expression for a tool that is going to be called.
    fn tool(&mut self) -> String {
        let (server, tools) = SERVERS[self.choose(SERVERS.len())];
        let tool = tools[self.choose(tools.len())];
        self.calls.insert(format!("{server}.{tool}"));
        let (s, t) = (self.spelled(server), self.spelled(tool));
        let plain = 9;
        let all = plain + 22;
        let choice = self.choose(if self.plain { plain } else { all });
        if choice >= plain {
            self.is_plain = false;
        }
        match choice {
            0 | 1 => format!("{s}.{t}"),
            2 => format!("mcp.{s}.{t}"),
            3 => format!("{s}[\"{tool}\"]"),
            4 => format!("mcp['{server}']['{tool}']"),
            5 => format!("getattr({s}, '{tool}')"),
            6 => format!("(({s}).{t})"),
            7 => format!("getattr(mcp.{s}, '{tool}', None)"),
            8 => format!("[{s}.{t}][0]"),
            9 => format!("getattr({s}, '{}' + '{}')", &tool[..2], &tool[2..]),
            10 => format!("[{s}][0].{t}"),
            11 => format!("{{'k': {s}}}['k'].{t}"),
            12 => format!("({s} or 0).{t}"),
            13 => format!("({s} if 1 else 0).{t}"),
            14 => format!("(lambda: {s})().{t}"),
            15 => format!("(lambda s: s.{t})({s})"),
            16 => format!("globals()['{server}'].{t}"),
            17 => format!("eval('{server}.{tool}')"),
            18 => format!("__import__('__main__').{s}.{t}"),
            19 => format!("importlib.import_module('__main__').{s}.{t}"),
            20 => format!("sys._getframe().f_globals['{server}'].{t}"),
            21 => format!("inspect.currentframe().f_globals['{server}'].{t}"),
            22 => format!("sys.modules['__main__'].{s}.{t}"),
            23 => format!("operator.attrgetter('{tool}')({s})"),
            24 => format!("(lambda: 0).__globals__['{server}'].{t}"),
            25 => format!("{s}['{}' 'x'.strip('x')]", tool),
            26 => format!("(y := {s}).{t}"),
            27 => format!("next(iter(({s}, mcp))).{t}"),
            28 => format!("vars(mcp)['{server}'].{t}"),
            29 => format!("mcp['{}' + '{}'].{t}", &server[..1], &server[1..]),
            _ => format!(
                "[o for o in gc.get_objects() if isinstance(o, dict) and 'mcp' in o and '{server}' in o][0]['{server}'].{t}"
            ),
        }
    }

    /// An expression that calls a tool.
    fn call(&mut self) -> String {
        let tool = self.tool();
        let name = self.name();
        match self.choose(12) {
            0..=3 => format!("{tool}(x=1)"),
            4 => format!("{tool}(*[], **{{'x': 1}})"),
            5 => format!("(lambda q: {tool}(x=q))(1)"),
            6 => format!("functools.partial({tool}, x=1)()"),
            7 => format!("[{tool}(x={name}) for {name} in range(1)][0]"),
            8 => format!("(1 and {tool}(x=1) or 0)"),
            9 => format!("f\"{{ {tool}(x=f\"{{1}}\")!r:>{{5}}}}\""),
            10 => format!("list(map(lambda _: {tool}(x=1), [0]))"),
            _ => format!("f'{{1:{{ {tool}(x=1) and \"\"}}}}'"),
        }
    }

    fn body(&mut self, depth: usize) -> Vec<String> {
        let mut lines = self.statement(depth + 1);
        if self.choose(3) == 0 {
            lines.extend(self.statement(depth + 1));
        }
        lines
    }

    fn statement(&mut self, depth: usize) -> Vec<String> {
        let deeper = 15;
        let flat = 22;
        let choice = self.choose(if depth < MAX_DEPTH { deeper + flat } else { flat });
        if choice >= flat { self.compound(choice - flat, depth) } else { self.simple(choice) }
    }

    fn simple(&mut self, choice: usize) -> Vec<String> {
        if !self.plain && self.choose(6) == 0 {
            return self.roundabout();
        }
        let name = self.name();
        match choice {
            0..=4 => one(self.call()),
            5 => one(format!("{name} = {}", self.call())),
            6 => one(format!("{name}, *_ = [{}], 1", self.call())),
            7 => vec![format!("def {name}(a={}):", self.call()), "    pass".to_owned()],
            8 => vec![format!("@(lambda f: ({}, f)[1])", self.call()), format!("def {name}(): pass")],
            9 => vec![format!("@{}", self.tool()), format!("def {name}(): pass")],
            10 => vec![format!("@{}", self.tool()), format!("class {name}: pass")],
            11 => one(format!("print(*[{}], sep='')", self.call())),
            12 => one(format!("{name} = {{**{{'a': {}}}}}", self.call())),
            13 => one(format!("[0, 1][{} and 0:1]", self.call())),
            14 => vec![format!("{name} = sorted(['1'], key={})", self.tool())],
            15 => vec![format!("class {name}: __add__ = {}", self.tool()), format!("{name}() + 1")],
            16 => vec![
                format!("class {name}(dict): __missing__ = staticmethod({})", self.tool()),
                format!("{name}()['1']"),
            ],
            17 => vec![
                "@dataclass".to_owned(),
                format!("class {name}: x: str = field(default_factory=lambda: {})", self.call()),
                format!("{name}()"),
            ],
            18 => vec![format!("class {name}: p = property({})", self.tool()), format!("{name}().p")],
            19 => vec![format!("assert [{}]", self.call()), format!("{name} = 0; {name} += len([{}])", self.call())],
            20 => vec![
                "with contextlib.ExitStack() as stack:".to_owned(),
                format!("    stack.callback({}, x=1)", self.tool()),
            ],
            _ => {
                let tool = self.tool();
                // A metaclass that no name tells may decide what the names in the class body mean.
                let named = tool.strip_prefix('[').and_then(|tool| tool.strip_suffix("][0]")).filter(|_| self.plain);
                vec![format!("class {name}(metaclass={}): pass", named.unwrap_or(&tool))]
            }
        }
    }

    /// What no reader can follow to the tool that is called.
    fn roundabout(&mut self) -> Vec<String> {
        self.is_plain = false;
        let place = self.choose(SERVERS.len());
        let (server, tools) = SERVERS[place];
        let (other, _) = SERVERS[(place + 1) % SERVERS.len()];
        let tool = tools[self.choose(tools.len())];
        let name = self.name();
        self.calls.insert(format!("{server}.{tool}"));
        match self.choose(18) {
            0 => vec![format!("{name} = {server}"), format!("{name}.{tool}(x=1)")],
            1 => vec![format!("{name}, _ = {server}, mcp"), format!("{name}.{tool}(x=1)")],
            2 => vec![format!("def {name}(): return {server}"), format!("{name}().{tool}(x=1)")],
            3 => vec![format!("def {name}(): yield {server}"), format!("next({name}()).{tool}(x=1)")],
            4 => vec![format!("class {name}: s = {server}"), format!("{name}.s.{tool}(x=1)")],
            5 => vec![
                "try:".to_owned(),
                format!("    raise Exception({server})"),
                format!("except Exception as {name}:"),
                format!("    {name}.args[0].{tool}(x=1)"),
            ],
            6 => vec![format!("match {server}:"), format!("    case {name}: {name}.{tool}(x=1)")],
            7 => vec![format!("match {server}:"), format!("    case object({tool}={name}): {name}(x=1)")],
            8 => one(format!("exec('{server}.{tool}(x=1)')")),
            9 => vec![
                "try: 1/0".to_owned(),
                format!("except Exception as {name}: {name}.__traceback__.tb_frame.f_globals['{server}'].{tool}(x=1)"),
            ],
            10 => vec![
                format!("def {name}():"),
                format!("    s = {server}"),
                "    return lambda: s".to_owned(),
                format!("{name}().__closure__[0].cell_contents.{tool}(x=1)"),
            ],
            11 => one(format!("for {name} in [{server}]: {name}.{tool}(x=1)")),
            12 => vec![
                "try:".to_owned(),
                format!("    '{{0.__globals__[{server}].{tool}.nope}}'.format(lambda: 0)"),
                format!("except AttributeError as {name}: {name}.obj(x=1)"),
            ],
            13 => vec![format!("with contextlib.nullcontext({server}) as {name}: {name}.{tool}(x=1)")],
            // What a class body binds is a global where it is not bound yet, whatever a function around calls so.
            14 => vec![
                format!("def {name}({server}):"),
                "    class C:".to_owned(),
                format!("        if 0: {server} = 1"),
                format!("        {server}.{tool}(x=1)"),
                format!("{name}('x')"),
            ],
            15 => vec![
                format!("class {name}:"),
                "    if 0: eval = 1".to_owned(),
                format!("    eval('{server}.{tool}(x=1)')"),
            ],
            // `global` in a class body does not hold for its methods.
            16 => vec![
                format!("def {name}({other}):"),
                "    class C:".to_owned(),
                format!("        global {other}"),
                format!("        def m(self): return {other}.gi_frame.f_globals['{server}'].{tool}(x=1)"),
                "    C().m()".to_owned(),
                format!("{name}((0 for _ in [0]))"),
            ],
            // The metaclass decides what the names in a class body mean.
            _ => vec![
                format!("class {name}(dict):"),
                "    def __missing__(self, key): return (0 for _ in [0])".to_owned(),
                format!("class {name}m:"),
                format!("    def __getattr__(self, key): return lambda *a, **k: {name}()"),
                "    def __call__(self, n, b, d): return 0".to_owned(),
                format!("class {name}c(metaclass={name}m()):"),
                format!("    {other}.gi_frame.f_globals['{server}'].{tool}(x=1)"),
            ],
        }
    }

    fn compound(&mut self, choice: usize, depth: usize) -> Vec<String> {
        let name = self.name();
        match choice {
            0 => [block(format!("def {name}():"), self.body(depth)), one(format!("{name}()"))].concat(),
            1 => [block(format!("async def {name}():"), self.body(depth)), one(format!("asyncio.run({name}())"))]
                .concat(),
            2 => block(format!("class {name}:"), self.body(depth)),
            3 => {
                let method = block("def m(self):", self.body(depth));
                [block(format!("class {name}:"), method), one(format!("{name}().m()"))].concat()
            }
            4 => block("if 1:", self.body(depth)),
            5 => [block("if 0:", one("pass")), block("elif 1:", self.body(depth))].concat(),
            6 => block(format!("for {name} in range(1):"), self.body(depth)),
            7 => [block("try:", one("1 / 0")), block("except ZeroDivisionError:", self.body(depth))].concat(),
            8 => [block("try:", one("pass")), block("finally:", self.body(depth))].concat(),
            9 => block("with contextlib.nullcontext():", self.body(depth)),
            10 => block("match 1:", block(format!("case int() as {name} if {name} == 1:"), self.body(depth))),
            11 => [block("while 1:", [self.body(depth), one("break")].concat())].concat(),
            12 => {
                // A local variable that is called like a server, and is none.
                let (server, _) = SERVERS[self.choose(SERVERS.len())];
                vec![
                    format!("def {name}({server}): return {server}.upper() + [{server} for {server} in 'ab'][0]"),
                    format!("{name}('x')"),
                ]
            }
            13 => {
                let inner = block("def inner():", self.body(depth));
                [block(format!("def {name}():"), [inner, one("return inner")].concat()), one(format!("{name}()()"))]
                    .concat()
            }
            _ => {
                let body = block(format!("def __getitem__(self, {name}):"), self.body(depth));
                [block(format!("class {name}:"), body), one(format!("{name}()[0]"))].concat()
            }
        }
    }
}
