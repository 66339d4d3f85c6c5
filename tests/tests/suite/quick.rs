//! What the guest reads in the text of a script alone is what its syntax tree says: which calls are started, and what its last statement is.

use std::fs;

use exuvia_runtime::Limits;
use exuvia_test_support::mutations::mutate;
use exuvia_tests::{cases, files, here, returned, run};
use serde_json::Value;

/// Of each text in `sources`: whether the quick reading had an answer, and how it differs from the tree's, if it does.
const ORACLE: &str = r#"
import ast, warnings
from exuvia import asked, quick, script
warnings.simplefilter("ignore")
SERVERS = {"crm": None, "lab": None, "billing": None}
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

def started(tree):
    asked.rewrite(tree, SERVERS)
    marks = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == asked.START:
                function, group = node.args
                marks.setdefault(ast.unparse(function).partition(".")[2], []).append(group.value)
            elif node.func.id == asked.AWAIT and not is_started(node.args[0]):
                # A value that may be plain is awaited.
                marks["await"] = [0]
    return marks

def is_started(node):
    marked = node.func if isinstance(node, ast.Call) else None
    return isinstance(marked, ast.Call) and isinstance(marked.func, ast.Name) and marked.func.id == asked.START

def names(code):
    inner = [names(constant) for constant in code.co_consts if type(constant) is type(code)]
    return set(code.co_names).union(*inner)

def alike(quick, marks):
    """The same tools, in groups that are the same but for their numbers."""
    if quick.keys() != marks.keys() or any(len(set(groups)) > 1 for groups in marks.values()):
        return False
    groups = {}
    for tool, group in quick.items():
        other = marks[tool][0]
        if groups.setdefault(group, other) != other or (group == 0) != (other == 0):
            return False
    return len(set(groups.values())) == len(groups)

def read(source):
    try:
        code = compile(source, "script.py", "exec", FLAGS, dont_inherit=True)
        body = compile(source, "script.py", "exec", FLAGS | ast.PyCF_ONLY_AST, dont_inherit=True).body
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError, SystemError):
        return None
    answered = []
    last = body[-1] if body else None
    if quick.ends_with_assignment(source):
        answered.append("assignment")
        if not isinstance(last, ast.Assign):
            return [answered, "it does not end with an assignment"]
    given = script._giving_last(code, source)
    if given is not None:
        answered.append("last")
        if isinstance(last, ast.Expr) != (given is not code):
            return [answered, "it does not end as its code was taken to"]
    if "async" in source or "await" in source:
        marks = quick.marks(source, SERVERS)
        if marks is not None:
            answered.append("marks")
            tree = compile(source, "", "exec", FLAGS | ast.PyCF_ONLY_AST)
            # One that stands in a comment or a text alone is marked nowhere.
            marks = {tool: group for tool, group in marks.items() if tool in names(code)}
            uses = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
            found = started(tree)
            if not alike(marks, found) or any(uses.count(tool) != len(found[tool]) for tool in marks):
                return [answered, f"{marks} instead of {found}"]
    return [answered, None]
result = [read(source) for source in sources]
"#;

/// Forms that are to be read quickly.
const QUICK: &[&str] = &[
    "import asyncio\nresult = await asyncio.gather(*[crm.get(id=i) for i in range(3)])",
    "import json, asyncio\nrows = await asyncio.gather(*(lab.read(name=f'row {i}', at=[i, (1)]) for i in [1]), return_exceptions=True)\nrows",
    "import asyncio\na, b = await asyncio.gather(crm.get(id=1), lab.read(name='x'))\nresult = [a, b]",
    "a = await crm.get(id=1)\nb = await crm.get(id=2)\nresult = [a, b]",
    "import asyncio\nasync def one(i):\n    return (await crm.get(id=i))['name']\nasync def main():\n    return await asyncio.gather(*[one(i) \
     for i in range(3)])\nresult = await main()",
    "import asyncio\nasync def main():\n    await asyncio.sleep(1)\n    return await lab.read(name='a')\nasyncio.run(main())",
    "import asyncio\nx = await asyncio.gather(crm.get(id=1), crm.get(id=2))\ny = await lab.read(name='é → x')\nprint(x, y)",
];

