//! `exuvia tokens`: tasks played against the real gateway.

use std::fs;
use std::path::Path;

use exuvia_tests::{Ended, exuvia, here};
use serde_json::{Value, json};

use crate::bench::Files;

const SUITE: &str = r#"
[[round]]
name = "small"
servers = ["desk"]
tasks = ["all"]
published_percent = 10.0
"#;

const DESK: &str = r#"
def tools():
    ticket = {"type": "object", "properties": {"ticket_id": {"type": "integer"}}, "required": ["ticket_id"]}
    return [
        {"name": "list_tickets", "description": "Lists the tickets of a queue.", "inputSchema": {"type": "object", "properties": {"queue": {"type": "string", "enum": ["mail", "chat"]}}, "required": ["queue"]}},
        {"name": "close_ticket", "description": "Closes a ticket.", "inputSchema": ticket},
    ] + [{"name": f"other_{n}", "description": "Something else entirely. " * 10, "inputSchema": {"type": "object"}} for n in range(40)]


def list_tickets(queue):
    return [{"no": n, "subject": f"Subject {n}", "hot": n % 3 == 0} for n in range(100, 120)]


def close_ticket(ticket_id):
    if ticket_id > 119:
        raise ValueError("no such ticket")
    return "closed"
"#;

const TASKS: &str = r#"
[[task]]
name = "close-urgent"
prompt = "Close all urgent tickets of the queue chat."
search = ["list tickets of a queue", "close a ticket"]
script = '''
found = [one["no"] for one in desk.list_tickets(queue="chat") if one["hot"]]
for number in found:
    desk.close_ticket(ticket_id=number)
result = len(found)
'''
returns = 6
"#;

/// A small suite: one round, `small`, with one task.
pub(crate) struct Suite(Files);

