//! What goes over the wire, word for word: `data/wire/*.txt`, each a conversation with `exuvia stdio`.
//!
//! A line that begins with `> ` is sent, `< ` comes back, `# ` is for readers. `EXUVIA_TESTS=bless` writes the answers anew.

use std::fs;
use std::path::{Path, PathBuf};

use exuvia_tests::{Client, here, sample};
use serde_json::{Value, json};

/// Sends the lines of a conversation, one after the other, and gives it back with the answers.
fn held(conversation: &str) -> String {
    let mut client = Client::start(&["--server", &sample("echo", "echo")]);
    let mut written = String::new();
    for line in conversation.lines().filter(|line| !line.starts_with("< ")) {
        written.push_str(line);
        written.push('\n');
        let Some(sent) = line.strip_prefix("> ") else { continue };
        client.send_line(sent);
        let is_notification = serde_json::from_str::<Value>(sent)
            .is_ok_and(|sent| sent.get("method").is_some() && sent.get("id").is_none());
        let mut is_answered = is_notification;
        while !is_answered {
            let message = client.message();
            is_answered = message.get("method").is_none();
            written.push_str(&format!("< {}\n", settled(message)));
        }
    }
    written
}

/// A message without what differs from run to run and from version to version.
fn settled(mut message: Value) -> Value {
    for place in [
        "/result/_meta/exuvia~1usage",
        "/result/serverInfo/version",
        "/result/_meta/io.modelcontextprotocol~1serverInfo/version",
    ] {
        if let Some(value) = message.pointer_mut(place) {
            *value = json!("...");
        }
    }
    message
}

fn conversations() -> Vec<PathBuf> {
    let files = fs::read_dir(here().join("data/wire")).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.collect()
}

fn check(file: &Path) -> Result<(), String> {
    let expected = fs::read_to_string(file).expect("a conversation");
    let found = held(&expected);
    if std::env::var("EXUVIA_TESTS").is_ok_and(|value| value == "bless") {
        fs::write(file, &found).expect("the conversation can be written");
        return Ok(());
    }
    let differing = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    let told =
        differing.map_or_else(|| "its length".to_owned(), |(found, expected)| format!("{found}\n  not {expected}"));
    if found == expected { Ok(()) } else { Err(format!("{}: {told}", file.display())) }
}

#[test]
fn messages_go_over_the_wire_as_recorded() {
    let files = conversations();
    assert!(files.len() >= 3, "{files:?}");
    let wrong: Vec<String> = files.iter().filter_map(|file| check(file).err()).collect();
    assert!(wrong.is_empty(), "{}\nEXUVIA_TESTS=bless writes them anew", wrong.join("\n"));
}
