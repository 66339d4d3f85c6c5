//! Notifications on the desktop, by the program of the system.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::mpsc;

use super::failures::Failures;

/// How many texts wait to be shown.
const QUEUED: usize = 16;
/// How long showing one may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What the program gets of the environment: where it finds the desktop.
const VARIABLES: [&str; 7] =
    ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "HOME", "PATH", "USER", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"];
const TITLE: &str = "Exuvia: a call waits for a person";
/// What failures are logged by.
const NAME: &str = "desktop";

/// Shows texts in their turn.
pub(super) struct Desktop {
    queue: mpsc::Sender<String>,
    failures: Arc<Failures>,
}

impl Desktop {
    pub(super) fn start(failures: &Arc<Failures>) -> Self {
        let (queue, mut queued) = mpsc::channel::<String>(QUEUED);
        let of_task = Arc::clone(failures);
        tokio::spawn(async move {
            while let Some(text) = queued.recv().await {
                if let Err(why) = show(&text).await {
                    of_task.lost(NAME, &why);
                }
            }
        });
        Self { queue, failures: Arc::clone(failures) }
    }

    /// Shows a text, soon. Does not block.
    pub(super) fn show(&self, text: String) {
        if self.queue.try_send(text).is_err() {
            self.failures.lost(NAME, "too many notifications wait to be shown");
        }
    }
}

async fn show(text: &str) -> Result<(), String> {
    let mut command = if cfg!(target_os = "macos") { osascript(text) } else { notify_send(text) };
    command.env_clear();
    command.envs(VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    match tokio::time::timeout(TIMEOUT, command.status()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{program}: {status}")),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Err(_) => Err(format!("{program}: it took longer than {} s", TIMEOUT.as_secs())),
    }
}

/// The text is markup there.
fn notify_send(text: &str) -> Command {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut command = Command::new("notify-send");
    command.args(["--app-name=Exuvia", "--", TITLE, &text]);
    command
}

/// The text is an argument of the script, and no part of it.
fn osascript(text: &str) -> Command {
    let mut command = Command::new("osascript");
    for script in ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"] {
        command.args(["-e", script]);
    }
    command.args([TITLE, text]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(command: &Command) -> Vec<&str> {
        command.as_std().get_args().map(|argument| argument.to_str().unwrap()).collect()
    }

    #[test]
    fn a_text_is_neither_an_option_nor_markup_nor_a_script() {
        let text = "--help <b>&\"; do shell script \"x";
        assert_eq!(arguments(&notify_send(text))[1..], ["--", TITLE, "--help &lt;b&gt;&amp;\"; do shell script \"x"]);
        let command = osascript(text);
        let all = arguments(&command);
        let (scripts, data) = all.split_at(6);
        assert!(scripts.iter().all(|script| !script.contains("help")), "{scripts:?}");
        assert_eq!(data, [TITLE, text]);
    }
}
