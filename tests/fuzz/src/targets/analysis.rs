//! The pre-pass.

use std::panic;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use exuvia_analysis::{MAX_FINDINGS, analyze, repaired};
pub(super) use exuvia_test_support::mutations::SCRAPS;
use exuvia_test_support::{descriptor, programs};
use exuvia_tool::{Namespace, ToolName};
use serde_json::json;

/// An analysis survives a panic on its thread by calling the script not understood; here it is a failure all the same.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A text that is almost a script.
pub(super) fn text(data: &[u8]) {
    let source = String::from_utf8_lossy(data);
    // What is unwrapped is a script.
    assert!(repaired(&source).is_none_or(|script| repaired(&script).is_none()));
    let analysis = analyzed(&source);
    assert!(analysis.findings.len() <= MAX_FINDINGS && analysis.precision.reasons().len() <= 20);
}

/// A program that is made together with the knowledge of what it calls: the bytes are choices.
pub(super) fn program(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else { return };
    let tape: Vec<u32> = data.chunks_exact(2).map(|choice| u32::from(choice[0]) << 8 | u32::from(choice[1])).collect();
    let program = programs::program(&tape, first % 2 == 0);
    let may_call = analyzed(&program.source).may_call;
    for call in &program.calls {
        let (server, tool) = call.split_once('.').unwrap_or_default();
        assert!(may_call.contains(&ToolName::new(server, tool)), "{call} is missing:\n{}", program.source);
    }
}

fn analyzed(source: &str) -> exuvia_analysis::Analysis {
    static HOOK: OnceLock<()> = OnceLock::new();
    HOOK.get_or_init(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name() == Some("analysis") {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            told(panic);
        }));
    });
    let before = PANICS.load(Ordering::Relaxed);
    let analysis = analyze(source, namespace());
    assert_eq!(PANICS.load(Ordering::Relaxed), before, "the analysis panicked");
    analysis
}

fn namespace() -> &'static Namespace {
    static NAMESPACE: OnceLock<Namespace> = OnceLock::new();
    NAMESPACE.get_or_init(|| {
        let schema = json!({"properties": {"x": {"type": "integer"}}});
        let tool = |name: &&str| descriptor(&json!({"name": name, "inputSchema": schema}));
        let servers = programs::SERVERS.iter();
        let servers = servers.map(|(name, tools)| ((*name).to_owned(), tools.iter().map(tool).collect()));
        exuvia_catalog::build(servers.collect())
    })
}
