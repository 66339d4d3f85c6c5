//! Listing, searching and reading stub files.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exuvia_catalog::LearnedAnswers;
use exuvia_catalog::files::{Layout, Layouts, NotFound, StubFiles};
use exuvia_test_support::{Catalog, catalogs};
use exuvia_tool::{Absence, Namespace, Tool};

/// More than any answer here takes.
const ROOM: usize = 1 << 20;

fn list(namespace: &Namespace, layouts: &Layouts, query: Option<&str>) -> String {
    StubFiles::new(Arc::new(namespace.clone()), layouts.clone()).list(query, ROOM)
}

fn read(namespace: &Namespace, file: &str) -> Result<String, NotFound> {
    StubFiles::new(Arc::new(namespace.clone()), Layouts::default()).read(file, ROOM)
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
    tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len()
}

/// The tool of which a line of an answer is the signature.
fn hit(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('(').filter(|_| line.contains(") -> "))?;
    Some(name).filter(|name| name.contains('.') && !name.contains(' '))
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
    assert!(list(&namespace, &by_tool, Some("file")).contains("\n# less likely: "));
}

#[test]
fn a_query_finds_the_tool_that_it_means() {
    let namespace = all_catalogs();
    for (query, best) in [
        ("read a text file", "filesystem.read_text_file("),
        ("send gmail message", "google_workspace.send_gmail_message("),
        ("mongodb aggregate pipeline", "mongodb.aggregate("),
        ("create pull request", "github.create_pull_request("),
        ("jira transition issue", "atlassian.jira_transition_issue("),
        ("take a screenshot", "playwright.browser_take_screenshot("),
        ("kubernetes pod logs", "kubernetes.pods_log("),
        ("create page in notion", "notion.API_post_page("),
    ] {
        let list = list(&namespace, &Layouts::default(), Some(query));
        let mut top = list.lines().filter(|line| hit(line).is_some()).take(3);
        assert!(top.any(|line| line.starts_with(best)), "{query}: {list}");
    }
    assert!(list(&namespace, &Layouts::default(), Some("zzzzqqq")).starts_with("no tool matches"));
}

#[test]
fn a_file_is_read_whole_or_by_lines() {
    let namespace = all_catalogs();
    let whole = read(&namespace, "git.pyi").unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let part = read(&namespace, "git.pyi:3-4").unwrap();
    assert_eq!(part, format!("# lines 3 to 4 of {}\n{}\n{}\n", lines.len(), lines[2], lines[3]));
    assert_eq!(read(&namespace, "git:0-99999").unwrap(), whole);
    let beyond = read(&namespace, "git.pyi:9999").unwrap();
    assert_eq!(beyond, format!("# git.pyi has {} lines\n", lines.len()));
}

#[test]
fn one_tool_is_read_by_its_name_or_its_python_name() {
    let namespace = all_catalogs();
    let stub = read(&namespace, "mongodb/aggregate_db.pyi").unwrap();
    assert!(stub.contains("def aggregate_db(") && stub.starts_with("# 1 of 27 tools. "), "{stub}");
    assert_eq!(read(&namespace, "mongodb/aggregate-db.pyi").unwrap(), stub);
}

