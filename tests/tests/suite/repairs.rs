//! Failed scripts that are sent again with the run that failed.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exuvia_access::Identity;
use exuvia_gateway::Client;
use exuvia_gateway::answer::{ModelAnswer, render};
use exuvia_gateway::meta::{self, BadRequestKind, MetaAnswer};
use exuvia_policy::{Policy, PolicySource};
use exuvia_runtime::{Limits, Report};
use exuvia_tests::{SampleGateway, Settings, TestJournal, fake};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A gateway over a server that writes down what reaches it.
struct Repaired {
    gateway: SampleGateway,
    journal: Arc<TestJournal>,
    made: PathBuf,
    folder: TempDir,
}

impl Repaired {
    async fn new(limits: Limits) -> Self {
        Self::with(limits, Duration::from_secs(600), &[]).await
    }

    async fn with(limits: Limits, age: Duration, repeatable: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let made = folder.path().join("calls");
        let answers = folder.path().join("answers.json");
        let [made_text, answers] = [&made, &answers].map(|file| file.to_str().expect("UTF-8"));
        let server = fake("fake", &["--record", made_text, "--answers", answers]);
        let journal = Arc::new(TestJournal::default());
        let settings = Settings { journal: Arc::clone(&journal), repair_age: Some(age), ..Settings::default() };
        let gateway = SampleGateway::with(vec![server], limits, settings).await;
        let repeatable = repeatable.iter().map(|&text| text.to_owned()).collect();
        let source = PolicySource { auto_execute: vec!["*.*".to_owned()], repeatable, ..PolicySource::default() };
        gateway.gateway().set_policy(Policy::compile(source, ["fake"]).expect("a policy"));
        Self { gateway, journal, made, folder }
    }

    async fn send(&self, client: &Client, arguments: Value) -> Result<MetaAnswer, (BadRequestKind, String)> {
        let (gateway, arguments) = (self.gateway.gateway(), arguments.as_object().expect("an object").clone());
        let answer = meta::call(gateway, &gateway.default_view(), client, "executeToolCode", &arguments).await;
        answer.map_err(|error| (error.kind(), error.to_string()))
    }

    /// Runs a script to its end: its id and report.
    async fn run(&self, arguments: Value) -> (String, Report) {
        match self.send(&Client::new("test"), arguments).await {
            Ok(MetaAnswer::Run(run)) => (run.id().to_string(), run.report().await),
            other => panic!("{other:?}"),
        }
    }

    /// From now on the server answers this to calls of `answer`.
    fn answer_with(&self, result: &Value) {
        fs::write(self.folder.path().join("answers.json"), json!({"answer": result}).to_string()).expect("written");
    }

    /// The arguments of the calls that reached the server.
    fn made(&self) -> Vec<String> {
        fs::read_to_string(&self.made).map_or_else(|_| Vec::new(), |calls| calls.lines().map(str::to_owned).collect())
    }
}

