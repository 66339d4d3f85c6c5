//! The one line that a stub has on what a tool does.

use exuvia_tool::Tool;

use crate::common::{Common, MAX_SENTENCES};
use crate::text;

/// How many parameters of a tool are looked at.
const MAX_PARAMETERS: usize = 100;

/// The longest summary, in characters.
const MAX_CHARS: usize = 120;

/// Words that add nothing to a name.
const FILLERS: [&str; 15] =
    ["a", "an", "and", "by", "for", "from", "in", "of", "on", "s", "the", "this", "to", "tool", "with"];

/// Words that say nothing beside a signature.
const VAGUE: [&str; 26] = [
    "add",
    "adds",
    "all",
    "create",
    "creates",
    "detail",
    "details",
    "existing",
    "fetch",
    "get",
    "gets",
    "given",
    "information",
    "list",
    "lists",
    "new",
    "one",
    "option",
    "options",
    "retrieve",
    "retrieves",
    "return",
    "returns",
    "specific",
    "specified",
    "your",
];

/// Beginnings that every tool could have.
const OPENINGS: [&str; 5] = ["This tool is used to ", "This tool ", "Use this tool to ", "A tool to ", "Tool to "];

/// The first sentence of the description that says something: no heading, nothing that many tools of the server say, nothing
/// that the name says. None if there is none.
pub(crate) fn sentence(tool: &Tool, common: &Common) -> Option<String> {
    let descriptor = &tool.descriptor;
    let written = descriptor.description.as_deref().filter(|text| !text.trim().is_empty());
    let statements = text::statements(written.or(descriptor.title.as_deref()).unwrap_or(""));
    let mut has_prose = false;
    for statement in statements.into_iter().take(MAX_SENTENCES) {
        if statement.is_heading {
            // What follows is about parameters, errors or examples.
            if has_prose {
                return None;
            }
            continue;
        }
        has_prose = true;
        let sentence = plain(common.without_prefix(&statement.text));
        if !common.has_sentence(&statement.text) && says_more(sentence, &descriptor.name) {
            return Some(capitalized(text::cut(sentence, MAX_CHARS)));
        }
    }
    None
}

/// How sentences begin that say what a tool answers.
const OF_ANSWERS: [&str; 8] =
    ["Each entry ", "Each item ", "Each result ", "Result ", "Results ", "Returns ", "The result ", "The output "];

/// The longest sentence of an answer, in characters.
const MAX_ANSWER_CHARS: usize = 160;

/// The first sentence of the description that says what the tool answers and is not `summary`. For tools whose schemas do not.
pub(crate) fn answer(tool: &Tool, common: &Common, summary: Option<&str>) -> Option<String> {
    let statements = text::statements(tool.descriptor.description.as_deref()?);
    let prose = statements.into_iter().take(MAX_SENTENCES).take_while(|statement| !statement.is_heading);
    let sentences = prose.filter(|statement| !common.has_sentence(&statement.text)).map(|statement| statement.text);
    let mut of_answers = sentences.filter(|text| OF_ANSWERS.iter().any(|beginning| text.starts_with(beginning)));
    let found = text::cut(&of_answers.next()?, MAX_ANSWER_CHARS);
    (!summary.is_some_and(|summary| found.starts_with(summary.trim_end_matches('…')))).then_some(found)
}

/// Whether a sentence says more than what stands beside it: the names of the tool, of its server and of its parameters.
pub(crate) fn informs(sentence: &str, tool: &Tool, common: &Common) -> bool {
    let parameters = tool.parameters.iter().take(MAX_PARAMETERS).map(|parameter| parameter.name.as_str());
    let known = text::known(parameters.chain([tool.name(), common.server_name()]));
    // `GitHub` is one word beside a server of that name.
    text::words(&sentence.to_lowercase()).iter().any(|word| !is_vague(word) && !text::is_known(word, &known))
}

fn is_vague(word: &str) -> bool {
    FILLERS.contains(&word) || VAGUE.contains(&word)
}