#[test]
fn tools_are_read_by_any_of_their_names_and_several_at_once() {
    let namespace = all_catalogs();
    let read = |names: &str| read(&namespace, names).unwrap();
    let one = read("mongodb/aggregate_db.pyi");
    for name in [
        "mongodb.aggregate_db",
        "mongodb.aggregate-db",
        "mcp__mongodb__aggregate-db",
        "aggregate_db",
        "`mongodb/aggregate_db`",
    ] {
        assert_eq!(read(name), one, "{name}");
    }
    let defined = |stub: &str| -> Vec<String> {
        let names = stub.lines().filter_map(|line| line.strip_prefix("def ")?.split_once('('));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    assert_eq!(defined(&read("mongodb.find, count; github.get_issue")), ["find", "count", "get_issue"]);
    assert_eq!(defined(&read("google_workspace.pyi, get_events, manage_event")), ["get_events", "manage_event"]);
    let gmail = defined(&read("google_workspace.*gmail*"));
    assert!(gmail.len() == 14 && gmail.iter().all(|name| name.contains("gmail")), "{gmail:?}");
}

#[test]
fn a_long_file_is_shown_by_names_and_a_short_one_whole() {
    let namespace = all_catalogs();
    let names = read(&namespace, "google_workspace.pyi").unwrap();
    assert!(names.starts_with("# google_workspace.pyi has 119 tools. "), "{names}");
    assert!(names.contains(", get_events, manage_event, ") && tokens(&names) < 800, "{}", tokens(&names));
    let whole = read(&namespace, "google_workspace.pyi:1").unwrap();
    assert!(whole.starts_with("# 119 tools. ") && tokens(&whole) > 2_500);
    let short = read(&namespace, "sqlite.read_query").unwrap();
    assert_eq!(short, read(&namespace, "sqlite.pyi").unwrap());
    for server in namespace.servers() {
        let shown = tokens(&read(&namespace, &server.name).unwrap());
        assert!(shown < 2_600, "{}: {shown}", server.name);
    }
}

#[test]
fn docs_say_what_the_stub_leaves_out_and_suggest_names() {
    let files = StubFiles::new(Arc::new(all_catalogs()), Layouts::default());
    let docs = files.docs(None, "atlassian.jira_search", ROOM).unwrap();
    assert!(docs.starts_with("# atlassian.jira_search, beyond its stub\n"), "{docs}");
    assert!(!docs.contains("def ") && !docs.contains("Search Jira issues using JQL"), "{docs}");
    assert!(docs.contains("Comma-separated list of project keys"), "{docs}");
    assert_eq!(files.docs(Some("atlassian"), "jira_search", ROOM).unwrap(), docs);
    let all = files.docs(None, "sqlite.list_tables", ROOM).unwrap();
    assert!(all.starts_with("# sqlite.list_tables: its stub says all there is\n# 1 of 6 tools. "), "{all}");
    let error = |server, tool| files.docs(server, tool, ROOM).unwrap_err().to_string();
    assert_eq!(
        error(Some("github"), "get_isue"),
        "no stub file or tool \"github.get_isue\"; did you mean github.get_issue?"
    );
    assert!(error(None, "create_sheet").contains("did you mean excel.create_sheet or google_workspace.create_sheet?"));
    assert!(error(Some("gihub"), "get_issue").contains("did you mean github.pyi?"));
}

#[test]
fn an_unknown_file_names_the_closest() {
    let namespace = all_catalogs();
    let message = |file: &str| read(&namespace, file).unwrap_err().to_string();
    assert_eq!(message("mongo.pyi"), "no stub file or tool \"mongo.pyi\"; did you mean mongodb.pyi?");
    let close = "no stub file or tool \"git/git_stats.pyi\"; did you mean git.git_status?";
    assert_eq!(message("git/git_stats.pyi"), close);
    let none = "no stub file or tool \"../etc/passwd\"; listToolFiles lists and finds them";
    assert_eq!(message("../etc/passwd"), none);
    let listed = message("sqlite.zzz");
    assert!(
        listed.ends_with(
            "; its tools: read_query, write_query, create_table, list_tables, describe_table, append_insight"
        )
    );
    let misspelt = message("githb.create_issue");
    assert!(misspelt.contains("did you mean github.create_issue"), "{misspelt}");
    let elsewhere = message("get_pull_requests");
    assert!(elsewhere.contains("did you mean github.get_pull_request"), "{elsewhere}");
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
        read(&before, "a_b.pyi").unwrap_err().to_string(),
        "the server a_b is still starting; try again in a few seconds"
    );
    assert!(!list(&after, &Layouts::default(), None).contains("starting"));
}

/// Says of every tool how often it was asked to change its mind.
#[derive(Debug, Default)]
struct Minds(AtomicU64);

impl LearnedAnswers for Minds {
    fn shape(&self, server: &str, _: &Tool) -> Option<String> {
        Some(format!("{{\"{server}\": int}}  # seen {} times\n\"\"\"", self.version()))
    }

