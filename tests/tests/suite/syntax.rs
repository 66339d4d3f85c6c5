//! What the pre-pass reads in a text is what the guest's CPython reads in it: the same identifiers, as often.

use std::collections::BTreeMap;
use std::fs;

use exuvia_analysis::identifiers;
use exuvia_runtime::Limits;
use exuvia_test_support::mutations::mutate;
use exuvia_tests::{data, files, returned, run};
use serde_json::Value;

/// Of each text in `sources` the identifiers, None where it is no Python, and whether it compiles.
const ORACLE: &str = r#"
import ast, warnings
warnings.simplefilter("ignore")
refusals = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError, SystemError)
def read(source):
    try:
        tree = ast.parse(source)
    except refusals:
        return None, False
    counts = {}
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(node, ast.Constant) or field in ("kind", "str", "type_comment"):
                continue
            for part in value if isinstance(value, list) else [value]:
                for name in part.split(".") if isinstance(part, str) else ():
                    counts[name] = counts.get(name, 0) + 1
    try:
        compile(source, "", "exec", dont_inherit=True)
    except refusals:
        return counts, False
    return counts, True
result = [read(source) for source in sources]
"#;

/// Syntax that is newer than the grammar and the lexer of rustpython-parser, and what its lexer reads differently.
const NEWER: &[&str] = &[
    "f\"{d[\"a\"]}{x!r:>{w}}{y = }{z=!s:^{n}.{m}}\"",
    "f'{f'{f'{x}'}'}' 'a' f\"{'\\n'.join(a)}\" rf'\\{b}'",
    "f'''{\n  x # comment\n}'''",
    "t'{x!r:{y}}' t\"{d['a']}\"; rt'{z}'; T'''{\nw}'''",
    "try: x\nexcept A, B: y\nexcept (C, D) as e: z",
    "try: x\nexcept* A, B.c(d): y",
    "def f[T = int, *Ts = *tuple[int], **P = [a, b]](x: T) -> P: y",
    "class C[T: (a, b) = lambda c, d=1: e, U = f(g=h)](B): x",
    "async def f[T: a = b,](): await x",
    "type X[T = [U for U in [T]]] = dict[T, V]; type = type; type(type)",
    "match x:\n case C(a=b, c=[d, *e]) | {'k': f, **g} if h: match = case\n case _ as i: case(match)",
    "x = a[*b, c]; y: tuple[*d] = e; def_ = lambda *f, g: h",
    "\\\nx\nif y:\n    a\n    \\\n  \\\n b\nc",
    "ｃｒｍ.𝒔earch(ﬁ=ﬀ); x\rif y:\r\x0c  z\r\n",
    "with (a as b, c as d,): e\nwith (f): g\nwith (h, i) as j: k",
    "try: x\nfinally:\n  for y in z: return_ = 1\nx = 1if y else 0x1for_",
    "@(lambda f: f)\ndef f(a, /, b: c = d, *, e, **g): global h; del i[j]",
    "print(*(yield_ := [x async for x in y if z]), **{**a, 'b': c})",
    "from ..a.b import c as d, e; from . import f; import g.h as i; from j import (k,)",
];

#[derive(Default)]
struct Tally {
    agreed: usize,
    differing: Vec<String>,
    not_understood: Vec<String>,
}

/// Reads every text here and in the guest.
async fn compared(texts: &[String]) -> Tally {
    let limits = Limits { fuel: 1 << 40, wall_ms: 300_000, memory_bytes: 1 << 30, ..Limits::default() };
    let mut tally = Tally::default();
    for texts in texts.chunks(500) {
        let source = format!("sources = {}\n{ORACLE}", serde_json::to_string(texts).expect("texts are JSON"));
        let report = run(&source, limits.clone()).await;
        let answers: Vec<(Option<BTreeMap<String, usize>>, bool)> =
            serde_json::from_value(returned(&report)).expect("an answer for each text");
        assert_eq!(answers.len(), texts.len());
        for (text, (expected, compiles)) in texts.iter().zip(answers) {
            match (identifiers(text), expected) {
                (Some(found), Some(expected)) if found != expected => {
                    tally.differing.push(format!("{text:?}: {found:?}, CPython {expected:?}"));
                }
                (None, _) if compiles => tally.not_understood.push(text.clone()),
                (Some(_), Some(_)) => tally.agreed += 1,
                _ => {}
            }
        }
    }
    tally
}

/// The scripts that other tests run.
fn corpus() -> Vec<String> {
    let rows = ["evasions.jsonl", "bombs.jsonl"].map(|file| fs::read_to_string(data(file)));
    let rows = rows.into_iter().flat_map(|rows| rows.expect("rows").lines().map(str::to_owned).collect::<Vec<_>>());
    let code = |row: String| serde_json::from_str::<Value>(&row).expect("a row")["code"].as_str().map(str::to_owned);
    let mut texts: Vec<String> = rows.filter_map(code).collect();
    for folder in ["scripts", "scripts/mistakes"] {
        texts.extend(files(folder, "py").iter().map(|file| fs::read_to_string(file).expect("a script")));
    }
    texts.sort();
    texts.extend(NEWER.iter().map(|text| (*text).to_owned()));
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn every_script_and_every_newer_syntax_is_read_as_cpython_reads_it() {
    let corpus = corpus();
    let tally = compared(&corpus).await;
    assert!(tally.differing.is_empty(), "{:#?}", tally.differing);
    assert!(tally.not_understood.is_empty(), "{:#?}", tally.not_understood);
    assert!(tally.agreed >= 200, "{} of {}", tally.agreed, corpus.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_almost_a_script_is_read_as_cpython_reads_it_or_not_at_all() {
    let corpus = corpus();
    let mut random = 1_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 16) as u32
    };
    let mut text = || {
        let tape: [u32; 8] = std::array::from_fn(|_| next());
        let [first, second] = [next(), next()].map(|choice| &corpus[choice as usize % corpus.len()]);
        mutate(first, second, &tape[..4 * (1 + next() as usize % 2)])
    };
    let texts: Vec<String> = (0..6_000).map(|_| text()).collect();
    let tally = compared(&texts).await;
    assert!(tally.differing.is_empty(), "{:#?}", tally.differing);
    assert!(tally.not_understood.is_empty(), "{:#?}", tally.not_understood);
    assert!(tally.agreed >= 500, "{} of {}", tally.agreed, texts.len());
}
