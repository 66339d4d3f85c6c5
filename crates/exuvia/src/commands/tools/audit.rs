//! `exuvia tools audit`: what an operator should look at before a model does.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use exuvia_admin::{SurveyedServer, SurveyedTool};
use exuvia_config::PinMode;
use exuvia_gateway::meta;
use exuvia_pins::{AuditedServer, Deviation, Difference, Finding, Rule, Severity, Standing};
use exuvia_text::{line, quoted};
use exuvia_tool::ToolDescriptor;
use serde_json::{Value, json};

use super::survey::survey;
use crate::args::ToolListArgs;
use crate::{exit, terminal};

/// A server did not start, so that not all was read.
const INCOMPLETE: u8 = 1;
/// How much of a text is shown, in characters.
const SHOWN_CHARS: usize = 300;

/// A finding, and for a tool that changed what did.
struct Found<'a> {
    finding: Finding,
    tool: Option<&'a SurveyedTool>,
}

pub(super) async fn audit(args: ToolListArgs, ignored: Vec<String>) -> Result<ExitCode> {
    let ignored = ignored.iter().map(|text| Ignored::parse(text)).collect::<Result<Vec<Ignored<'_>>>>()?;
    let servers = survey(args.servers).await?;
    let mut found = found(&servers);
    let all = found.len();
    found.retain(|found| !ignored.iter().any(|ignored| ignored.is_about(&found.finding)));
    let ignored = all - found.len();
    let count = |severity| found.iter().filter(|found| found.finding.severity() == severity).count();
    let counts = [count(Severity::High), count(Severity::Medium), count(Severity::Low)];
    if args.json {
        terminal::print_json(&audit_json(&servers, &found, counts, ignored).to_string())?;
    } else {
        let text: String = found.iter().map(found_text).chain([summary(&servers, counts, ignored)]).collect();
        stdout().write_all(text.as_bytes()).context("standard output")?;
    }
    Ok(match (counts[0], servers.iter().all(|server| server.is_ready)) {
        (0, true) => ExitCode::SUCCESS,
        (0, false) => INCOMPLETE.into(),
        _ => exit::DENIED.into(),
    })
}

/// Findings that the operator has looked at.
struct Ignored<'a> {
    rule: Rule,
    /// Of everything, or of this server or tool.
    name: Option<&'a str>,
}

impl<'a> Ignored<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let (code, name) = text.split_once(':').map_or((text, None), |(code, name)| (code, Some(name)));
        let rule = Rule::ALL.iter().copied().find(|rule| rule.code() == code);
        let all = || Rule::ALL.iter().map(|rule| rule.code()).collect::<Vec<_>>().join(", ");
        let rule = rule.with_context(|| format!("--ignore: unknown rule {}; rules: {}", quoted(code, 100), all()))?;
        Ok(Self { rule, name })
    }

    fn is_about(&self, finding: &Finding) -> bool {
        let is_named = |text: &str| text == finding.server || text == name(finding);
        self.rule == finding.rule && self.name.is_none_or(is_named)
    }
}

/// What is found in the tools that anybody is shown, the worst first.
fn found(servers: &[SurveyedServer]) -> Vec<Found<'_>> {
    let shown = |server: &SurveyedServer| -> Vec<Arc<ToolDescriptor>> {
        server.tools.iter().filter(|tool| tool.is_shown).map(|tool| Arc::clone(&tool.descriptor)).collect()
    };
    let tools: Vec<Vec<Arc<ToolDescriptor>>> = servers.iter().map(shown).collect();
    let audited = servers.iter().zip(&tools).map(|(server, tools)| AuditedServer { name: &server.name, tools });
    let own = meta::TOOLS.map(|tool| tool.name);
    let texts = exuvia_pins::audit(&audited.collect::<Vec<_>>(), &own);
    let mut found: Vec<Found<'_>> = servers.iter().flat_map(about_server).collect();
    found.extend(texts.into_iter().map(|finding| Found { finding, tool: None }));
    found.sort_by_key(|found| std::cmp::Reverse(found.finding.severity()));
    found
}

