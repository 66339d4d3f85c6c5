//! What `exuvia check` prints, for people and for machines.

use std::fmt::Write as _;

use exuvia_analysis::{Evidence, Finding, Note, Reason};
use exuvia_gateway::{Checked, Verdict};
use exuvia_policy::Standing;
use exuvia_text::{indented, line};
use exuvia_tool::{Namespace, Server, Tool, ToolName};
use indexmap::IndexSet;
use serde::Serialize;

/// Before the lines of a text that has several: none of them begins where ours do.
const INDENT: &str = "    ";

/// For people: the tools that the script names, what else it may reach, what is wrong with it, and what becomes of it.
pub(crate) fn told(checked: &Checked, visible: &Namespace) -> String {
    let mut text = named(checked);
    let reasons = checked.analysis.precision.reasons();
    if !reasons.is_empty() {
        let _ = writeln!(text, "may reach {}, because", line(&reached(checked, visible)));
        for Reason { line, text: reason, .. } in reasons {
            let _ = writeln!(text, "  line {line}: {}", indented(reason, INDENT));
        }
    }
    if !checked.analysis.findings.is_empty() {
        text.push_str("fails for certain\n");
        for Finding { line, message, .. } in &checked.analysis.findings {
            let _ = writeln!(text, "  line {line}: {}", indented(message, INDENT));
        }
    }
    for Note { line, message } in &checked.analysis.notes {
        let _ = writeln!(text, "note on line {line}: {}", indented(message, INDENT));
    }
    let _ = writeln!(text, "verdict: {}", indented(&sentence(&checked.verdict), INDENT));
    for needed in lines_that_allow(&checked.verdict) {
        let _ = writeln!(text, "  {}", line(needed));
    }
    text
}

fn named(checked: &Checked) -> String {
    let may_call = &checked.analysis.may_call;
    let rows: Vec<_> = may_call
        .named()
        .map(|tool| (line(&tool.to_string()), lines(may_call.evidence(&tool)), line(&standing(checked, &tool))))
        .collect();
    let width = |cell: fn(&(String, String, String)) -> &str| {
        rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or_default()
    };
    let (tools, places) = (width(|row| &row.0), width(|row| &row.1));
    let mut text = if rows.is_empty() { "names no tool\n" } else { "names these tools\n" }.to_owned();
    for (tool, place, standing) in &rows {
        let _ = writeln!(text, "  {tool:tools$}  {place:places$}  {standing}");
    }
    text
}

/// `crm.* and billing.get_invoice`: everything that it may call, named or not.
fn reached(checked: &Checked, visible: &Namespace) -> String {
    let reaches = |server: &Server, tool: &Tool| {
        checked.analysis.may_call.contains(&ToolName::new(server.name.clone(), tool.name()))
    };
    let of_server = |server: &Server| -> Vec<String> {
        let tools: Vec<&Tool> = server.tools().iter().filter(|tool| reaches(server, tool)).collect();
        match tools.len() {
            all if all == server.tools().len() && all > 0 => vec![format!("{}.*", server.name)],
            _ => tools.iter().map(|tool| format!("{}.{}", server.name, tool.name())).collect(),
        }
    };
    visible.servers().iter().flat_map(of_server).collect::<Vec<_>>().join(", ")
}

fn lines(evidence: &[Evidence]) -> String {
    let lines: IndexSet<u32> = evidence.iter().filter(|one| one.kind.names_the_tool()).map(|one| one.line).collect();
    let lines: Vec<String> = lines.iter().map(u32::to_string).collect();
    format!("line {}", lines.join(", "))
}

fn standing(checked: &Checked, tool: &ToolName) -> String {
    checked
        .standings
        .get(tool)
        .map_or_else(String::new, |standing| format!("{}: {}", word(standing), standing.why(tool)))
}

fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Listed(_) => "listed",
        Standing::Unlisted(_) => "unlisted",
        Standing::Denied(_) => "denied",
        Standing::Hidden => "hidden",
    }
}

fn sentence(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Starts(_) => "it starts by itself".to_owned(),
        Verdict::Wrong(_) => "it is not run: it cannot work".to_owned(),
        Verdict::TooLarge(stop) => format!("it is not run: {}", stop.message),
        Verdict::Waits(_) => {
            "it does not start: it needs an approval, which nobody can give yet; this would let it run by itself:"
                .to_owned()
        }
        Verdict::Refused(denials) => {
            let tools: Vec<String> = denials.iter().map(|denial| denial.tool.to_string()).collect();
            format!("it is refused, for {}", tools.join(", "))
        }
    }
}

fn lines_that_allow(verdict: &Verdict) -> IndexSet<&str> {
    match verdict {
        Verdict::Waits(holds) => holds.iter().map(|hold| hold.allow.as_str()).collect(),
        _ => IndexSet::new(),
    }
}

/// For machines. Always the same keys.
#[derive(Serialize)]
pub(crate) struct CheckJson<'a> {
    /// `starts`, `wrong`, `too-large`, `waits` or `refused`.
    verdict: &'static str,
    may_call: Vec<MayCallJson<'a>>,
    precise: bool,
    /// Why it is not.
    reasons: &'a [Reason],
    findings: &'a [Finding],
    /// Where calls do not run side by side although they are meant to.
    notes: &'a [Note],
    /// The lines of configuration that would let it run by itself.
    allow: IndexSet<&'a str>,
}

#[derive(Serialize)]
struct MayCallJson<'a> {
    server: String,
    tool: String,
    evidence: &'a [Evidence],
    standing: &'static str,
    rule: String,
}

impl<'a> CheckJson<'a> {
    pub(crate) fn new(checked: &'a Checked) -> Self {
        let analysis = &checked.analysis;
        let may_call = |(tool, evidence): (ToolName, &'a [Evidence])| {
            let standing = checked.standings.get(&tool).unwrap_or(&Standing::Hidden);
            let (standing, rule) = (word(standing), standing.why(&tool));
            MayCallJson { server: tool.server, tool: tool.tool, evidence, standing, rule }
        };
        Self {
            verdict: match &checked.verdict {
                Verdict::Starts(_) => "starts",
                Verdict::Wrong(_) => "wrong",
                Verdict::TooLarge(_) => "too-large",
                Verdict::Waits(_) => "waits",
                Verdict::Refused(_) => "refused",
            },
            may_call: analysis.may_call.iter().map(may_call).collect(),
            precise: analysis.precision.is_precise(),
            reasons: analysis.precision.reasons(),
            findings: &analysis.findings,
            notes: &analysis.notes,
            allow: lines_that_allow(&checked.verdict),
        }
    }
}