    fn version(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn what_is_learned_of_answers_is_a_line_of_its_tool_and_follows_what_is_known() {
    let namespace = Arc::new(all_catalogs());
    let minds = Arc::new(Minds::default());
    let plain = StubFiles::new(Arc::clone(&namespace), Layouts::default());
    let told = StubFiles::new(Arc::clone(&namespace), Layouts::default()).with_answers(Arc::clone(&minds) as _);
    let (mut untold, mut differ) = (0, 0);
    for server in namespace.servers() {
        let file = format!("{}.pyi", server.python_name);
        let read = |files: &StubFiles| files.read(&format!("{file}:1"), ROOM).unwrap();
        let line = format!("answers {{\"{}\": int}} # seen 0 times", server.name);
        untold += server.tools().iter().filter(|tool| exuvia_catalog::is_untold(&tool.descriptor)).count();
        differ += read(&told).matches(&line).count();
        assert!(!read(&plain).contains("# seen"), "{file}");
        minds.0.store(9, Ordering::SeqCst);
        assert!(!read(&told).contains("seen 0 times"), "{file}");
        minds.0.store(0, Ordering::SeqCst);
    }
    assert!(untold > 200, "{untold}");
    assert_eq!(differ, untold, "each such tool has one line");
    assert!(told.list(Some("create issue"), ROOM).contains("answers {"));
    assert!(!plain.list(Some("create issue"), ROOM).contains("answers {"));
}

#[test]
fn notes_stand_where_tools_of_their_server_are_found_or_read_once_each() {
    let notes = "Tables: orders(id, total)\n\n  customers(id, name)  \n";
    let layouts = Layouts::default().with_notes("sqlite", notes);
    let files = StubFiles::new(Arc::new(all_catalogs()), layouts);
    let shown = "# sqlite: Tables: orders(id, total)\n#   customers(id, name)\n";
    let hits = files.list(Some("run an sql query; describe a table of the sqlite database"), ROOM);
    assert_eq!(hits.matches(shown).count(), 1, "{hits}");
    let [before, after] = [hits.find(shown), hits.find("sqlite.")].map(|place| place.expect("it is there"));
    assert!(before < after, "{hits}");
    // A stub is of one server.
    let shown = "# Tables: orders(id, total)\n#   customers(id, name)\n";
    for name in ["sqlite.pyi", "sqlite.read_query"] {
        let stub = files.read(name, ROOM).expect("a stub");
        assert_eq!(stub.lines().skip(1).take(2).collect::<Vec<_>>(), shown.lines().collect::<Vec<_>>(), "{stub}");
    }
    let without = files.list(Some("list pods"), ROOM);
    assert!(
        !without.contains("Tables:") && !files.docs(None, "sqlite.read_query", ROOM).expect("docs").contains("Tables:")
    );
    assert!(!files.read("git.pyi", ROOM).expect("a stub").contains("Tables:"));
}

#[test]
fn a_wrong_name_among_others_is_named_and_the_others_are_shown() {
    let namespace = all_catalogs();
    let shown = read(&namespace, r#"["sqlite.nosuch", "sqlite.read_query(query: str) -> Any", "git.pyi"]"#).unwrap();
    assert!(shown.contains("def read_query(") && shown.contains("def git_status("), "{shown}");
    assert!(shown.contains("\n# no stub file or tool \"sqlite.nosuch\"; its tools: "), "{shown}");
    assert!(read(&namespace, "sqlite.nosuch, nosuch").is_err());
}

#[test]
fn what_a_pattern_fits_is_bounded_as_a_file_is() {
    let namespace = all_catalogs();
    let all = read(&namespace, "*").unwrap();
    assert!(all.len() < 12_000 && all.contains("# atlassian, 98 tools fit; "), "{}", all.len());
    let some = read(&namespace, "atlassian.*").unwrap();
    assert!(some.len() < 9_000 && some.contains("jira_search"), "{}", some.len());
    assert!(read(&namespace, "git.*branch*").unwrap().contains("def git_branch("));
}

#[test]
fn docs_of_several_tools_are_given_and_a_server_is_told_from_a_tool() {
    let files = StubFiles::new(Arc::new(all_catalogs()), Layouts::default());
    let docs = files.docs(None, "mongodb.find, git.nosuch, github.create_issue", ROOM).unwrap();
    for part in ["# mongodb.find", "# github.create_issue", "# no stub file or tool \"git.nosuch\""] {
        assert!(docs.contains(part), "{part}: {docs}");
    }
    let error = files.docs(None, "sqlite.pyi", ROOM).unwrap_err().to_string();
    assert!(
        error.starts_with("\"sqlite.pyi\" is a server, which readToolFile shows; name one of its tools: read_query"),
        "{error}"
    );
}
