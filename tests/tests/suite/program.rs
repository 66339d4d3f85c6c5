//! `exuvia run`: exit statuses, what goes where, the shape of `--json`.

use std::fs;

use exuvia_tests::{Ended, Folder, exuvia, sample, tells_nothing_of_the_host};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

fn run(arguments: &[&str], source: &str) -> Ended {
    let mut all = vec!["run"];
    all.extend(arguments);
    all.push("-");
    exuvia(&all, source)
}

fn json_of(arguments: &[&str], source: &str) -> (Ended, Value) {
    let mut all = vec!["--json"];
    all.extend(arguments);
    let ended = run(&all, source);
    let value = ended.json();
    (ended, value)
}

#[test]
fn a_script_that_returns_exits_with_0_and_prints_its_result_alone() {
    let ended =
        run(&[], "import sys\nprint('to the log')\nprint('aside', file=sys.stderr)\nresult = {'b': 1, 'a': [1, 2]}");
    assert_eq!(ended.status, Some(0));
    assert_eq!(ended.stdout, "{\"b\":1,\"a\":[1,2]}\n");
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines[..2], ["to the log", "aside"]);
    assert!(lines[2].starts_with("returned: ") && lines[2].contains("M fuel"), "{}", lines[2]);
    assert_eq!(lines.len(), 3, "{}", ended.stderr);
}

#[test]
fn a_script_that_raises_exits_with_1_and_says_where() {
    let ended = run(&[], "x = 1\nresult = x / 0");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("ZeroDivisionError") && ended.stderr.contains("> 2 | result = x / 0"), "{ended:?}");
    tells_nothing_of_the_host(&ended.stderr).expect("no place of the host");
}

#[test]
fn a_script_that_exits_has_raised_and_its_status_is_0_where_it_says_so() {
    let sources = [
        ("import sys; sys.exit(0)", 0),
        ("import sys; sys.exit()", 0),
        ("import os; os._exit(0)", 0),
        ("raise SystemExit", 0),
        ("import sys; sys.exit(3)", 1),
        ("import sys; sys.exit('no')", 1),
        ("import os; os._exit(3)", 1),
        ("raise ValueError('exit code 0')", 1),
    ];
    for (source, status) in sources {
        let (ended, value) = json_of(&[], source);
        assert_eq!((ended.status, &value["outcome"]), (Some(status), &json!("raised")), "{source}");
        assert!(value["error"]["kind"] == "exited" || source.contains("ValueError"), "{source}");
    }
}

#[test]
fn a_script_can_be_given_on_the_command_line_and_data_beside_it() {
    let ended = exuvia(&["run", "-c", "result = 6 * 7"], "");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "42\n"), "{ended:?}");
    let data = r#"{"a": [1.5, 18446744073709551617], "text": "\"\\ \u2028 \ud83d\ude00\n"}"#;
    for code in ["result = data", "# the rest\nresult = data", "\nresult = data", "import sys\nresult = data"] {
        let ended = exuvia(&["run", "--data", "-", "-c", code], data);
        let expected: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!((ended.status, ended.json()), (Some(0), expected), "{code}: {ended:?}");
        assert!(ended.stdout.contains("18446744073709551617"), "{ended:?}");
    }
    // Lines keep their numbers.
    let ended = exuvia(&["run", "--data", "-", "-c", "x = 1\nresult = data['b']"], "{}");
    assert!(ended.status == Some(1) && ended.stderr.contains("> 2 | result = data['b']"), "{ended:?}");
    for (arguments, input, expected) in [
        (&["run", "--data", "-", "-c", "result = 1"][..], "{1}", "invalid JSON"),
        (&["run", "--data", "-", "-"], "1", "cannot be both"),
        (&["run", "--data", "-", "-c", "for x in data: pass"], "1", "must begin with"),
        (&["run", "-c", "1", "script.py"], "", "cannot be used with"),
        (&["run"], "", "required"),
        (&["run", "--fuel", "0", "-c", "1"], "", "0 is not in 1000000.."),
        (&["run", "--memory-bytes", "1000", "-c", "1"], "", "1000 is not in 41943040.."),
    ] {
        let ended = exuvia(arguments, input);
        assert!(ended.status == Some(2) && ended.stderr.contains(expected), "{arguments:?}: {ended:?}");
    }
    assert_eq!(exuvia(&["check", "-c", "result = 1"], "").status, Some(0));
}

