//! Searching for tools in everyday words.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use exuvia_catalog::files::{Layouts, StubFiles};
use exuvia_test_support::{Catalog, assert_snapshot, catalogs};

const ROOM: usize = 1 << 20;

/// `words | server.tool server.tool`, one search a line.
const SEARCHES: &str = include_str!("searches.txt");

static FILES: LazyLock<StubFiles> = LazyLock::new(|| {
    let namespace = exuvia_catalog::build(catalogs().iter().map(Catalog::server).collect());
    StubFiles::new(Arc::new(namespace), Layouts::default())
});

fn answer(query: &str) -> String {
    FILES.list(Some(query), ROOM)
}

/// The tools whose signatures an answer shows, in its order.
fn hits(answer: &str) -> Vec<&str> {
    let name = |line: &'_ str| line.find('(').filter(|_| line.contains(") -> "));
    let names = answer.lines().filter_map(|line| Some(&line[..name(line)?]));
    names.filter(|name| name.contains('.') && !name.contains(' ')).collect()
}

fn tokens(text: &str) -> usize {
    tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len()
}

struct Search {
    query: &'static str,
    wanted: Vec<&'static str>,
}

fn searches() -> Vec<Search> {
    let lines = SEARCHES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('|'));
    lines.map(|(query, wanted)| Search { query: query.trim(), wanted: wanted.split_whitespace().collect() }).collect()
}

#[test]
fn searches_in_everyday_words_find_the_right_tool_among_the_first_five() {
    let (mut found, mut missed) = (0, Vec::new());
    let searches = searches();
    for (place, search) in searches.iter().enumerate() {
        let answer = answer(search.query);
        let hits = hits(&answer);
        if hits.iter().take(5).any(|hit| search.wanted.contains(hit)) {
            found += 1;
        } else {
            missed.push(format!("{}: {hits:?}", search.query));
        }
        if place + 1 == 40 {
            assert!(found >= 36, "{found} of 40: {missed:#?}");
        }
    }
    assert_eq!(searches.len(), 108);
    assert!(found * 100 >= searches.len() * 92, "{found} of {}: {missed:#?}", searches.len());
}

#[test]
fn an_answer_is_a_few_signatures_within_its_bound() {
    let mut costs: Vec<usize> = Vec::new();
    for search in searches() {
        let answer = answer(search.query);
        let hits = hits(&answer);
        assert!((1..=6).contains(&hits.len()), "{}: {answer}", search.query);
        costs.push(tokens(&answer));
    }
    costs.sort_unstable();
    let (median, most) = (costs[costs.len() / 2], costs[costs.len() - 1]);
    assert!(median <= 600 && most <= 1_600, "median {median}, most {most}");
}

/// For each search the place of the right tool, and what the answer costs.
#[test]
fn ranks_and_costs_are_as_recorded() {
    let mut table = "| search | place | hits | tokens |\n|---|---|---|---|\n".to_owned();
    let (mut hits_in_all, mut tokens_in_all) = (0, 0);
    for search in searches() {
        let answer = answer(search.query);
        let (hits, tokens) = (hits(&answer), tokens(&answer));
        let place = hits.iter().position(|hit| search.wanted.contains(hit));
        let place = place.map_or_else(|| "-".to_owned(), |place| (place + 1).to_string());
        table.push_str(&format!("| {} | {place} | {} | {tokens} |\n", search.query, hits.len()));
        hits_in_all += hits.len();
        tokens_in_all += tokens;
    }
    table.push_str(&format!("| sum | | {hits_in_all} | {tokens_in_all} |\n"));
    assert_snapshot(Path::new("tests/snapshots/searches.md"), &table);
}

#[test]
fn answers_are_as_recorded() {
    let queries = [
        "schedule a meeting",
        "count documents; create index",
        "email",
        "read a file",
        "frobnicate the zzyzx",
        "create a page in notion",
    ];
    let answers: String = queries.iter().map(|query| format!("? {query}\n{}\n", answer(query))).collect();
    assert_snapshot(Path::new("tests/snapshots/search.txt"), &answers);
}

#[test]
fn what_all_tools_of_a_server_take_says_nothing_of_one_of_them() {
    let answer = answer("email");
    assert!(!hits(&answer).is_empty() && hits(&answer).iter().all(|hit| hit.contains("gmail")), "{answer}");
    let more = answer.rsplit_once(" and ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<usize>().ok());
    assert!(more.is_none_or(|more| more < 30), "{answer}");
}

#[test]
fn several_queries_are_answered_apart_and_a_tool_is_shown_once() {
    let answer = answer("count documents in a collection; count documents; list git branches");
    assert!(
        answer.contains("# count documents in a collection\n") && answer.contains("# list git branches\n"),
        "{answer}"
    );
    let hits = hits(&answer);
    let mut once = hits.clone();
    once.sort_unstable();
    once.dedup();
    assert!(once.len() == hits.len() && hits.len() <= 9, "{answer}");
    assert!(hits.contains(&"mongodb.count") && hits.contains(&"git.git_branch"), "{answer}");
}

#[test]
fn what_a_request_leaves_out_is_said() {
    let queries = ["list git branches", "list git branches", "3", "4", "5", "6", "send mail", "take notes"];
    let found = answer(&queries.join("; "));
    assert!(found.contains("# list git branches\n# shown above: git.git_branch"), "{found}");
    assert!(found.ends_with("# not searched, ask again: send mail; take notes\n"), "{found}");
    assert!(!answer("list git branches; send mail").contains("# not searched"));
    assert_eq!(answer(" ;;; "), FILES.list(None, ROOM));
}

#[test]
fn words_count_whatever_their_endings() {
    for query in ["merging pull requests", "merge pull request", "merged PRs"] {
        assert_eq!(hits(&answer(query))[0], "github.merge_pull_request", "{query}");
    }
}