/// Forms that look like these, and are others.
const OTHER: &[&str] = &[
    "import asyncio\nx = crm.get(id=1)\nresult = await asyncio.gather(*[crm.get(id=i) for i in range(3)])",
    "result = (await crm.get(id=1)) + len(await crm.get(id=2)['x'])",
    "import asyncio\ncrm = lab\nresult = await asyncio.gather(crm.get(id=1))",
    "import asyncio\nfor crm in [lab]:\n    await crm.get(id=1)",
    "import asyncio\nasync def f(asyncio):\n    return await asyncio.gather(crm.get(id=1))\nresult = await f(lab)",
    "import asyncio\nasync def f(crm):\n    return await crm.get(id=1)\nresult = await f(lab)",
    "import asyncio\nresult = await asyncio.gather(*[crm.get(id=i)['x'] for i in range(3)])",
    "import asyncio\nt = [crm.get(id=i) for i in range(3)]\nresult = await asyncio.gather(*t)",
    "import asyncio\na = await asyncio.gather(crm.get(id=1))\nb = await crm.get(id=2)",
    "import asyncio\nresult = await asyncio.gather(*[crm.get(id=i) for i in range(3)])(x=1)",
    "import asyncio\na = await asyncio.gather(crm.get(id=f'{crm.get(id=2)}'))",
    "import asyncio\na = await crm.get(id=1)\nb = crm.𝐠et(id=2)",
    "import asyncio\nasync def f(): return 1\nf = lab.read\nawait f(name='x')",
    "import asyncio as a\nawait a.gather(crm.get(id=1))",
    "from asyncio import gather\nawait gather(crm.get(id=1))",
    "await crm.get(id=')')\nx = 1\r5",
    "print(1)\n'x'",
    "x: int = 3",
    "f(a,\nb = '(')",
    "x = 1; 5",
    "'doc'",
    "if 1:\n    3\nx = 2",
    "x = '''\ny = 1'''",
];

async fn compared(sources: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    for some in sources.chunks(200) {
        let code = format!("sources = {}\n{ORACLE}", serde_json::to_string(some).expect("texts are JSON"));
        let limits = Limits { fuel: 1 << 40, wall_ms: 300_000, memory_bytes: 1 << 30, ..Limits::default() };
        let Value::Array(told) = returned(&run(&code, limits).await) else { panic!("no list") };
        for (source, told) in some.iter().zip(&told) {
            assert!(told.is_null() || told[1].is_null(), "{told} of {source:?}");
        }
        all.extend(told);
    }
    all
}

fn answered(told: &[Value], what: &str) -> usize {
    told.iter().filter(|told| told[0].as_array().is_some_and(|all| all.iter().any(|one| one == what))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn common_forms_are_read_quickly_and_others_are_left_to_the_syntax_tree() {
    assert_eq!(answered(&compared(QUICK).await, "marks"), QUICK.len());
    assert_eq!(answered(&compared(&OTHER[..14]).await, "marks"), 0);
    compared(OTHER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_and_what_is_almost_one_are_read_as_their_syntax_tree_says() {
    let cases = cases(&here().join("cases")).expect("the cases can be read");
    let mut corpus: Vec<String> = cases.iter().map(|case| case.source().to_owned()).collect();
    corpus.extend(files("scripts", "py").iter().map(|file| fs::read_to_string(file).expect("a script")));
    corpus.extend(QUICK.iter().chain(OTHER).map(|text| (*text).to_owned()));
    corpus.sort();
    let mut random = 1_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 16) as u32
    };
    let asking: Vec<_> = corpus.iter().filter(|text| text.contains("await")).cloned().collect();
    let mutants: Vec<String> = (0..3_000)
        .map(|_| {
            let tape: [u32; 4] = std::array::from_fn(|_| next());
            let [first, second] = [next(), next()].map(|choice| &asking[choice as usize % asking.len()]);
            mutate(first, second, &tape)
        })
        .collect();
    let texts: Vec<&str> = corpus.iter().chain(&mutants).map(String::as_str).collect();
    let told = compared(&texts).await;
    for (what, least) in [("marks", 50), ("assignment", 50), ("last", 50)] {
        let found = answered(&told, what);
        assert!(found >= least, "{found} of {} answered: {what}", texts.len());
    }
}