/// Twelve writes. The one of this number fails, if there is one.
fn writes(fails: Option<usize>) -> String {
    let mut lines: Vec<String> = (0..12).map(|n| format!("fake.echo(value='write {n}')")).collect();
    if let Some(n) = fails {
        lines[n] = format!("raise ValueError('{n}')");
    }
    lines.push("result = 'all'".to_owned());
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_failed_anywhere_and_is_repaired_makes_every_write_once() {
    for fails in 0..12 {
        let repaired = Repaired::new(Limits::default()).await;
        let (run, report) = repaired.run(json!({"code": writes(Some(fails))})).await;
        assert_eq!(report.outcome.name(), "raised");
        let offer = format!("to repair: send run=\"{run}\" with the code; finished calls are not repeated");
        let answer = render(&report, exuvia_gateway::answer::AnswerRoom::UNLIMITED).text;
        assert_eq!(answer.contains(&offer), fails > 0, "{answer}");
        let (_, report) = repaired.run(json!({"code": writes(None), "run": run})).await;
        assert_eq!(report.outcome.name(), "returned", "{report:?}");
        let made = repaired.made();
        let times = |n: usize| made.iter().filter(|call| call.contains(&format!("write {n}\""))).count();
        assert!(made.len() == 12 && (0..12).all(|n| times(n) == 1), "{fails}: {made:?}");
        let reused = repaired.journal.kinds().iter().filter(|kind| **kind == "call-reused").count();
        assert_eq!(reused, fails);
        repaired.gateway.stop().await;
    }
}

/// Nothing is wrong with the script: it is sent again as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_failed_is_made_anew_and_those_before_it_are_not() {
    for fails in [0, 5, 11] {
        let repaired = Repaired::new(Limits::default()).await;
        let code = writes(None).replace(
            &format!("fake.echo(value='write {fails}')"),
            &format!("fake.answer(result={{'text': 'write {fails}'}})"),
        );
        repaired.answer_with(&json!({"isError": true, "content": [{"type": "text", "text": "full"}]}));
        let (run, report) = repaired.run(json!({"code": code})).await;
        assert_eq!((report.outcome.name(), repaired.made().len()), ("raised", fails + 1), "{report:?}");
        repaired.answer_with(&json!({"content": [{"type": "text", "text": "written"}]}));
        let (_, report) = repaired.run(json!({"code": code, "run": run})).await;
        assert_eq!(report.outcome.name(), "returned", "{report:?}");
        let made = repaired.made();
        let times = |n: usize| made.iter().filter(|call| call.contains(&format!("write {n}\""))).count();
        let expected = |n: usize| if n == fails { 2 } else { 1 };
        assert!((0..12).all(|n| times(n) == expected(n)), "{fails}: {made:?}");
        let reused = repaired.journal.kinds().iter().filter(|kind| **kind == "call-reused").count();
        assert_eq!(reused, fails);
        repaired.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_of_a_repair_and_of_parallel_calls_repeats_nothing_either() {
    let repaired = Repaired::new(Limits::default()).await;
    let code = |end: &str| {
        format!("import asyncio\nawait asyncio.gather(*[fake.echo(value=f'write {{n}}') for n in range(8)])\n{end}")
    };
    let (first, _) = repaired.run(json!({"code": code("raise ValueError")})).await;
    let (second, _) =
        repaired.run(json!({"code": code("fake.echo(value='more')\nraise KeyError"), "run": first})).await;
    let (_, report) = repaired.run(json!({"code": code("fake.echo(value='more')\nresult = 1"), "run": second})).await;
    assert_eq!(report.outcome.name(), "returned", "{report:?}");
    assert_eq!(repaired.made().len(), 9, "{:?}", repaired.made());
    repaired.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_changes_a_call_repeats_from_there() {
    let repaired = Repaired::new(Limits::default()).await;
    let (run, _) = repaired.run(json!({"code": writes(Some(9))})).await;
    let changed = writes(None).replace("write 4", "other 4");
    let (_, report) = repaired.run(json!({"code": changed, "run": run})).await;
    assert_eq!(report.outcome.name(), "returned");
    let made = repaired.made();
    // Nine of the first run, and from the changed one on eight of the second.
    assert_eq!(made.len(), 9 + 8, "{made:?}");
    assert!(made[9].contains("other 4") && made[10].contains("write 5"), "{made:?}");
    repaired.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_an_unknown_outcome_is_not_made_again_by_itself() {
    let limits = Limits { call_timeout_ms: 200, ..Limits::default() };
    for (repeatable, expected) in [(&[][..], "denied"), (&["fake.hang"][..], "raised")] {
        let repaired = Repaired::with(limits.clone(), Duration::from_secs(600), repeatable).await;
        let code = "fake.echo(value=1)\nfake.hang(value=2)\nfake.echo(value=3)";
        let (run, report) = repaired.run(json!({"code": code})).await;
        assert_eq!(report.outcome.name(), "raised");
        let (_, report) = repaired.run(json!({"code": code, "run": run})).await;
        assert_eq!(report.outcome.name(), expected, "{report:?}");
        if repeatable.is_empty() {
            let ModelAnswer { text, .. } = render(&report, exuvia_gateway::answer::AnswerRoom::UNLIMITED);
            assert!(text.contains("whether that took effect is unknown"), "{text}");
        }
        assert_eq!(repaired.made().len(), if repeatable.is_empty() { 2 } else { 3 });
        repaired.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_others_that_are_old_or_that_never_were_are_unknown() {
    let repaired = Repaired::new(Limits::default()).await;
    let (run, _) = repaired.run(json!({"code": writes(Some(3))})).await;
    let other = Client::of(Identity::nobody(), "test");
    for (client, run) in [(&other, run.as_str()), (&Client::new("test"), "01K00000000000000000000000")] {
        for arguments in [json!({"code": "1", "run": run}), json!({"run": run})] {
            let refused = repaired.send(client, arguments).await.expect_err("it is not theirs");
            assert_eq!(
                refused,
                (BadRequestKind::Unknown, "no run of this id is kept: send the script without `run`".to_owned())
            );
        }
    }
    assert_eq!(repaired.made().len(), 3);
    repaired.gateway.stop().await;
    let old = Repaired::with(Limits::default(), Duration::from_millis(1), &[]).await;
    let (run, _) = old.run(json!({"code": writes(Some(3))})).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let refused = old.send(&Client::new("test"), json!({"code": "1", "run": run})).await.expect_err("it is old");
    assert!(refused.1.starts_with("this run is older than"), "{refused:?}");
    old.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_large_itself_says_how_to_read_a_part_of_it() {
    let repaired = Repaired::new(Limits::default()).await;
    let code = "result = {'items': [{'name': f'name {n}', 'text': 'some words ' * 3_000} for n in range(40)]}";
    let (run, _) = repaired.run(json!({"code": code})).await;
    let part = async |path: &str| match repaired.send(&Client::new("test"), json!({"run": run, "part": path})).await {
        Ok(MetaAnswer::Stored(stored)) => stored.render_aside().await.text,
        other => panic!("{path}: {other:?}"),
    };
    let mut path = "items[0:20]";
    for smaller in ["items[0:5]", "items[0:2]", "items[0:1]", "items[0].text[0:2000]"] {
        let shown = part(path).await;
        assert!(shown.ends_with(&format!("for a part send run=\"{run}\", part=\"{smaller}\"]")), "{path}: {shown}");
        path = smaller;
    }
    let shown = part(path).await;
    assert!(shown.len() == 2_002 && shown.starts_with("\"some words some"), "{shown}");
    repaired.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_was_shown_in_part_is_kept_and_read_by_part() {
    let repaired = Repaired::new(Limits::default()).await;
    let code = "result = {'items': [{'name': f'name {n}', 'text': 'some words of a text' * 20} for n in range(500)]}";
    let (run, report) = repaired.run(json!({"code": code})).await;
    let shown = render(&report, exuvia_gateway::answer::AnswerRoom { bytes: 1 << 20, preview_tokens: 2_000 }).text;
    assert!(shown.ends_with(&format!("for a part send run=\"{run}\", part=\"items[0:20]\"]")), "{shown}");
    let part = async |path: &str| match repaired.send(&Client::new("test"), json!({"run": run, "part": path})).await {
        Ok(MetaAnswer::Stored(stored)) => Ok(stored.render_aside().await.text),
        Ok(other) => panic!("{other:?}"),
        Err((_, message)) => Err(message),
    };
    assert_eq!(part("items[498:].name").await.as_deref(), Ok(r#"["name 498","name 499"]"#));
    let wrong = part("item").await;
    assert_eq!(wrong, Err("no key \"item\": this is an object with the keys \"items\"".to_owned()));
    for (arguments, expected) in [
        (json!({"part": "x"}), "send `code`"),
        (json!({"code": "1", "run": run, "part": "x"}), "`part` is a part of the result of `run`"),
    ] {
        let refused = repaired.send(&Client::new("test"), arguments).await.expect_err("it makes no sense");
        assert!(refused.1.starts_with(expected), "{refused:?}");
    }
    let (failed, _) = repaired.run(json!({"code": "raise ValueError"})).await;
    match repaired.send(&Client::new("test"), json!({"run": failed})).await {
        Ok(MetaAnswer::Stored(stored)) => assert_eq!(stored.report.outcome.name(), "raised"),
        other => panic!("{other:?}"),
    }
    repaired.gateway.stop().await;
}
