//! Documents and doc comments name only files that exist.

use std::fs;
use std::path::{Path, PathBuf};

use exuvia_tests::here;

/// Folders whose names begin a path that can be checked.
const FOLDERS: [&str; 8] = ["crates/", "tests/", "guest/", "docs/", "benches/", "wit/", "examples/", "src/"];

fn root() -> PathBuf {
    here().join("..")
}

/// All files below a folder whose names end so.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let below = entries.flat_map(|path| if path.is_dir() { files(&path, end) } else { vec![path] });
    below.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

/// The documents of the repository.
fn documents() -> Vec<PathBuf> {
    let top = fs::read_dir(root()).expect("the repository").map(|entry| entry.expect("an entry").path());
    let top = top.filter(|path| path.is_file() && path.extension().is_some_and(|extension| extension == "md"));
    top.chain(["crates", "docs", "guest", "tests"].iter().flat_map(|folder| files(&root().join(folder), ".md")))
        .collect()
}

/// What stands between backticks and is a path from one of the [`FOLDERS`], without patterns.
fn quoted_paths(text: &str) -> impl Iterator<Item = &str> {
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| {
        FOLDERS.iter().any(|folder| span.starts_with(folder)) && !span.contains([' ', '*', '{', '<', '\n'])
    })
}

/// The targets of links to files: no addresses, without the part behind `#`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(|target| target.split('#').next().unwrap_or_default()).filter(|target| {
        !target.is_empty() && !target.contains("://") && !target.contains("::") && !target.contains(' ')
    })
}

/// The folder of the package that a source belongs to.
fn package(source: &Path) -> &Path {
    source.ancestors().find(|folder| folder.join("Cargo.toml").is_file()).expect("a package")
}

fn assert_there(named_in: &Path, path: &str, bases: &[&Path]) {
    let is_there = bases.iter().any(|base| base.join(path).exists());
    assert!(is_there, "{} names {path}, which does not exist", named_in.display());
}

#[test]
fn documents_name_and_link_only_files_that_exist() {
    let documents = documents();
    assert!(documents.iter().any(|document| document.ends_with("docs/decisions/README.md")), "{documents:?}");
    for document in documents {
        let text = fs::read_to_string(&document).expect("UTF-8");
        let folder = document.parent().expect("a folder");
        for link in links(&text) {
            assert_there(&document, link, &[folder]);
        }
        for path in quoted_paths(&text) {
            assert_there(&document, path, &[&root(), folder]);
        }
    }
}

#[test]
fn doc_comments_name_only_files_that_exist() {
    for source in ["crates", "guest", "tests", "benches"].iter().flat_map(|folder| files(&root().join(folder), ".rs")) {
        let text = fs::read_to_string(&source).expect("UTF-8");
        let comments =
            text.lines().map(str::trim_start).filter(|line| line.starts_with("//!") || line.starts_with("///"));
        for path in comments.flat_map(quoted_paths) {
            assert_there(&source, path, &[&root(), package(&source)]);
        }
    }
}

#[test]
fn decisions_are_numbered_once_and_listed() {
    let folder = root().join("docs/decisions");
    let index = fs::read_to_string(folder.join("README.md")).expect("the index");
    let mut numbers = Vec::new();
    for file in files(&folder, ".md").into_iter().filter(|file| !file.ends_with("README.md")) {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(index.contains(&format!("({name})")), "{name} is not in the index");
        let area: u32 = name.split('-').next().and_then(|number| number.parse().ok()).expect("a number");
        let text = fs::read_to_string(&file).expect("UTF-8");
        assert!(text.starts_with(&format!("# {area}. ")), "{name} begins with another number");
        let headings = text.lines().filter_map(|line| line.strip_prefix("## ")).filter_map(|line| line.split_once(' '));
        for (number, title) in headings.filter(|(number, _)| number.contains('.')) {
            assert!(number.starts_with(&format!("{area}.")), "{name} has decision {number}");
            let title = title.split(" (").next().unwrap_or(title);
            let flat = index.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(&format!("{number} {title}")), "decision {number}, {title:?}, is not in the index");
            numbers.push(number.to_owned());
        }
    }
    let count = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "a number is used twice");
}
