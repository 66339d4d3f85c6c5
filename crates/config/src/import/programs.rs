//! What a user's own entry would run or load of a project: `./srv` is another program in every folder.

use std::path::Path;

use super::project::Project;
use crate::{EnvFile, ServerConfig, Stdio, Transport};

/// What separates paths from other text in an argument: shells and options write them in many ways.
const BETWEEN: &[char] = &[' ', '\t', '\n', '"', '\'', '`', ';', '&', '|', '(', ')', '<', '>', ',', '=', ':'];

/// The key of an entry that leads into the project, started in `folder`.
pub(super) fn key_into(
    server: &ServerConfig,
    env_file: Option<&EnvFile>,
    project: &Project,
    folder: &Path,
) -> Option<&'static str> {
    if env_file.is_some_and(|file| project.has(Path::new(&file.path), folder)) {
        return Some("envFile");
    }
    match &server.transport {
        Transport::Stdio(stdio) => key_of_program(stdio, project, folder),
        Transport::Http(http) => {
            let helper = http.header_command.as_ref()?;
            let args = helper.args.iter().any(|arg| leads_into(arg, project, folder));
            args.then_some("headersHelper")
        }
    }
}

fn key_of_program(stdio: &Stdio, project: &Project, folder: &Path) -> Option<&'static str> {
    let cwd = stdio.cwd.as_ref().map(|cwd| folder.join(cwd));
    // Systems differ in which of the two a relative program starts from.
    let starts = || [folder].into_iter().chain(cwd.as_deref());
    let program = Path::new(&stdio.command);
    let is_command_in = match stdio.command.contains('/') {
        true => starts().any(|start| project.has(program, start)),
        false => starts().any(|start| finds_in(stdio, program, project, start)),
    };
    if is_command_in {
        return Some("command");
    }
    if stdio.args.iter().any(|arg| starts().any(|start| leads_into(arg, project, start))) {
        return Some("args");
    }
    cwd.filter(|cwd| project.has(cwd, folder)).map(|_| "cwd")
}

/// Whether a `PATH` with relative entries leads to it. Absolute ones are the user's word on a place.
fn finds_in(stdio: &Stdio, program: &Path, project: &Project, start: &Path) -> bool {
    let path = stdio.env.get("PATH").map(String::as_str).unwrap_or_default();
    let relative = path.split(':').filter(|entry| !path.is_empty() && !entry.starts_with('/'));
    relative
        .map(|entry| Path::new(entry).join(program))
        .any(|file| start.join(&file).exists() && project.has(&file, start))
}

/// Whether an argument, or a part of it, is a path into the project. A word without a start is one where such a file is there.
fn leads_into(arg: &str, project: &Project, start: &Path) -> bool {
    std::iter::once(arg).chain(arg.split(BETWEEN)).filter(|part| !part.is_empty()).any(|part| {
        // `-I./x` and `-v/x`.
        let after_option = || part.find("./").or_else(|| part.find('/')).map_or("", |at| &part[at..]);
        let part = if part.starts_with('-') { after_option() } else { part };
        let path = Path::new(part);
        let is_written_as_path =
            path.is_absolute() || matches!(part, "." | "..") || part.starts_with("./") || part.starts_with("../");
        let is_there = || match part.contains('/') {
            true => start.join(path).exists(),
            false => start.join(path).is_file(),
        };
        !part.is_empty() && (is_written_as_path || is_there()) && project.has(path, start)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn whatever_leads_into_a_project_is_found_in_every_part_of_an_entry() {
        let here = tempfile::tempdir().unwrap();
        let repo = here.path().canonicalize().unwrap().join("repo");
        fs::create_dir_all(repo.join("src/a")).unwrap();
        fs::write(repo.join("srv.js"), "").unwrap();
        let project = Project::of(&repo, &here.path().join("home"));
        let whole = repo.join("x").display().to_string();
        let key = |command: &str, args: &[&str], cwd: Option<&str>, path: &str| {
            let args = args.iter().map(|arg| (*arg).to_owned());
            let mut server = ServerConfig::stdio("s", command, args, &|name| (name == "PATH").then(|| path.to_owned()));
            let Transport::Stdio(stdio) = &mut server.transport else { panic!() };
            stdio.cwd = cwd.map(Into::into);
            key_into(&server, None, &project, &repo)
        };
        for command in ["./srv", "tools/srv", &whole, "../repo/srv"] {
            assert_eq!(key(command, &[], None, "/bin"), Some("command"), "{command}");
        }
        assert_eq!(key("./srv", &[], Some("src"), "/bin"), Some("command"));
        assert_eq!(key("srv.js", &[], None, "/bin:."), Some("command"));
        assert_eq!(key("srv.js", &[], None, "/bin::/usr/bin"), Some("command"));
        for arg in [
            ".",
            "./x",
            &whole,
            "srv.js",
            "src/a",
            "--require=./x",
            "-r./x",
            "cd . && node srv.js",
            "--import=srv.js",
            "file://REPO/x",
            "-vREPO:/data",
        ] {
            let arg = arg.replace("REPO", repo.to_str().unwrap());
            assert_eq!(key("node", &[&arg], None, "/bin"), Some("args"), "{arg}");
        }
        assert_eq!(key("node", &["a"], Some("src"), "/bin"), Some("cwd"));
        assert_eq!(key("node", &["a.js"], Some("/"), "/bin"), None);
        for arg in ["-y", "@scope/server-files", "src", "run", "/srv/data", "https://a.example/x", "~/x", "a=b", "..x"]
        {
            assert_eq!(key("npx", &[arg], None, "/bin:/usr/bin"), None, "{arg}");
        }
        assert_eq!(key("/opt/srv", &[], Some("/opt"), ""), None);
    }
}
