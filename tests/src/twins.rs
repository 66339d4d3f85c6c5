//! Scripts of reads and writes, made by chance, in pairs: one with awaits sprinkled in, and one that has none.

/// A script, and the same one without anything asynchronous.
#[derive(Debug)]
pub struct Twins {
    /// With awaits, but nothing that runs side by side.
    pub asynchronous: String,
    /// Plain code.
    pub plain: String,
}

/// A text of both scripts.
type Both = (String, String);

const HELPERS: &str = r#"
import asyncio, contextlib
out, w, v0, v1, v2, v3 = [], None, None, None, None, None
class Missing(dict):
    def __missing__(self, key):
        return key
M = Missing()
def run(f):
    return f()
def same(x):
    return x
def step(v):
    fs.write(path="s", content=v)
    r = fs.read(path="s")
    return r
def traced(f):
    def wrapper(*given, **named):
        fs.add(n=7)
        return f(*given, **named)
    return wrapper
@traced
def decorated(n):
    return fs.add(n=n)
class Keeper:
    def get(self, f):
        self.value = f()
        return self.value
    @property
    def sum(self):
        return fs.sum()
def count(n):
    for i in range(n):
        yield fs.add(n=i)
@contextlib.contextmanager
def scope():
    fs.write(path="scope", content="in")
    yield fs.read(path="scope")
    fs.write(path="scope", content="out")
"#;

const ASYNC_HELPERS: &str = r#"
async def a_step(v):
    fs.write(path="s", content=v)
    r = await fs.read(path="s")
    return r
async def a_count(n):
    for i in range(n):
        yield fs.add(n=i)
"#;

/// The pair that this seed gives.
#[must_use]
pub fn twins(seed: u64) -> Twins {
    let mut making = Making { state: seed.wrapping_mul(2).wrapping_add(1), number: 0, awaits: seed % 3 != 2 };
    let statements = 4 + making.below(9);
    let (a, b) = making.body(statements, 0);
    let block = |lines: &[String]| indented(lines).join("\n");
    let globals = "    global w, v0, v1, v2, v3, row, error";
    let helpers = format!("{HELPERS}{ASYNC_HELPERS}");
    let asynchronous = match seed % 3 {
        0 => format!("{helpers}await asyncio.sleep(0)\n{}", a.join("\n")),
        1 => {
            let call = if seed.is_multiple_of(2) { "await main()" } else { "asyncio.run(main())" };
            format!("{helpers}async def main():\n{globals}\n{}\n{call}", block(&a))
        }
        _ => format!(
            "{helpers}def helper():\n{globals}\n{}\nasync def main():\n    await fs.sum()\n    helper()\nawait main()",
            block(&a)
        ),
    };
    let first = if seed % 3 == 2 { "fs.sum()\n" } else { "" };
    Twins {
        asynchronous: format!("{asynchronous}\nresult = out\n"),
        plain: format!("{HELPERS}{first}{}\nresult = out\n", b.join("\n")),
    }
}

struct Making {
    state: u64,
    number: u64,
    awaits: bool,
}