/// What there is to say of a server's pins and of what was left out of its list.
fn about_server(server: &SurveyedServer) -> Vec<Found<'_>> {
    let finding = |rule: Rule, tool: Option<&SurveyedTool>, place: String, text: String| {
        let (server, tool, others) = (server.name.clone(), tool.map(|tool| tool.descriptor.name.clone()), Vec::new());
        Finding { rule, server, tool, place, text, others }
    };
    let warning = |warning: &String| finding(Rule::Omitted, None, "list".to_owned(), warning.clone());
    let mut found: Vec<Found<'_>> =
        server.warnings.iter().map(|text| Found { finding: warning(text), tool: None }).collect();
    if let Some(trouble) = &server.trouble {
        let finding = finding(Rule::UnpinnedTool, None, "pins".to_owned(), trouble.clone());
        found.push(Found { finding, tool: None });
    }
    if server.pin == PinMode::Off || server.trouble.is_some() {
        return found;
    }
    for tool in &server.tools {
        let (rule, place) = match &tool.standing {
            Standing::Pinned(_) => continue,
            Standing::Deviates(Deviation::Changed(parts)) => {
                (Rule::ChangedTool, parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(", "))
            }
            Standing::Deviates(Deviation::New) => (Rule::NewTool, String::new()),
            Standing::Deviates(_) | Standing::Unknown => (Rule::UnpinnedTool, String::new()),
        };
        found.push(Found { finding: finding(rule, Some(tool), place, String::new()), tool: Some(tool) });
    }
    found
}

fn name(finding: &Finding) -> String {
    match &finding.tool {
        Some(tool) => format!("{}.{tool}", finding.server),
        None => finding.server.clone(),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
    }
}

/// A line for what it is, one for what it means with the text, and one for each text that changed.
fn found_text(found: &Found<'_>) -> String {
    let Finding { rule, place, text, others, .. } = &found.finding;
    let mut shown =
        format!("{:6}  {}  {}  {}", severity(rule.severity()), rule.code(), line(&name(&found.finding)), line(place));
    shown.truncate(shown.trim_end().len());
    let _ = write!(shown, "\n        {}", rule.meaning());
    if !others.is_empty() {
        let _ = write!(shown, " ({})", line(&others.join(", ")));
    }
    if !text.is_empty() {
        let _ = write!(shown, ": {}", quoted(text, SHOWN_CHARS));
    }
    if let Some(tool) = found.tool {
        let _ = write!(shown, " (digest {})", tool.digest);
        for Difference { place, before, after } in &tool.differences {
            let _ = write!(shown, "\n          {}", line(place));
            for (sign, text) in [('-', before), ('+', after)] {
                if let Some(text) = text {
                    let _ = write!(shown, "\n            {sign} {}", quoted(text, SHOWN_CHARS));
                }
            }
        }
    }
    shown + "\n"
}

fn summary(servers: &[SurveyedServer], [high, medium, low]: [usize; 3], ignored: usize) -> String {
    let tools: usize = servers.iter().map(|server| server.tools.len()).sum();
    let hidden = servers.iter().flat_map(|server| &server.tools).filter(|tool| !tool.is_shown).count();
    let hidden = if hidden > 0 { format!(" ({hidden} hidden by the policy, not read)") } else { String::new() };
    let away = servers.iter().filter(|server| !server.is_ready).count();
    let away = if away > 0 { format!("; {} did not start", counted(away, "server")) } else { String::new() };
    let ignored = if ignored > 0 { format!(", {ignored} ignored") } else { String::new() };
    let counts = format!("{high} high, {medium} medium, {low} low{ignored}");
    format!("{}, {}{hidden}: {counts}{away}\n", counted(servers.len(), "server"), counted(tools, "tool"))
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn audit_json(
    servers: &[SurveyedServer],
    found: &[Found<'_>],
    [high, medium, low]: [usize; 3],
    ignored: usize,
) -> Value {
    let server = |server: &SurveyedServer| {
        let hidden = server.tools.iter().filter(|tool| !tool.is_shown).count();
        json!({
            "name": server.name, "pin": server.pin.name(), "started": server.is_ready, "tools": server.tools.len(),
            "hidden": hidden,
        })
    };
    json!({
        "servers": servers.iter().map(server).collect::<Vec<_>>(),
        "counts": {"high": high, "medium": medium, "low": low, "ignored": ignored},
        "findings": found.iter().map(found_json).collect::<Vec<_>>(),
    })
}

fn found_json(found: &Found<'_>) -> Value {
    let Finding { rule, server, tool, place, text, others } = &found.finding;
    let differences = found.tool.map(|tool| &tool.differences).into_iter().flatten();
    let difference = |difference: &Difference| json!({"place": difference.place, "before": difference.before, "after": difference.after});
    json!({
        "severity": rule.severity(), "rule": rule.code(), "meaning": rule.meaning(), "server": server, "tool": tool,
        "place": place, "text": text, "others": others, "digest": found.tool.map(|tool| tool.digest.hex()),
        "differences": differences.map(difference).collect::<Vec<_>>(),
    })
}
