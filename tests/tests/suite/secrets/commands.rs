//! Commands that read the configuration or start servers.

use super::Leaks;
use super::use_of_it::wrong_configurations;
use super::world::World;

impl World {
    /// All of them, and each with configurations that are wrong.
    pub(super) async fn commands(&self, leaks: &mut Leaks) {
        let config = self.folder.text("exuvia.toml");
        let file = ["--config", config.as_str()];
        let with = |arguments: &[&'static str]| -> Vec<String> {
            arguments.iter().chain(&file).map(|&argument| argument.to_owned()).collect()
        };
        for (surface, arguments, input) in [
            ("config check", vec!["config".to_owned(), "check".to_owned(), config.clone()], ""),
            ("keys list", with(&["keys", "list"]), ""),
            ("keys list", with(&["keys", "list", "--json"]), ""),
            ("keys show", with(&["keys", "show", "ada", "--json"]), ""),
            ("budgets list", with(&["budgets", "list", "--json"]), ""),
            ("tools", with(&["tools"]), ""),
            ("tools", with(&["tools", "--role", "red"]), ""),
            ("tools audit", with(&["tools", "audit"]), ""),
            ("run", [with(&["run", "--json"]), vec!["-".to_owned()]].concat(), "web.echo(value=1)\npipe.exit(code=1)"),
        ] {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let ended = self.does(&arguments, input).await;
            leaks.look(surface, ended.stdout + &ended.stderr);
        }
        let hashed = self.does(&["keys", "hash"], self.key("bob")).await;
        leaks.look("keys hash", hashed.stdout + &hashed.stderr);
        for text in wrong_configurations() {
            self.folder.write("exuvia.toml", &text);
            for arguments in [
                &["config", "check", &config][..],
                &["serve", "--config", &config],
                &["keys", "list", "--config", &config],
            ] {
                let ended = self.does(arguments, "").await;
                assert!(arguments[0] == "keys" || ended.status == Some(2), "{ended:?}");
                leaks.look("a wrong file", ended.stdout + &ended.stderr);
            }
        }
    }
}
