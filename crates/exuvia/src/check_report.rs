//! What `exuvia check` prints, for people and for machines.

use std::fmt::Write as _;

use exuvia_analysis::{Evidence, Finding, Note, Reason};
use exuvia_gateway::{AdmissionVerdict, Checked};
use exuvia_policy::{Classification, OnUnlisted};
use exuvia_text::{indented, line};
use exuvia_tool::{Namespace, Server, Tool, ToolName};
use indexmap::IndexSet;
use serde::Serialize;

/// Before the lines of a text that has several: none of them begins where ours do.
const INDENT: &str = "    ";

/// What a script or a tool is that no list allows and none denies.
const NEEDS_APPROVAL: &str = "needs_approval";

/// For people: the tools that the script names, what else it may reach, what is wrong with it, and what becomes of it.
pub(crate) fn check_text(checked: &Checked, visible: &Namespace) -> String {
    let mut text = named(checked);
    let reasons = checked.analysis.precision.reasons();
    if !reasons.is_empty() {
        let _ = writeln!(text, "may also call {}, because:", line(&reached(checked, visible)));
        for Reason { line, text: reason, .. } in reasons {
            let _ = writeln!(text, "  line {line}: {}", indented(reason, INDENT));
        }
    }
    if !checked.analysis.findings.is_empty() {
        text.push_str("errors:\n");
        for Finding { line, message, .. } in &checked.analysis.findings {
            let _ = writeln!(text, "  line {line}: {}", indented(message, INDENT));
        }
    }
    for Finding { line, message, .. } in &checked.analysis.caught {
        let _ = writeln!(text, "note on line {line}: fails and is caught: {}", indented(message, INDENT));
    }
    for Note { line, message, .. } in &checked.analysis.notes {
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
        .referenced()
        .map(|tool| (line(&tool.to_string()), lines(may_call.evidence(&tool)), line(&standing(checked, &tool))))
        .collect();
    let width = |cell: fn(&(String, String, String)) -> &str| {
        rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or_default()
    };
    let (tools, places) = (width(|row| &row.0), width(|row| &row.1));
    let mut text = if rows.is_empty() { "no tool is referenced\n" } else { "referenced tools:\n" }.to_owned();
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
        .classifications
        .get(tool)
        .map_or_else(String::new, |standing| format!("{}: {}", word(standing), standing.why(tool)))
}

fn word(standing: &Classification) -> &'static str {
    match standing {
        Classification::Listed(_) => "allowed",
        Classification::Denied(_) | Classification::Unlisted(OnUnlisted::Deny) => "denied",
        Classification::Unlisted(_) => NEEDS_APPROVAL,
        Classification::Hidden => "hidden",
    }
}

fn sentence(verdict: &AdmissionVerdict) -> String {
    match verdict {
        AdmissionVerdict::Allowed(_) => "allowed".to_owned(),
        AdmissionVerdict::Invalid(_) => "invalid".to_owned(),
        AdmissionVerdict::TooLarge(stop) => format!("too large: {}", stop.message),
        AdmissionVerdict::NeedsApproval(_) => "needs approval; this setting allows the script without one:".to_owned(),
        AdmissionVerdict::Denied(denials) => {
            let tools: Vec<String> = denials.iter().map(|denial| denial.tool.to_string()).collect();
            format!("denied: {}", tools.join(", "))
        }
    }
}

fn lines_that_allow(verdict: &AdmissionVerdict) -> IndexSet<&str> {
    match verdict {
        AdmissionVerdict::NeedsApproval(holds) => holds.iter().map(|hold| hold.allow.as_str()).collect(),
        _ => IndexSet::new(),
    }
}

/// For machines. Always the same keys.
#[derive(Serialize)]
pub(crate) struct CheckJson<'a> {
    /// `allowed`, `invalid`, `too_large`, `needs_approval` or `denied`.
    verdict: &'static str,
    may_call: Vec<MayCallJson<'a>>,
    precise: bool,
    /// Why it is not.
    reasons: &'a [Reason],
    findings: &'a [Finding],
    /// Those that the script catches.
    caught: &'a [Finding],
    /// Where calls do not run side by side although they are meant to.
    notes: &'a [Note],
    /// The lines of configuration that would allow it.
    allow: IndexSet<&'a str>,
}

#[derive(Serialize)]
struct MayCallJson<'a> {
    server: String,
    tool: String,
    evidence: &'a [Evidence],
    /// `allowed`, `needs_approval`, `denied` or `hidden`.
    standing: &'static str,
    rule: String,
}

impl<'a> CheckJson<'a> {
    pub(crate) fn new(checked: &'a Checked) -> Self {
        let analysis = &checked.analysis;
        let may_call = |(tool, evidence): (ToolName, &'a [Evidence])| {
            let standing = checked.classifications.get(&tool).unwrap_or(&Classification::Hidden);
            let (standing, rule) = (word(standing), standing.why(&tool));
            MayCallJson { server: tool.server, tool: tool.tool, evidence, standing, rule }
        };
        Self {
            verdict: match &checked.verdict {
                AdmissionVerdict::Allowed(_) => "allowed",
                AdmissionVerdict::Invalid(_) => "invalid",
                AdmissionVerdict::TooLarge(_) => "too_large",
                AdmissionVerdict::NeedsApproval(_) => NEEDS_APPROVAL,
                AdmissionVerdict::Denied(_) => "denied",
            },
            may_call: analysis.may_call.iter().map(may_call).collect(),
            precise: analysis.precision.is_precise(),
            reasons: analysis.precision.reasons(),
            findings: &analysis.findings,
            caught: &analysis.caught,
            notes: &analysis.notes,
            allow: lines_that_allow(&checked.verdict),
        }
    }
}