#[test]
fn data_may_begin_with_a_byte_order_mark_and_is_named_where_it_is_too_long() {
    let ended = exuvia(&["run", "--data", "-", "-c", "result = data"], "\u{feff}{\"a\": 1}");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "{\"a\":1}\n"), "{ended:?}");
    assert_eq!(exuvia(&["run", "-"], "\u{feff}result = 1").status, Some(0));
    let long = format!("[{}1]", "1, ".repeat(400_000));
    let ended = exuvia(&["run", "--data", "-", "-c", "result = len(data)"], &long);
    let told = "the data of 1200003 bytes is embedded in the script and too large: the script of 18 bytes becomes";
    assert!(ended.status == Some(2) && ended.stderr.contains(told), "{ended:?}");
    assert!(ended.stderr.contains("limits.source_bytes is 1048576"), "{ended:?}");
    let folder = Folder::new("[limits]\nsource_bytes = \"4 MiB\"\n");
    let config = folder.path("exuvia.toml").display().to_string();
    let ended = exuvia(&["run", "--config", &config, "--data", "-", "-c", "result = len(data)"], &long);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "400001\n"), "{ended:?}");
}

#[test]
fn a_server_that_is_named_like_a_module_has_its_name_in_scripts() {
    let ended = exuvia(&["run", "--server", &sample("time", "echo"), "-c", "result = time.sleep(ms=1)"], "");
    assert!(ended.status == Some(1) && ended.stderr.contains("the server time is time_ in scripts"), "{ended:?}");
    let ended = exuvia(&["run", "--server", &sample("time", "echo"), "-c", "result = time_.sleep(ms=1)"], "");
    assert_eq!(ended.status, Some(0), "{ended:?}");
}

#[test]
fn a_script_that_leaves_with_status_0_has_not_raised() {
    let ended = exuvia(&["run", "-c", "import sys\nsys.exit(0)"], "");
    assert!(ended.status == Some(0) && ended.stderr.contains("exited with status 0: "), "{ended:?}");
    assert!(!ended.stderr.contains("raised") && !ended.stderr.contains("exit code"), "{ended:?}");
}

#[test]
fn tools_are_shown_by_the_names_of_servers_of_tools_and_of_files() {
    let server = sample("sample.echo", "echo");
    let shown = |name: &str| exuvia(&["tools", "--server", &server, name], "");
    let stub = shown("sample.echo");
    assert!(stub.status == Some(0) && stub.stdout.contains("def sleep("), "{stub:?}");
    let files = exuvia(&["tools", "--server", &server], "").stdout;
    let file = files.split_whitespace().find(|word| word.ends_with(".pyi")).expect(&files).to_owned();
    assert_eq!(shown(&file).stdout, stub.stdout, "{file}");
    let docs = shown("sample.echo.sleep");
    assert!(docs.status == Some(0) && docs.stdout.contains("milliseconds"), "{docs:?}");
    let unknown = shown("sample");
    assert!(unknown.status == Some(2) && unknown.stderr.contains("configured servers: sample.echo"), "{unknown:?}");
    let wrong = shown("sample.echo.slep");
    assert!(wrong.status == Some(2) && wrong.stderr.contains("sleep"), "{wrong:?}");
}

#[test]
fn the_demo_shows_its_result_its_log_and_what_it_cost() {
    let ended = exuvia(&["demo"], "");
    assert_eq!(ended.status, Some(0), "{ended:?}");
    for part in ["Edsger Johnson", "5000 contacts, 1078 with a last order", "6083 tool calls", " times less."] {
        assert!(ended.stdout.contains(part), "{part}: {ended:?}");
    }
}

#[test]
fn wrong_arguments_exit_with_2() {
    for arguments in [&["run"][..], &["run", "--fuel", "much", "-"], &["fly"], &["run", "--server", "crm", "-"]] {
        let ended = exuvia(arguments, "");
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(!ended.stderr.is_empty());
    }
}

#[test]
fn a_script_file_that_is_not_there_exits_with_2_and_is_named() {
    let ended = exuvia(&["run", "no-such-script.py"], "");
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("no-such-script.py"), "{ended:?}");
}

#[test]
fn a_script_in_a_file_runs_as_one_from_standard_input() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("script.py");
    fs::write(&file, "result = __name__").expect("a file");
    let ended = exuvia(&["run", file.to_str().expect("UTF-8")], "");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "\"__main__\"\n"));
}

