//! `exuvia functions`, and functions as clients are offered them.

use std::path::PathBuf;

use exuvia_tests::{Client, DataHome, Ended, Folder, Program, echo_table};
use serde_json::{Value, json};

const SHOUT: &str = "def shout(text: str, times: int = 1) -> str:\n    \"\"\"Says it loudly.\n\n    Args:\n        text: what to say\n    \"\"\"\n    \
    return ' '.join([echo.echo(value=text)['value'].upper()] * times)\n";

struct World {
    folder: Folder,
    data: DataHome,
}

impl World {
    fn new(functions: &str) -> Self {
        let config =
            format!("auto_execute = ['functions.*']\n[functions]\ndir = 'functions'\n{functions}\n{}", echo_table());
        let folder = Folder::new(&config);
        std::fs::create_dir(folder.path("functions")).expect("a folder");
        Self { folder, data: DataHome::shared() }
    }

    fn start(&self, arguments: &[&str]) -> Ended {
        let config = self.folder.text("exuvia.toml");
        let data = self.data.as_path().display().to_string();
        let arguments = [arguments, &["--config", &config]].concat();
        Program::start(&arguments, &[("XDG_DATA_HOME", &data)]).end()
    }

    fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.start(&[&["functions"], arguments].concat());
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended
    }

    fn refused(&self, arguments: &[&str], message: &str) {
        let ended = self.start(&[&["functions"], arguments].concat());
        assert!(ended.status == Some(2) && ended.stderr.contains(message), "{message}: {ended:?}");
    }

    /// Names and states.
    fn states(&self) -> Vec<String> {
        let listed = self.done(&["list", "--json"]).json();
        let text =
            |one: &Value| format!("{} {}", one["name"].as_str().unwrap_or(""), one["state"].as_str().unwrap_or(""));
        listed["functions"].as_array().expect("functions").iter().map(text).collect()
    }

    /// The id of the run that began last.
    fn latest_run(&self) -> String {
        self.start(&["runs", "list", "--json"]).json()["runs"][0]["id"].as_str().expect("an id").to_owned()
    }

    fn client(&self) -> Client {
        let config = self.folder.text("exuvia.toml");
        let data = PathBuf::from(self.data.as_path());
        Client::with_variables(&["--config", &config], &[("XDG_DATA_HOME", data)]).speaking_modern()
    }
}

#[test]
fn a_function_goes_its_way_by_commands() {
    let world = World::new("");
    world.folder.write("functions/shout.py", SHOUT);
    world.folder.write("functions/wrong.py", "def wrong(x):\n    'Wrong.'\n");
    assert_eq!(world.states(), ["shout new", "wrong invalid"]);
    let script = ["run", "-c", "functions.shout(text='a', times=2)"];
    assert_ne!(world.start(&script).status, Some(0));

    assert!(world.done(&["diff", "shout"]).stdout.contains("+def shout("));
    let promoted = world.done(&["promote", "shout"]);
    assert!(promoted.stderr.contains("promoted: shout, version 1, sha256 "), "{promoted:?}");
    world.refused(&["promote", "wrong"], "has no type");
    assert_eq!(world.start(&script).stdout.trim(), "\"A A\"");
    assert!(world.done(&["diff", "shout"]).stdout.contains("just this text is promoted"));

    world.folder.write("functions/shout.py", &SHOUT.replace("upper", "lower"));
    assert_eq!(world.states()[0], "shout changed");
    assert!(world.done(&["list"]).stdout.contains("not called until it is promoted; version 1 is promoted"));
    let withheld = world.start(&script);
    assert!(withheld.status != Some(0) && withheld.stderr.contains("exuvia functions promote shout"), "{withheld:?}");
    let diff = world.done(&["diff", "shout"]).stdout;
    assert!(diff.contains("-    return") && diff.contains("+    return"), "{diff}");
    assert!(world.done(&["promote", "shout"]).stderr.contains("version 2"));
    assert_eq!(world.start(&script).stdout.trim(), "\"a a\"");
    assert_eq!(world.done(&["show", "shout", "--raw"]).stdout, SHOUT.replace("upper", "lower"));

    world.done(&["retire", "shout"]);
    assert_eq!(world.states()[0], "shout new");
    world.refused(&["retire", "shout"], "nothing of \"shout\" is promoted or proposed; `exuvia functions list`");
    world.refused(&["show", "nothing"], "there is no function \"nothing\"; `exuvia functions list`");
}

