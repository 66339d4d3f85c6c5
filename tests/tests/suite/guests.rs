//! Guests that are kept beside the records of runs, and replays with guests that the program does not have.

use std::fs;
use std::path::Path;

use exuvia_journal::{Archive as _, Event, Journal as _, OpenOptions, PackedGuest, SqliteArchive, SqliteJournal};
use exuvia_replay::sha256_hex;
use exuvia_runtime::{Engine, EngineConfig, GUEST_DIGEST, Guest};
use exuvia_tests::{DataHome, Ended, Folder, Program, sample};

/// A custom section of a component, which changes its digest and nothing else: a WebAssembly section with id 0, of 2 bytes, with a name of 1.
const SECTION: [u8; 4] = [0, 2, 1, b'x'];

/// Runs a script in a data directory, and returns the id of its run.
fn recorded(data: &DataHome) -> String {
    let crm = sample("crm", "crm");
    let code = "import random\nprint(random.random())\nresult = crm.get_contacts(limit=2)['items'][0]['id']";
    let ended = exuvia(data, &["run", "--server", &crm, "-c", code]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let listed = exuvia(data, &["runs", "list", "--json"]).json();
    listed["runs"][0]["id"].as_str().expect("an id").to_owned()
}

fn exuvia(data: &DataHome, arguments: &[&str]) -> Ended {
    let data = data.as_path().display().to_string();
    let mut program = Program::start(arguments, &[("XDG_DATA_HOME", &data)]);
    program.write("");
    program.end()
}

/// The guest of the program as a journal has kept it, with another digest.
async fn other_guest(journal: &Path) -> PackedGuest {
    let kept = SqliteArchive::open(journal).expect("a journal").object(GUEST_DIGEST).await;
    let kept = kept.expect("it is read").expect("the guest is kept");
    assert_eq!(sha256_hex(&kept.bytes), GUEST_DIGEST);
    let other = [kept.bytes.as_slice(), &SECTION].concat();
    let zstd = zstd::bulk::compress(&other, 1).expect("compressed");
    PackedGuest { sha256: sha256_hex(&other).leak(), zstd: zstd.leak() }
}

/// Writes a journal with a run of another journal as if it had been made with this guest.
async fn copied(from: &Path, run: &str, to: &Path, guest: PackedGuest, is_kept: bool) {
    let from = SqliteArchive::open(from).expect("a journal");
    let record = from.record(run).await.expect("read").expect("there");
    let journal = SqliteJournal::open(&OpenOptions::new(to, || 7)).expect("a journal");
    let namespace = &record.start().expect("a start").namespace_sha256;
    let namespace = from.object(namespace).await.expect("read").expect("kept");
    journal.keep(namespace.into()).await.expect("kept");
    for mut stamped in record.entries {
        if let Event::RunStarted(start) = &mut stamped.entry.event {
            start.guest_sha256 = guest.sha256.to_owned();
        }
        journal.append_durable(stamped.entry).await.expect("kept");
    }
    if is_kept {
        journal.keep_guest(guest);
    }
    journal.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_replayed_with_the_guest_that_it_was_made_with() {
    let (data, folder) = (DataHome::shared(), Folder::new(""));
    let run = recorded(&data);
    let journal = data.as_path().join("exuvia/journal");
    let guest = other_guest(&journal).await;
    copied(&journal, &run, &folder.path("kept"), guest, true).await;
    copied(&journal, &run, &folder.path("lost"), guest, false).await;
    let replay = |journal: &str, options: &[&str]| {
        exuvia(&data, &[&["replay", &run, "--journal", &folder.text(journal)], options].concat())
    };

    let replayed = replay("kept", &[]);
    assert!(replayed.status == Some(0) && replayed.stdout.contains(": reproduced\n"), "{replayed:?}");
    let replayed = replay("lost", &[]);
    assert!(replayed.stdout.contains("--guest") && replayed.stdout.contains(guest.sha256), "{replayed:?}");
    let file = folder.text(&format!("kept/guests/{}.wasm.zst", guest.sha256));
    let replayed = replay("lost", &["--guest", &file]);
    assert!(replayed.status == Some(0) && replayed.stdout.contains(": reproduced\n"), "{replayed:?}");
    let replayed = replay("lost", &["--any-guest"]);
    assert!(replayed.status == Some(0) && replayed.stdout.contains(": reproduced\n"), "{replayed:?}");
}

#[test]
fn what_is_no_guest_is_refused_with_its_name() {
    let (data, folder) = (DataHome::shared(), Folder::new(""));
    let run = recorded(&data);
    for (name, content) in [("text", b"no component".as_slice()), ("cut.zst", &[0x28, 0xb5, 0x2f, 0xfd, 0])] {
        fs::write(folder.path(name), content).expect("written");
        let refused = exuvia(&data, &["replay", &run, "--guest", &folder.text(name)]);
        assert!(refused.status == Some(2) && refused.stderr.contains(name), "{refused:?}");
    }
}

/// Guests of other versions may import what this program does not have.
#[test]
fn a_guest_of_another_interface_is_refused_with_what_it_lacks() {
    let text = r#"(component
        (import "exuvia:sandbox/tools@9.9.9" (instance (export "call" (func))))
        (core module $main (memory (export "memory") 1))
        (core instance (instantiate $main)))"#;
    let guest = Guest::compile(&wat::parse_str(text).expect("a component")).expect("compiled");
    let error = Engine::with_guest(&EngineConfig::default(), guest).err().expect("refused").to_string();
    assert!(error.contains("guest ") && error.contains("exuvia:sandbox/tools@9.9.9"), "{error}");
}