#[test]
fn a_script_that_is_stopped_exits_with_3_and_names_the_limit() {
    let cases = [
        (&["--fuel", "20000000"][..], "while True: pass", "fuel"),
        (&["--wall-ms", "300"], "import time; time.sleep(60)", "wall_ms"),
        (&["--memory-bytes", "60000000"], "x = []\nwhile True: x.append(' ' * 1000000)", "memory_bytes"),
    ];
    for (arguments, source, limit) in cases {
        let (ended, value) = json_of(arguments, &format!("print('begun')\n{source}"));
        assert_eq!((ended.status, &value["limit"]), (Some(3), &json!(limit)), "{ended:?}");
        assert_eq!((&value["outcome"], &value["result"]), (&json!("stopped"), &json!(null)));
        assert_eq!(value["logs"], "begun\n");
        assert!(value["usage"]["fuel"].as_u64() > Some(0), "{value}");
    }
}

#[test]
fn the_report_as_json_always_has_the_same_keys() {
    let sources = ["result = 1", "1 / 0", "(", "import sys; sys.exit(1)", "while True: pass"];
    for source in sources {
        let (ended, value) = json_of(&["--fuel", "50000000"], source);
        let keys: Vec<_> = value.as_object().expect("an object").keys().map(String::as_str).collect();
        let expected = [
            "outcome",
            "result",
            "logs",
            "logs_dropped_bytes",
            "error",
            "limit",
            "awaiting",
            "notes",
            "calls",
            "usage",
        ];
        assert_eq!(keys, expected, "{source}");
        let usage: Vec<_> = value["usage"].as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(usage, ["fuel", "memory_bytes_peak", "wall_ms", "tool_calls"]);
        assert_eq!(ended.stdout.lines().count(), 1, "one line");
    }
}

#[test]
fn an_error_as_json_has_kind_message_line_traceback_and_hint() {
    let (_, value) = json_of(&[], "customers = [1]\nresult = len(customer)");
    let error = value["error"].as_object().expect("an error");
    let keys: Vec<_> = error.keys().map(String::as_str).collect();
    assert_eq!(keys, ["kind", "message", "line", "traceback", "hint"]);
    assert_eq!((&error["kind"], &error["line"]), (&json!("NameError"), &json!(2)));
    assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("customers")), "{value}");
}

#[test]
fn calls_as_json_have_server_tool_outcome_and_ms() {
    let source = "
echo.echo(value=1)
try: echo.fail(message='no')
except ToolError: pass
try: echo.sleep(ms='long')
except TypeError: pass
result = 'done'";
    let (_, value) = json_of(&["--server", &sample("echo", "echo")], source);
    let calls = value["calls"].as_array().expect("calls");
    for call in calls {
        let keys: Vec<_> = call.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["server", "tool", "outcome", "ms"]);
    }
    let told: Vec<_> = calls.iter().map(|call| (call["tool"].as_str(), call["outcome"].as_str())).collect();
    let expected = [("echo", "ok"), ("fail", "tool-failed"), ("sleep", "invalid-arguments")];
    assert_eq!(told, expected.map(|(tool, outcome)| (Some(tool), Some(outcome))));
    assert_eq!(value["usage"]["tool_calls"], 3);
}

#[test]
fn integers_of_any_length_are_printed_as_they_are() {
    let ended = run(&[], "result = [2 ** 64 + 1, 10 ** 30, 0.1]");
    assert_eq!(ended.stdout, "[18446744073709551617,1000000000000000000000000000000,0.1]\n");
    let (ended, _) = json_of(&[], "result = 2 ** 64 + 1");
    assert!(ended.stdout.contains("18446744073709551617"), "{ended:?}");
}

#[test]
fn what_a_script_prints_cannot_command_the_terminal() {
    let ended = run(&[], "print('\\x1b[2Jcleared\\x1b]0;title\\x07')\nraise ValueError('\\x1b[31m')");
    assert!(!ended.stderr.contains(['\x1b', '\x07']), "{ended:?}");
    assert!(ended.stderr.contains("cleared"));
}

#[test]
fn an_interrupt_cancels_the_run_exits_with_130_and_leaves_no_child() {
    for json in [false, true] {
        let server = sample("echo", "echo");
        let mut arguments = vec!["run", "--server", &server, "-"];
        if json {
            arguments.insert(1, "--json");
        }
        let mut program = exuvia_tests::Program::start(&arguments, &[]);
        program.write("import sys\nprint('calling')\necho.sleep(ms=60_000)");
        let children = program.wait_for_children(1);
        if json {
            // Nothing tells when the script has begun: this is long after.
            std::thread::sleep(std::time::Duration::from_millis(1_500));
        } else {
            let _ = program.wait_for_stderr("calling");
        }
        program.signal(Signal::SIGINT);
        let ended = program.end();
        assert_eq!(ended.status, Some(130), "{ended:?}");
        assert!(exuvia_tests::gone(&children, std::time::Duration::from_secs(3)), "a server is left");
        if json {
            assert_eq!(ended.json()["outcome"], "cancelled");
        }
    }
}
