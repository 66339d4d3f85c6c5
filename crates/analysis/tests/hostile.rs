//! No text makes the analysis panic or hang.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use exuvia_analysis::analyze;
use exuvia_test_support::files;
use exuvia_test_support::mutations::mutate;
use exuvia_test_support::programs::program;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

/// An analysis survives a panic on the way by calling the script not understood; here it is a failure all the same.
static PANICS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread analyzes a script.
    static ANALYZES: Cell<bool> = const { Cell::new(false) };
}

fn analysis_ends_well(source: &str) {
    static COUNT_PANICS: Once = Once::new();
    COUNT_PANICS.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if ANALYZES.get() || std::thread::current().name() == Some("analysis") {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            told(panic);
        }));
    });
    let before = PANICS.load(Ordering::Relaxed);
    let start = Instant::now();
    ANALYZES.set(true);
    let analysis = analyze(source, &support::evasions().namespace);
    ANALYZES.set(false);
    assert_eq!(PANICS.load(Ordering::Relaxed), before, "panicked over {source:?}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?} over {source:?}", start.elapsed());
    assert!(analysis.findings.len() <= exuvia_analysis::MAX_FINDINGS && analysis.precision.reasons().len() <= 20);
}

/// Blocks in blocks, in so many bytes.
fn blocks(bytes: usize) -> String {
    let (mut script, mut depth) = (String::new(), 0);
    while script.len() + 2 * depth + 8 < bytes {
        script += &format!("{}if x:\n", " ".repeat(depth));
        depth += 1;
    }
    format!("{script}{}x", " ".repeat(depth))
}

/// The same on a thread with as much stack as those that execute scripts have, which analyze short ones themselves.
#[test]
fn the_deepest_short_scripts_fit_on_the_stack_of_a_thread_that_executes_them() {
    const STACK_BYTES: usize = 8 << 20;
    let deep = |open: &str, close: &str, count: usize| format!("{}x{}", open.repeat(count), close.repeat(count));
    for bytes in [100, 300, 500, 560, 600] {
        let scripts = [
            deep("(", ")", bytes / 2),
            deep("[", "]", bytes / 2),
            deep("{1:", "}", bytes / 4),
            deep("f(", ")", bytes / 3),
            deep("-", "", bytes),
            deep("~", "", bytes),
            deep("not ", "", bytes / 4),
            deep("lambda:", "", bytes / 7),
            format!("x{}", ".a".repeat(bytes / 2)),
            format!("x{}", "()".repeat(bytes / 2)),
            format!("x{}", "+1".repeat(bytes / 2)),
            blocks(bytes),
        ];
        for script in scripts {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let analyzes = thread.spawn(move || {
                exuvia_analysis::on_thread_start(STACK_BYTES - (64 << 10));
                analysis_ends_well(&script);
            });
            analyzes.unwrap().join().unwrap();
        }
    }
}

fn corpus() -> Vec<String> {
    let mut texts: Vec<String> = support::evasions().rows.into_iter().map(|row| row.code).collect();
    texts.extend(files("scripts", "py").iter().map(|file| std::fs::read_to_string(file).unwrap()));
    texts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_any_bytes(bytes in vec(any::<u8>(), 0..400)) {
        analysis_ends_well(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn on_what_is_almost_a_script(first in any::<usize>(), second in any::<usize>(), tape in vec(any::<u32>(), 4..60)) {
        let corpus = corpus();
        let text = mutate(&corpus[first % corpus.len()], &corpus[second % corpus.len()], &tape);
        analysis_ends_well(&text);
    }

    #[test]
    fn on_what_is_almost_a_program(tape in vec(any::<u32>(), 20..150)) {
        let (made, broken) = tape.split_at(tape.len() / 2);
        analysis_ends_well(&mutate(&program(made, false).source, &program(broken, false).source, broken));
    }
}
