//! Listing, searching and reading stub files.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;

use exuvia_catalog::files::{Layout, Layouts, NotFound, StubFiles};
use exuvia_test_support::{Catalog, catalogs};
use exuvia_tool::{Absence, Namespace};

/// More than any answer here takes.
const ROOM: usize = 1 << 20;

fn list(namespace: &Namespace, layouts: &Layouts, query: Option<&str>) -> String {
    StubFiles::new(Arc::new(namespace.clone()), layouts.clone()).list(query, ROOM)
}

fn read(namespace: &Namespace, file: &str, first: Option<usize>, last: Option<usize>) -> Result<String, NotFound> {
    StubFiles::new(Arc::new(namespace.clone()), Layouts::default()).read(file, first, last, ROOM)
}

fn all_catalogs() -> Namespace {
    exuvia_catalog::build(catalogs().iter().map(Catalog::server).collect())
}

/// Four times the recorded catalogs, under other names: 2,032 tools.
fn many() -> Namespace {
    let catalogs = catalogs();
    let copies = (0..4).flat_map(|n| catalogs.iter().map(move |one| (format!("{}{n}", one.name), one.tools())));
    exuvia_catalog::build(copies.collect())
}

fn all_by_tool(namespace: &Namespace) -> Layouts {
    namespace
        .servers()
        .iter()
        .fold(Layouts::default(), |layouts, server| layouts.with(server.name.clone(), Layout::Tool))
}

fn tokens(text: &str) -> usize {
    tiktoken_rs::o200k_base().unwrap().encode_ordinary(text).len()
}

#[test]
fn servers_are_listed_with_the_number_of_their_tools() {
    let list = list(&all_catalogs(), &Layouts::default(), None);
    assert!(list.starts_with("508 tools\natlassian.pyi 98\ncircleci.pyi 13\n"), "{list}");
    assert_eq!(list.lines().count(), 17);
}

#[test]
fn a_server_by_tools_lists_their_names() {
    let namespace = all_catalogs();
    let list = list(&namespace, &Layouts::default().with("git", Layout::Tool), None);
    assert!(list.contains("\ngit/*.pyi 12: git_status git_diff_unstaged "), "{list}");
    assert!(list.contains("\ngithub.pyi 26\n"));
}

#[test]
fn no_list_costs_more_than_its_bound_and_a_cut_one_says_how_to_narrow_down() {
    let namespace = many();
    let by_tool = all_by_tool(&namespace);
    for (layouts, query) in [
        (&Layouts::default(), None),
        (&by_tool, None),
        (&Layouts::default(), Some("file")),
        (&by_tool, Some("get list create update delete document")),
    ] {
        let list = list(&namespace, layouts, query);
        assert!(tokens(&list) < 1_500, "{query:?}: {}", tokens(&list));
    }
    assert!(list(&namespace, &by_tool, None).contains("use a query"));
    assert!(list(&namespace, &by_tool, Some("file")).contains("add words to the query"));
}

#[test]
fn a_query_finds_the_tool_that_it_means() {
    let namespace = all_catalogs();
    for (query, best) in [
        ("read a text file", "filesystem.pyi read_text_file"),
        ("send gmail message", "google_workspace.pyi send_gmail_message"),
        ("mongodb aggregate pipeline", "mongodb.pyi aggregate"),
        ("create pull request", "github.pyi create_pull_request"),
        ("jira transition issue", "atlassian.pyi jira_transition_issue"),
        ("take a screenshot", "playwright.pyi browser_take_screenshot"),
        ("kubernetes pod logs", "kubernetes.pyi pods_log"),
        ("create page in notion", "notion.pyi API_post_page"),
    ] {
        let list = list(&namespace, &Layouts::default(), Some(query));
        let top: Vec<&str> = list.lines().take(3).collect();
        assert!(top.iter().any(|line| line.starts_with(best)), "{query}: {top:#?}");
    }
    assert!(list(&namespace, &Layouts::default(), Some("zzzzqqq")).starts_with("no tool matches"));
}

#[test]
fn a_file_is_read_whole_or_by_lines() {
    let namespace = all_catalogs();
    let whole = read(&namespace, "git.pyi", None, None).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let part = read(&namespace, "git.pyi", Some(3), Some(4)).unwrap();
    assert_eq!(part, format!("# lines 3 to 4 of {}\n{}\n{}\n", lines.len(), lines[2], lines[3]));
    assert_eq!(read(&namespace, "git", Some(0), Some(usize::MAX)).unwrap(), whole);
    let beyond = read(&namespace, "git.pyi", Some(9_999), None).unwrap();
    assert_eq!(beyond, format!("# git.pyi has {} lines\n", lines.len()));
}

#[test]
fn one_tool_is_read_by_its_name_or_its_python_name() {
    let namespace = all_catalogs();
    let stub = read(&namespace, "mongodb/aggregate_db.pyi", None, None).unwrap();
    assert!(stub.contains("def aggregate_db(") && stub.starts_with("# 1 tool. "), "{stub}");
    assert_eq!(read(&namespace, "mongodb/aggregate-db.pyi", None, None).unwrap(), stub);
}

#[test]
fn an_unknown_file_names_the_closest() {
    let namespace = all_catalogs();
    let message = |file: &str| read(&namespace, file, None, None).unwrap_err().to_string();
    assert_eq!(message("mongo.pyi"), "no stub file \"mongo.pyi\"; did you mean mongodb.pyi?");
    assert_eq!(message("git/git_stats.pyi"), "no stub file \"git/git_stats.pyi\"; did you mean git/git_status.pyi?");
    assert_eq!(message("../etc/passwd"), "no stub file \"../etc/passwd\"; listToolFiles lists them");
}

#[test]
fn absent_servers_are_listed_and_keep_their_names() {
    let tools = || catalogs()[0].tools();
    let beside = |first: Result<Vec<_>, Absence>| {
        exuvia_catalog::build_beside(vec![("a-b".to_owned(), first), ("a.b".to_owned(), Ok(tools()))])
    };
    let (before, after) = (beside(Err(Absence::Starting)), beside(Ok(tools())));
    let names = |namespace: &Namespace| -> Vec<String> {
        namespace.servers().iter().map(|server| format!("{} {}", server.name, server.python_name)).collect()
    };
    assert_eq!((names(&before), names(&after)), (vec!["a.b a_b_2".into()], vec!["a-b a_b".into(), "a.b a_b_2".into()]));
    let listed = list(&before, &Layouts::default(), None);
    assert!(listed.ends_with("\na_b_2.pyi 98\nstill starting: a_b\n"), "{listed}");
    assert!(list(&before, &Layouts::default(), Some("issue")).ends_with("\nstill starting: a_b\n"));
    assert_eq!(
        read(&before, "a_b.pyi", None, None).unwrap_err().to_string(),
        "the server a_b is still starting; try again in a few seconds"
    );
    assert!(!list(&after, &Layouts::default(), None).contains("starting"));
}
