//! What is recorded of functions, and replayed.

use exuvia_journal::{Event, RunStart};
use exuvia_replay::{Replay, Verdict};
use exuvia_tool::{CallId, RunId};

use super::*;

const GREET: &str = "import random\n\ndef greet(name: str = 'you') -> str:\n    \"\"\"Greets.\"\"\"\n    \
    return fake.echo(value=name)['value'] + str(random.random())\n";

fn starts(journal: &TestJournal) -> Vec<(RunId, RunStart)> {
    let entries = journal.entries().into_iter();
    let starts = entries.filter_map(|entry| match entry.event {
        Event::RunStarted(start) => Some((entry.origin.run().expect("of a run").clone(), *start)),
        _ => None,
    });
    starts.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_has_a_record_of_its_own_that_names_its_caller() {
    let saved = Saved::new().await;
    saved.save("greet", GREET).await;
    saved.result("fake.echo(value=1)\nfunctions.greet(name='Ada')").await;
    let starts = starts(&saved.journal);
    let [(script, of_script), (_, of_function)] = starts.as_slice() else { panic!("{starts:?}") };
    assert!(of_script.parent.is_none());
    let parent = of_function.parent.as_ref().expect("a parent");
    assert_eq!((&parent.run, parent.call), (script, CallId(2)));
    assert_eq!(of_function.rule, "functions.greet, version 1");
    assert!(of_function.source.starts_with(GREET), "{}", of_function.source);
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_and_the_function_replay_each_by_its_own_record() {
    let saved = Saved::new().await;
    saved.save("greet", GREET).await;
    saved.result("[functions.greet(name=n) for n in 'abc']").await;
    let starts = starts(&saved.journal);
    assert_eq!(starts.len(), 4);
    for (run, _) in starts {
        let replay = Replay::load(&*saved.journal, &run).await.expect("it can be replayed");
        let replayed = replay.run(exuvia_tests::nesting_engine()).await.expect("it is replayed");
        assert_eq!(replayed.verdict, Verdict::Same, "{run}");
    }
    saved.gateway.stop().await;
}
