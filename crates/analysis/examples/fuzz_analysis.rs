//! Feeds the analysis texts that are almost scripts, for some seconds: `fuzz_analysis [SECONDS [SEED]]`.
//!
//! Ends with an error at the first text that makes it panic or takes too long, and writes the text out. What the tests do
//! for a moment this does for as long as wanted.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

#[path = "../tests/support/mutations.rs"]
mod mutations;
#[path = "../tests/support/programs.rs"]
mod programs;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use exuvia_analysis::analyze;
use exuvia_tool::{Namespace, ToolAnnotations, ToolDescriptor, ToolName};

/// What one text may take, on any machine.
const DEADLINE: Duration = Duration::from_secs(10);

static PANICKED: AtomicBool = AtomicBool::new(false);

/// Numbers that look random and are the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }

    fn tape(&mut self, longest: usize) -> Vec<u32> {
        let length = 4 + self.next() as usize % longest;
        (0..length).map(|_| self.next()).collect()
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let seconds = arguments.next().unwrap_or(60);
    let mut random = Random(arguments.next().unwrap_or(1).max(1));
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.store(true, Ordering::Relaxed);
        println!("{panic}");
    }));
    let (namespace, corpus) = (namespace(), corpus());
    let start = Instant::now();
    let (mut texts, mut understood) = (0_u64, 0_u64);
    while start.elapsed() < Duration::from_secs(seconds) {
        let program = programs::program(&random.tape(150), random.next().is_multiple_of(2));
        if let Some(call) = missing(&program, &namespace) {
            println!("{call} is missing:\n{}", program.source);
            return ExitCode::FAILURE;
        }
        let index = random.next() as usize;
        let first = if index.is_multiple_of(2) { &program.source } else { &corpus[index % corpus.len()] };
        let other = &corpus[random.next() as usize % corpus.len()];
        let text = mutations::mutate(first, other, &random.tape(60));
        let before = Instant::now();
        let analysis = analyze(&text, &namespace);
        if PANICKED.load(Ordering::Relaxed) || before.elapsed() > DEADLINE {
            println!("after {:?}, over {text:?}", before.elapsed());
            return ExitCode::FAILURE;
        }
        texts += 1;
        understood += u64::from(analysis.precision.is_precise());
    }
    println!("{texts} texts and as many programs, {understood} texts understood");
    ExitCode::SUCCESS
}

fn namespace() -> Namespace {
    let tool = |name: &&str| ToolDescriptor {
        name: (*name).to_owned(),
        title: None,
        description: None,
        input_schema: serde_json::json!({"properties": {"x": {"type": "integer"}}}),
        output_schema: None,
        annotations: ToolAnnotations::default(),
    };
    let servers = programs::SERVERS.iter();
    exuvia_catalog::build(servers.map(|(name, tools)| ((*name).to_owned(), tools.iter().map(tool).collect())).collect())
}

/// A call of the program that the analysis does not know of.
fn missing(program: &programs::Program, namespace: &Namespace) -> Option<String> {
    let may_call = analyze(&program.source, namespace).may_call;
    let mut calls = program.calls.iter();
    let is_missing =
        |call: &&String| !may_call.contains(&call.split_once('.').map(|(s, t)| ToolName::new(s, t)).unwrap());
    calls.find(is_missing).cloned()
}

fn corpus() -> Vec<String> {
    let data = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs this")).join("../../tests/data");
    let rows = std::fs::read_to_string(data.join("evasions.jsonl")).unwrap();
    let rows = rows.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
    let mut texts: Vec<String> = rows.map(|row| row["code"].as_str().unwrap().to_owned()).collect();
    let scripts = std::fs::read_dir(data.join("scripts")).unwrap().map(|entry| entry.unwrap().path());
    texts.extend(scripts.filter_map(|path| std::fs::read_to_string(path).ok()));
    texts
}