impl Suite {
    pub(crate) fn new() -> Self {
        Self(folder(TASKS))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// What is left are its transcripts.
    pub(crate) fn without_tasks(&self) {
        self.0.write("suite.toml", &SUITE.replace("tasks = [\"all\"]", "tasks = []"));
    }
}

fn folder(tasks: &str) -> Files {
    let folder = Files::new();
    folder.write("suite.toml", SUITE);
    folder.write("servers/desk.py", DESK);
    folder.write("tasks/all.toml", tasks);
    folder
}

fn tokens(folder: &Files, arguments: &[&str]) -> Ended {
    let suite = folder.path().display().to_string();
    let mut all = vec!["tokens", &suite];
    all.extend(arguments);
    exuvia(&all, "")
}

#[test]
fn a_task_is_played_by_the_policy_and_costs_less_than_all_tools_in_the_context() {
    let ended = tokens(&folder(TASKS), &["--json"]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let all = ended.json();
    assert_eq!(tokens(&folder(TASKS), &["--json"]).json(), all, "the same in every run");
    let report = &all["rounds"][0];
    assert_eq!(
        (&report["round"], &report["tools"], &report["first_script_right"]),
        (&json!("small"), &json!(42), &json!(1))
    );
    let task = &report["tasks"][0];
    assert_eq!(task["guesses"], json!([]));
    let steps = task["steps"].as_array().expect("steps");
    assert_eq!((steps.last(), steps.iter().filter(|step| **step == "run").count()), (Some(&json!("run")), 1));
    // It has to see an answer before it can name its keys.
    assert!(steps.contains(&json!("look")), "{steps:?}");
    // A list, then six calls at once, then the answer.
    assert_eq!(task["classic"]["requests"].as_array().map(Vec::len), Some(3), "{}", task["classic"]);
    let input = |mode: &str| report[mode]["input"].as_u64().expect("a number");
    assert!(input("code_mode") < input("classic"), "{report}");
    let definitions = task["classic"]["definitions"].as_u64().expect("a number");
    assert!(definitions > 40 * 30 && input("classic") > 3 * definitions, "{report}");
}

#[test]
fn what_a_script_uses_without_having_seen_it_is_told() {
    let tasks = TASKS.replace("ticket_id=number", "ticket_id=number, reason=\"done\"");
    let ended = tokens(&folder(&tasks), &["--json"]);
    let report = ended.json();
    let task = &report["rounds"][0]["tasks"][0];
    let guesses = task["guesses"].to_string();
    assert!(
        guesses.contains("value \\\"done") && guesses.contains("parameter reason of desk.close_ticket"),
        "{guesses}"
    );
    assert_eq!(report["rounds"][0]["first_script_right"], json!(0));
    assert!(ended.stderr.contains("what was not shown before"), "{}", ended.stderr);
}

#[test]
fn a_script_that_fails_or_answers_otherwise_is_an_exit_status() {
    let ended = tokens(&folder(&TASKS.replace("returns = 6", "returns = 7")), &[]);
    assert!(ended.status == Some(1) && ended.stderr.contains("small close-urgent: 6, expected 7"), "{ended:?}");
    let ended = tokens(&folder(&TASKS.replace("ticket_id=number", "ticket_id=number + 100")), &[]);
    assert!(ended.status == Some(1) && ended.stderr.contains("no such ticket"), "{ended:?}");
}

#[test]
fn a_filter_that_nothing_has_is_an_error() {
    let ended = tokens(&folder(TASKS), &["--filter", "zzz"]);
    assert!(ended.status == Some(2) && ended.stderr.contains("no task or transcript has a name with"), "{ended:?}");
}

#[test]
fn what_was_called_can_be_played_again_as_a_transcript() {
    let folder = folder(TASKS);
    let transcripts = folder.path().join("transcripts");
    assert_eq!(tokens(&folder, &["--transcripts", &transcripts.display().to_string()]).status, Some(0));
    folder.write("suite.toml", &SUITE.replace("tasks = [\"all\"]", "tasks = []"));
    let ended = tokens(&folder, &["--json"]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let tasks = &ended.json()["rounds"][0]["tasks"];
    assert_eq!((tasks.as_array().map(Vec::len), &tasks[0]["guesses"]), (Some(1), &json!([])), "{tasks}");
    // A script that came first could not have been written.
    let file = transcripts.join("small-close-urgent.json");
    let mut recorded: Value = serde_json::from_str(&fs::read_to_string(&file).expect("a file")).expect("JSON");
    let turns = recorded["turns"].as_array_mut().expect("turns");
    let last = turns.pop().expect("a turn");
    *turns = vec![last];
    fs::write(&file, recorded.to_string()).expect("a file");
    let ended = tokens(&folder, &["--json"]);
    assert!(
        ended.json()["rounds"][0]["tasks"][0]["guesses"].to_string().contains("tool desk.list_tickets"),
        "{ended:?}"
    );
}

#[test]
fn the_shipped_suite_has_the_tasks_that_it_says_and_its_small_rounds_pass() {
    let suite = here().join("../benches/suites/tokens").display().to_string();
    let ended = exuvia(&["tokens", &suite, "--round", "document-to-crm", "--round", "e-commerce", "--json"], "");
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let report = ended.json();
    let rounds = report["rounds"].as_array().expect("rounds");
    let tools: Vec<_> = rounds.iter().map(|round| round["tools"].clone()).collect();
    assert_eq!(tools, [json!(150), json!(7)]);
    assert!(rounds.iter().all(|round| round["saved_percent"].as_f64().is_some_and(|saved| saved > 50.0)), "{report}");
    let unknown = exuvia(&["tokens", &suite, "--round", "97"], "");
    assert!(unknown.status == Some(2) && unknown.stderr.contains("the suite has 96, 251, 508"), "{unknown:?}");
}

#[test]
fn every_task_of_the_shipped_suite_states_what_its_script_returns() {
    let folder = here().join("../benches/suites/tokens/tasks");
    let files = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let tasks = files.flat_map(|file| {
        let text = fs::read_to_string(&file).expect("a file");
        let tasks = text.parse::<toml::Table>().expect("TOML").remove("task").expect("tasks");
        tasks.as_array().expect("a list").clone()
    });
    let tasks: Vec<_> = tasks.collect();
    let without: Vec<_> = tasks.iter().filter(|task| task.get("returns").is_none()).map(|task| &task["name"]).collect();
    assert!(tasks.len() >= 111 && without.is_empty(), "{without:?}");
}

#[test]
fn a_text_is_taken_apart_only_by_words_that_were_shown() {
    let desk = DESK.replace("return \"closed\"", "return f\"Ticket {ticket_id} archived by ada\"");
    let script =
        "import re\ntext = desk.close_ticket(ticket_id=101)\nresult = re.search(r\"archived by (\\w+)\", text)[1]\n";
    let task = format!(
        "[[task]]\nname = \"who\"\nprompt = \"Close ticket 101 and say by whom.\"\nsearch = [\"close a ticket\"]\nscript = '''\n{script}'''\n"
    );
    let played = |task: &str| {
        let folder = folder(task);
        folder.write("servers/desk.py", &desk);
        let ended = tokens(&folder, &["--json"]);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended.json()["rounds"][0]["tasks"][0].clone()
    };
    let guessed = played(&task);
    assert_eq!(guessed["guesses"], json!(["\"archived\" in a text"]), "{guessed}");
    let looked = played(&format!("{task}look = \"result = desk.close_ticket(ticket_id=102)\"\n"));
    let steps = looked["steps"].as_array().expect("steps");
    assert!(looked["guesses"] == json!([]) && steps.contains(&json!("look")), "{looked}");
}

#[test]
fn what_an_operator_prepares_or_a_gateway_has_learned_saves_a_look() {
    let steps = |folder: &Files, option: &str, task: usize| {
        let arguments: Vec<&str> = std::iter::once("--json").chain((!option.is_empty()).then_some(option)).collect();
        let ended = tokens(folder, &arguments);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended.json()["rounds"][0]["tasks"][task]["steps"].to_string()
    };
    let plain = folder(TASKS);
    plain
        .write("suite.toml", &format!("{SUITE}\n[prepared.notes]\ndesk = 'Tickets: {{\"no\": int, \"hot\": bool}}'\n"));
    assert!(steps(&plain, "", 0).contains("look") && !steps(&plain, "--prepared", 0).contains("look"));
    let twice = folder(&format!("{TASKS}{}", TASKS.replace("close-urgent", "again")));
    assert!(steps(&twice, "", 1).contains("look") && !steps(&twice, "--learn", 1).contains("look"));
    plain.write("suite.toml", &format!("{SUITE}\n[prepared]\nshapes = ['desk']\n"));
    let refused = tokens(&plain, &["--prepared"]);
    assert!(refused.status == Some(2) && refused.stderr.contains("no shapes of \"desk\" are shipped"), "{refused:?}");
}