#[test]
fn a_run_that_worked_becomes_a_function() {
    let world = World::new("");
    let ran = world.start(&[
        "run",
        "-c",
        "text = '''a\n  b'''\nsaid = [echo.echo(value=n)['value'] for n in range(3)]\nsum(said) + len(text)",
    ]);
    assert_eq!(ran.stdout.trim(), "8", "{ran:?}");
    world.done(&["propose", "--run", &world.latest_run(), "total"]);
    assert_eq!(world.states(), ["total proposed"]);
    let shown = world.done(&["show", "total"]).stdout;
    assert!(shown.contains("proposed by operator") && shown.contains("return sum(said)"), "{shown}");
    world.done(&["promote", "total"]);
    assert_eq!(world.start(&["run", "-c", "functions.total()"]).stdout.trim(), "8");
}

#[test]
fn a_run_that_failed_or_went_on_in_a_session_becomes_no_function() {
    let world = World::new("[sessions]\n");
    assert_ne!(world.start(&["run", "-c", "1 / 0"]).status, Some(0));
    world.refused(&["propose", "--run", &world.latest_run(), "wrong"], "ended as raised");
    let mut client = world.client();
    for code in ["n = 1\nn", "n + 1"] {
        client.call("executeToolCode", json!({"code": code, "session": "a"}));
    }
    client.close();
    world.refused(&["propose", "--run", &world.latest_run(), "next"], "earlier scripts of its session");
    assert_eq!(world.states(), Vec::<String>::new());
}

#[test]
fn clients_are_offered_functions_as_tools_and_as_skills() {
    let world = World::new("expose = true");
    world.folder.write("functions/shout.py", SHOUT);
    world.done(&["promote", "shout"]);
    let mut client = world.client();
    let tools = client.request("tools/list", json!({}))["result"]["tools"].clone();
    let tool =
        tools.as_array().expect("tools").iter().find(|tool| tool["name"] == "functions__shout").expect("the function");
    assert_eq!(tool["inputSchema"]["properties"]["text"]["description"], "what to say");
    let answer = client.call("functions__shout", json!({"text": "hey", "times": 2}));
    assert!(answer.to_string().contains("HEY HEY"), "{answer}");
    let wrong = client.call("functions__shout", json!({"times": "x"})).to_string();
    assert!(wrong.contains("text") && wrong.contains("isError"), "{wrong}");

    let skills = client.request("skills/list", json!({}))["result"]["skills"].clone();
    let uri = "skill://functions/shout/SKILL.md";
    assert_eq!((&skills[0]["uri"], &skills[0]["frontmatter"]["name"]), (&json!(uri), &json!("shout")), "{skills}");
    let skill = client.request("skills/get", json!({"uri": uri}))["result"]["skill"].clone();
    assert_eq!(skill, skills[0]);
    let read = client.request("resources/read", json!({"uri": uri}))["result"]["contents"][0]["text"].clone();
    let text = read.as_str().expect("a text");
    assert!(text.starts_with("---\nname: shout\ndescription: \"Says it loudly.\"\n---\n"), "{text}");
    assert!(text.contains("def shout(text: str, times: int = 1) -> str"), "{text}");
    let listed = client.request("resources/list", json!({}))["result"]["resources"].clone();
    assert_eq!(listed[0]["uri"], uri);
    assert!(client.request("resources/read", json!({"uri": "skill://functions/none/SKILL.md"}))["error"].is_object());
    client.close();
}

#[test]
fn clients_are_offered_nothing_where_the_configuration_does_not_say_so() {
    let world = World::new("");
    world.folder.write("functions/shout.py", SHOUT);
    world.done(&["promote", "shout"]);
    let mut client = world.client();
    let tools = client.request("tools/list", json!({}))["result"]["tools"].to_string();
    assert!(!tools.contains("functions__shout") && tools.contains("functions"), "{tools}");
    assert!(client.request("skills/list", json!({}))["error"].is_object());
    let (text, _) = client.execute("functions.shout(text='a')");
    assert!(text.contains('A'), "{text}");
    client.close();
}
