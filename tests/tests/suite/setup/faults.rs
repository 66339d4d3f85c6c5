//! What is wrong leaves every file as it was.

use std::fs;
use std::os::unix::fs::symlink;

use super::{CASES, Home, data, is_there, one_server};

const FILE: &str = ".cursor/mcp.json";
const CONFIG: &str = ".config/exuvia/exuvia.toml";

#[test]
fn a_broken_file_is_refused_and_stays() {
    for case in &CASES {
        let whole = data(case.data);
        // A whole line of TOML is a whole file.
        let cut = format!("{}\n[x", &whole[..whole.len() * 2 / 3]);
        for text in [
            cut.as_str(),
            "\u{0}",
            "[1, 2",
            "{\"mcpServers\": [], \"servers\": [], \"mcp\": [], \"context_servers\": []} x",
        ] {
            let home = Home::new();
            home.write(case.file, text);
            let ended = home.run(&["setup", case.client, "--yes"]);
            assert_eq!(ended.status, Some(2), "{} {text:?}: {ended:?}", case.client);
            assert!(!ended.stderr.contains("panicked"), "{ended:?}");
            assert_eq!(home.text(case.file), text, "{}", case.client);
            assert!(!is_there(&home.path(CONFIG)), "{}", case.client);
            assert!(!is_there(&home.path(".local/share/exuvia/setup")), "{}", case.client);
        }
    }
}

#[test]
fn a_broken_configuration_is_refused_and_stays() {
    let home = Home::new();
    home.write(FILE, &one_server("echo"));
    home.write(CONFIG, "[servers.a]\ncomand = 'x'\n");
    let ended = home.run(&["setup", "cursor", "--yes"]);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("exuvia config check") && ended.stderr.contains("servers.a.comand"), "{ended:?}");
    assert_eq!((home.text(FILE), home.config()), (one_server("echo"), "[servers.a]\ncomand = 'x'\n".to_owned()));
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_done() {
    let home = Home::new();
    home.write(FILE, &one_server("echo"));
    let ended = home.run(&["setup", "cursor"]);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--dry-run") && ended.stderr.contains("--yes"), "{ended:?}");
    assert!(home.runs(&["setup", "cursor", "--dry-run"]).contains("nothing was changed"));
    assert_eq!(home.text(FILE), one_server("echo"));
    assert!(!is_there(&home.path(CONFIG)));
}

#[test]
fn a_file_that_cannot_be_replaced_takes_the_whole_setup_back() {
    let home = Home::new();
    // A link into a folder that is gone once it is followed again.
    home.write("elsewhere/mcp.json", &one_server("echo"));
    fs::create_dir(home.path(".cursor")).expect("a folder");
    symlink(home.path("elsewhere/mcp.json"), home.path(FILE)).expect("a link");
    home.write(CONFIG, "# mine\n");
    let attribute = |flag: &str| std::process::Command::new("chattr").arg(flag).arg(home.path("elsewhere")).status();
    if !attribute("+i").is_ok_and(|status| status.success()) {
        return;
    }
    let ended = home.run(&["setup", "cursor", "--yes"]);
    attribute("-i").expect("taken back");
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("mcp.json: cannot be"), "{ended:?}");
    assert_eq!((home.text(FILE), home.config()), (one_server("echo"), "# mine\n".to_owned()));
}

#[test]
fn links_stay_links() {
    let home = Home::new();
    home.write("dotfiles/mcp.json", &one_server("echo"));
    home.write("dotfiles/exuvia.toml", "# mine\n");
    for (link, target) in [(FILE, "dotfiles/mcp.json"), (CONFIG, "dotfiles/exuvia.toml")] {
        fs::create_dir_all(home.path(link).parent().expect("a folder")).expect("a folder");
        symlink(home.path(target), home.path(link)).expect("a link");
    }
    home.runs(&["setup", "cursor", "--yes"]);
    assert!(home.text("dotfiles/exuvia.toml").contains("[servers.echo]"));
    home.runs(&["setup", "cursor", "--undo", "--yes"]);
    assert_eq!(
        (home.text("dotfiles/mcp.json"), home.text("dotfiles/exuvia.toml")),
        (one_server("echo"), "# mine\n".to_owned())
    );
    assert!(home.path(FILE).is_symlink() && home.path(CONFIG).is_symlink());
}

#[test]
fn a_file_that_was_changed_since_is_not_restored_over_the_change() {
    let home = Home::new();
    home.write(FILE, &one_server("echo"));
    home.runs(&["setup", "cursor", "--yes"]);
    let changed = home.text(FILE).replacen('{', "{\n  \"mine\": 1,", 1);
    home.write(FILE, &changed);
    let ended = home.run(&["setup", "cursor", "--undo", "--yes"]);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("was changed since the setup") && ended.stderr.contains("--force"), "{ended:?}");
    assert_eq!(home.text(FILE), changed);
    assert!(home.config().contains("[servers.echo]"));

    home.runs(&["setup", "cursor", "--undo", "--yes", "--force"]);
    let text: serde_json::Value = serde_json::from_str(&home.text(FILE)).expect("JSON");
    assert_eq!((text["mine"].as_u64(), text["mcpServers"]["echo"]["args"][1].as_str()), (Some(1), Some("echo")));
    assert!(text["mcpServers"].get("exuvia").is_none(), "{text}");
    assert!(!is_there(&home.path(CONFIG)));
}

#[test]
fn an_entry_with_this_name_that_is_something_else_is_not_replaced() {
    let home = Home::new();
    let text = one_server("echo").replace("\"echo\":", "\"exuvia\":");
    home.write(FILE, &text);
    let ended = home.run(&["setup", "cursor", "--yes"]);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("rename"), "{ended:?}");
    assert_eq!(home.text(FILE), text);
}

#[test]
fn a_file_that_another_program_writes_meanwhile_is_always_whole() {
    let home = Home::new();
    let target = home.path(FILE);
    home.write(FILE, &one_server("echo"));
    let (stop, written) = (std::sync::atomic::AtomicBool::new(false), std::sync::atomic::AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let number = written.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let text = one_server("echo").replacen('{', &format!("{{\n  \"number\": {number},"), 1);
                let new = target.with_extension("new");
                fs::write(&new, text).and_then(|()| fs::rename(&new, &target)).expect("written");
            }
        });
        for _ in 0..10 {
            let ended = home.run(&["setup", "cursor", "--yes"]);
            let text: serde_json::Value = serde_json::from_str(&home.text(FILE)).expect("whole");
            assert!(text["mcpServers"].is_object(), "{text}");
            match ended.status {
                Some(0) => assert!(home.config().contains("[servers.echo]")),
                _ => assert!(ended.stderr.contains("was changed by another program"), "{ended:?}"),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(written.into_inner() > 10);
}