impl Making {
    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % limit
    }

    fn call(&mut self) -> String {
        self.number += 1;
        let (number, path) = (self.number, if self.below(2) == 0 { "a" } else { "b" });
        match self.below(6) {
            0 | 1 => format!("fs.write(path='{path}', content='{number}')"),
            2 | 3 => format!("fs.read(path='{path}')"),
            4 => format!("fs.add(n={number})"),
            _ => "fs.sum()".to_owned(),
        }
    }

    /// An expression that makes calls.
    fn expression(&mut self) -> Both {
        let choice = self.below(if self.awaits { 42 } else { 28 });
        let (c, d, n, few) = (self.call(), self.call(), self.number, self.below(3));
        let same = |text: String| (text.clone(), text);
        match choice {
            0 => same(format!("run(lambda: {c})")),
            1 => same(format!("Keeper().get(lambda: {c})")),
            2 => same(format!("same({c})")),
            3 => same(format!("(lambda q={c}: q)()")),
            4 => same(format!("({c} if fs.sum() % 2 else {d})")),
            5 => same(format!("[{c}, {d}]")),
            6 => same(format!("{{'k': {c}, 'l': {d}}}['k']")),
            7 => same(format!("list(count({few}))")),
            8 => same(format!("[fs.add(n=i) for i in range({few})]")),
            9 => same(format!("f'{{{c}}}'")),
            10 => same(format!("({c} or {d})")),
            11 => same(format!("(fs.sum() > 5 and {c})")),
            12 => same("max(fs.add(n=1), fs.add(n=0))".to_owned()),
            13 => same(format!("step('{n}')")),
            14 => same(format!("(w := {c})")),
            15 => same("list(map(lambda i: fs.add(n=i), [1, 2]))".to_owned()),
            16 => same("sorted([3, 1], key=lambda i: fs.add(n=i))".to_owned()),
            17 => same(format!("fs.add(*[{n}])")),
            18 => same("fs.add(n=fs.sum() + 1)".to_owned()),
            19 => same("M[fs.add(n=1)]".to_owned()),
            20 => same(format!("decorated({n})")),
            21 => same("(Keeper().sum < fs.add(n=2) < 10)".to_owned()),
            22 => same(format!("getattr(fs, 'add')(n={n})")),
            23 => same("sum(fs.add(n=i) for i in range(2))".to_owned()),
            24..28 => same(c),
            28..32 => (format!("(await {c})"), c),
            32 => (format!("(await asyncio.gather({c}))[0]"), c),
            33 => (format!("(await asyncio.wait_for({c}, 9))"), c),
            34 => (format!("(await asyncio.create_task({c}))"), c),
            35 => (format!("(await a_step('{n}'))"), format!("step('{n}')")),
            36 => (format!("(await step('{n}'))"), format!("step('{n}')")),
            37 => (format!("(await asyncio.gather(a_step('{n}')))[0]"), format!("step('{n}')")),
            38 => (format!("(await asyncio.to_thread(lambda: {c}))"), c),
            39 => {
                (format!("[(await fs.add(n=i)) for i in range({few})]"), format!("[fs.add(n=i) for i in range({few})]"))
            }
            40 => (format!("[x async for x in a_count({few})]"), format!("list(count({few}))")),
            _ => (format!("(await decorated({n}))"), format!("decorated({n})")),
        }
    }

    fn body(&mut self, statements: u64, depth: u32) -> (Vec<String>, Vec<String>) {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..statements {
            let (x, y) = self.statement(depth);
            a.extend(x);
            b.extend(y);
        }
        (a, b)
    }

    fn statement(&mut self, depth: u32) -> (Vec<String>, Vec<String>) {
        let choice = self.below(if depth < 2 { 18 } else { 10 });
        let v = format!("v{}", self.below(4));
        let (e, f) = self.expression();
        let both = |line: String| (vec![line.clone()], vec![line]);
        let with =
            |before: &str, after: &str| (vec![format!("{before}{e}{after}")], vec![format!("{before}{f}{after}")]);
        match choice {
            0 => with("", ""),
            1 => with(&format!("{v} = "), ""),
            2..4 => with("out.append(", ")"),
            4 => both(format!("out.append([{v}, {v} is None, type({v}).__name__])")),
            5 if self.awaits => {
                let (c, d) = (self.call(), self.call());
                (lines(&[&format!("{v} = {c}"), &d, &format!("{v} = await {v}")]), lines(&[&format!("{v} = {c}"), &d]))
            }
            6 if self.awaits => {
                let (c, d) = (self.call(), self.call());
                let gather = format!("{v} = (await asyncio.gather({v}))[0]");
                (lines(&[&format!("{v} = {c}"), &d, &gather]), lines(&[&format!("{v} = {c}"), &d]))
            }
            7 => both(format!("{v} = fs.sum(); {v} += fs.add(n={}); out.append({v})", self.number)),
            8 if self.awaits => (lines(&["await asyncio.sleep(0)"]), lines(&["pass"])),
            5..10 => with("assert [", "]"),
            10 => self.block("for _ in range(2):", "for _ in range(2):", depth),
            11 => self.block(&format!("if {e}:"), &format!("if {f}:"), depth),
            12 => self.block("with scope():", "with scope():", depth),
            13 => self.block("for row in fs.rows(count=2):", "for row in fs.rows(count=2):", depth),
            14 => {
                let (mut a, mut b) = self.block("try:", "try:", depth);
                for lines in [&mut a, &mut b] {
                    lines.extend(
                        ["    fs.fail(how='x')", "except ToolError as error:", "    out.append(error.message)"]
                            .map(String::from),
                    );
                }
                (a, b)
            }
            15 => {
                let (mut a, mut b) = self.block("try:", "try:", depth);
                a.extend(["finally:".to_owned(), format!("    {e}")]);
                b.extend(["finally:".to_owned(), format!("    {f}")]);
                (a, b)
            }
            16 => {
                let c = self.call();
                let (a, b) = self.block("case None:", "case None:", depth);
                let other = ["    case _:".to_owned(), format!("        out.append({c})")];
                let matched = |subject: &str, lines: &[String]| {
                    [vec![format!("match {subject}:")], indented(lines), other.to_vec()].concat()
                };
                (matched(&e, &a), matched(&f, &b))
            }
            _ => self.block("for _ in range(fs.add(n=1) % 3):", "for _ in range(fs.add(n=1) % 3):", depth),
        }
    }

    fn block(&mut self, a: &str, b: &str, depth: u32) -> (Vec<String>, Vec<String>) {
        let statements = 1 + self.below(3);
        let (x, y) = self.body(statements, depth + 1);
        ([vec![a.to_owned()], indented(&x)].concat(), [vec![b.to_owned()], indented(&y)].concat())
    }
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

fn indented(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("    {line}")).collect()
}
