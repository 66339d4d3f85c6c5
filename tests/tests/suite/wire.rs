//! What goes over the wire, word for word: `data/wire/TRANSPORT/*.txt`, each a conversation with a gateway of its own over the
//! servers of `data/wire/exuvia.toml`. `EXUVIA_TESTS=bless` writes anew what comes back.
//!
//! | line | what it is |
//! |---|---|
//! | `# ...` | for readers |
//! | `--> ...` | is sent: a message; over HTTP first `METHOD PATH NAME=VALUE ...` with the headers |
//! | `<-- ...` | comes back: a message; over HTTP first the status, the type and the session of the response |
//! | `~~> METHOD` | no more is read than up to the first message of this method; without it, up to the last answer, or to a request |
//! | `--x` | the client closes the connection of the last request |
//!
//! `$META` stands for what every request of 2026-07-28 carries in `_meta`, `$SESSION`, `$STATE` and `$RUN` stand for the session, the state and the run that came last, and `"..."` for what differs from run to run.

mod conversation;
mod http;
mod stdio;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use exuvia_tests::{compared, data, files};

#[test]
fn over_stdio_messages_are_as_recorded() {
    let wrong: Vec<String> = files("wire/stdio", "txt").iter().filter_map(|file| checked(file, stdio::held)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_messages_are_as_recorded() {
    let mut wrong = Vec::new();
    for file in files("wire/http", "txt") {
        let found = http::held(&fs::read_to_string(&file).expect("a conversation")).await;
        wrong.extend(compared(&file, &found).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn checked(file: &Path, held: fn(&str) -> String) -> Option<String> {
    compared(file, &held(&fs::read_to_string(file).expect("a conversation"))).err()
}

/// What every client of an era does, over either transport.
const EVERYWHERE: [&str; 11] = [
    "tools/list",
    "\"listToolFiles\"",
    "\"readToolFile\"",
    "\"getToolDocs\"",
    "\"executeToolCode\"",
    "notifications/progress",
    "elicitation/create",
    "-32601",
    "-32602",
    "\"isError\":true",
    "\"_meta\"",
];

#[test]
fn each_era_has_a_conversation_with_everything_over_each_transport() {
    for (transport, cancels) in
        [("stdio", ["notifications/cancelled"; 2]), ("http", ["notifications/cancelled", "--x"])]
    {
        let conversations = files(&format!("wire/{transport}"), "txt");
        let names: BTreeSet<_> = conversations.iter().filter_map(|file| file.file_stem()?.to_str()).collect();
        assert!(names.is_superset(&["legacy", "mistakes", "modern"].into()), "{names:?}");
        for ((era, opening), cancelled) in [("legacy", "initialize"), ("modern", "server/discover")].iter().zip(cancels)
        {
            let text = fs::read_to_string(data(&format!("wire/{transport}/{era}.txt"))).expect("a conversation");
            for part in EVERYWHERE.iter().chain([opening, &cancelled]) {
                assert!(text.contains(part), "{transport}/{era} has no {part}");
            }
        }
    }
    // Nothing lies there that no test reads.
    let read: BTreeSet<_> =
        files("wire", "toml").into_iter().chain(["stdio", "http"].map(|name| data("wire").join(name))).collect();
    let found = fs::read_dir(data("wire")).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(read, found);
}