/// The tool's claim that calling it may destroy something.
pub(crate) fn claim(tool: &Tool) -> Option<&'static str> {
    let annotations = tool.descriptor.annotations;
    (annotations.destructive == Some(true) && annotations.read_only != Some(true)).then_some("destructive")
}

fn says_more(sentence: &str, name: &str) -> bool {
    let name = text::words(name);
    let is_known = |word: &String| FILLERS.contains(&word.as_str()) || name.contains(word);
    !text::words(sentence).iter().all(is_known)
}

fn plain(sentence: &str) -> &str {
    OPENINGS.iter().find_map(|opening| sentence.strip_prefix(opening)).unwrap_or(sentence)
}

fn capitalized(sentence: String) -> String {
    let mut chars = sentence.chars();
    match chars.next() {
        Some(first) if first.is_lowercase() => first.to_uppercase().chain(chars).collect(),
        _ => sentence,
    }
}

#[cfg(test)]
mod tests {
    use exuvia_test_support::descriptor;
    use serde_json::json;

    use super::*;

    fn summaries(tools: &[(&str, &str)]) -> Vec<Option<String>> {
        let tools = tools.iter().map(|(name, text)| descriptor(&json!({"name": name, "description": text}))).collect();
        let namespace = crate::build(vec![("crm".to_owned(), tools)]);
        let server = &namespace.servers()[0];
        let common = Common::of(server);
        server.tools().iter().map(|tool| sentence(tool, &common)).collect()
    }

    fn summary(name: &str, description: &str) -> Option<String> {
        summaries(&[(name, description)]).remove(0)
    }

    #[test]
    fn headings_are_passed_over() {
        let hubspot = "🛡️ Guardrails:\n  1. Data is sensitive.\n\n🎯 Purpose:\n  1. Retrieves companies.";
        assert_eq!(summary("get", hubspot).unwrap(), "Data is sensitive");
        assert_eq!(summary("get", "# Weather\n\n**Purpose**\n\nReads the weather.").unwrap(), "Reads the weather");
    }

    #[test]
    fn what_the_name_says_is_passed_over_and_what_follows_a_heading_as_well() {
        assert_eq!(summary("delete_issue", "Delete an issue. It cannot be undone.").unwrap(), "It cannot be undone");
        assert_eq!(summary("delete_issue", "Delete the issue.\n\nArgs:\n    key: Its key."), None);
        assert_eq!(summary("run", "This tool runs a job.").unwrap(), "Runs a job");
    }

    #[test]
    fn what_a_tool_answers_is_a_sentence_of_its_own() {
        let answer = |text: &str| {
            let namespace =
                crate::build(vec![("crm".to_owned(), vec![descriptor(&json!({"name": "tree", "description": text}))])]);
            let server = &namespace.servers()[0];
            let common = Common::of(server);
            let summary = sentence(&server.tools()[0], &common);
            super::answer(&server.tools()[0], &common, summary.as_deref())
        };
        let tree = "Draws a tree as JSON. Each entry has 'name' and 'children'. Files have none.";
        assert_eq!(answer(tree).as_deref(), Some("Each entry has 'name' and 'children'"));
        assert_eq!(answer("Returns what grows. It is slow."), None, "that is what it does");
        assert_eq!(answer("Grows.\n\nArgs:\n    kind: Returns early if none.\n\nReturns:\n    str: A tree."), None);
    }

    #[test]
    fn what_many_tools_say_is_passed_over() {
        let same = "All calls are billed. ";
        let names = ["alpha", "beta", "gamma", "delta"];
        let texts = names.map(|name| format!("{same}Reads the {name} particles."));
        let tools: Vec<(&str, &str)> = names.into_iter().zip(texts.iter().map(String::as_str)).collect();
        assert_eq!(summaries(&tools)[3].as_deref(), Some("Reads the delta particles"));
        assert_eq!(summaries(&tools[..3])[2].as_deref(), Some("All calls are billed"));
        let texts = names.map(|name| format!("Physics | Reads {name} decays"));
        let tools: Vec<(&str, &str)> = names.into_iter().zip(texts.iter().map(String::as_str)).collect();
        assert_eq!(summaries(&tools)[0].as_deref(), Some("Reads alpha decays"));
    }
}
