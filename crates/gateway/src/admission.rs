//! Admission: the decision on a script before it starts.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use exuvia_analysis::{Analysis, Finding, FindingCode, MayCall, Note, Precision, analyze};
use exuvia_policy::{Admission, Classification, Denial, Grants, Policy, ReferencedTools, admit};
use exuvia_runtime::{LimitHit, Limits, Outcome, Script, ScriptError};
use exuvia_tool::{HeldCall, Namespace, ToolName};

use crate::call::OPERATOR;

/// The kind of error of a script that the analysis rejects before it starts.
const SCRIPT_REJECTED: &str = "ScriptRejected";
/// How many rules the record of a run names.
const MAX_RULES: usize = 50;
/// What stands before the signature in a message about arguments.
pub(crate) const SIGNATURE: &str = "signature: ";

/// Who has a script run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartedBy {
    /// The operator, who typed the command: every visible tool is granted, except what the policy denies.
    Operator,
    /// A client: the tools that the policy lists are granted.
    Client,
}

/// Whether scripts are read before they start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PrePass {
    /// A script that cannot work never starts, and one that names tools outside the allowlist is asked about as a whole.
    #[default]
    On,
    /// Every script starts. Each of its calls is decided on when it is made, which is what decides with the pre-pass too.
    Off,
}

/// The decision on a script, made before it starts.
#[derive(Debug, Clone)]
pub enum AdmissionVerdict {
    /// It starts, with these grants.
    Allowed(Grants),
    /// It is larger than a script may be.
    TooLarge(LimitHit),
    /// It is not run: these lines are certain to fail.
    Invalid(Vec<Finding>),
    /// It needs an approval for each of these tools.
    NeedsApproval(Vec<HeldCall>),
    /// The policy denies each of these tools.
    Denied(Vec<Denial>),
}

/// A script held against the tools and the policy of the moment, without running it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checked {
    /// The findings about the script itself.
    pub analysis: Analysis,
    /// What the policy says of each tool that the script may call.
    pub classifications: BTreeMap<ToolName, Classification>,
    /// What would become of it.
    pub verdict: AdmissionVerdict,
}

/// What a script is judged by.
pub(crate) struct AdmissionCheck<'a> {
    pub(crate) by: StartedBy,
    pub(crate) pre_pass: PrePass,
    pub(crate) namespace: &'a Arc<Namespace>,
    pub(crate) policy: &'a Arc<Policy>,
    pub(crate) limits: &'a Limits,
    /// Scripts of its session were before it, and may have defined any name.
    pub(crate) is_further: bool,
}

/// The decision on a script before it starts.
pub(crate) struct AdmissionResult {
    pub(crate) verdict: AdmissionVerdict,
    /// Why it may run, if it may.
    pub(crate) rule: String,
    /// Notes for its author.
    pub(crate) notes: Vec<Note>,
    /// What fails in it and is caught by it.
    pub(crate) caught: Vec<Finding>,
    /// A note for a script that comes to nothing.
    pub(crate) ending: Option<String>,
    /// It names a server that is still starting: soon there will be something else to say.
    pub(crate) is_early: bool,
    /// What it may call.
    pub(crate) reads: Option<(MayCall, Precision)>,
}

impl AdmissionCheck<'_> {
    /// Decides on a script.
    pub(crate) fn decide(&self, script: &Script) -> AdmissionResult {
        // Before anything reads the script: its length is bounded.
        if let Some(stop) = script.too_large(self.limits) {
            let verdict = AdmissionVerdict::TooLarge(stop);
            let (rule, notes, caught, ending, is_early, reads) = Default::default();
            return AdmissionResult { verdict, rule, notes, caught, ending, is_early, reads };
        }
        let mut analysis = (self.pre_pass == PrePass::On).then(|| analyze(script.source(), self.namespace));
        if let Some(analysis) = analysis.as_mut().filter(|_| self.is_further) {
            analysis.findings.retain(|finding| !is_about_a_name(finding.code));
            analysis.caught.retain(|finding| !is_about_a_name(finding.code));
        }
        let (verdict, rule) = (self.admitted(analysis.as_ref()), self.rule(analysis.as_ref()));
        let is_early = analysis.as_ref().is_some_and(|analysis| names_starting(analysis, self.namespace));
        let (notes, caught, ending, reads) = analysis.map_or_else(Default::default, |analysis| {
            (analysis.notes, analysis.caught, analysis.ending, Some((analysis.may_call, analysis.precision)))
        });
        AdmissionResult { verdict, rule, notes, caught, ending, is_early, reads }
    }

    /// The rules that list the tools that a script names, each once.
    fn rule(&self, analysis: Option<&Analysis>) -> String {
        if self.by == StartedBy::Operator {
            return OPERATOR.to_owned();
        }
        let named = analysis.into_iter().flat_map(|analysis| analysis.may_call.referenced());
        let listed = named.filter_map(|tool| match self.policy.classify(&tool) {
            Classification::Listed(rule) => Some(rule.to_string()),
            _ => None,
        });
        let rules: BTreeSet<String> = listed.take(MAX_RULES).collect();
        rules.into_iter().collect::<Vec<_>>().join("; ")
    }

    /// Decides on a script and gives the reasons.
    pub(crate) fn check(&self, script: &Script) -> Checked {
        let analysis = analyze(script.source(), self.namespace);
        let verdict = match script.too_large(self.limits) {
            Some(stop) => AdmissionVerdict::TooLarge(stop),
            None => self.admitted(Some(&analysis)),
        };
        let standing = |(tool, _)| {
            let standing = self.policy.classify(&tool);
            (tool, standing)
        };
        let classifications = analysis.may_call.iter().map(standing).collect();
        Checked { analysis, classifications, verdict }
    }

    fn admitted(&self, analysis: Option<&Analysis>) -> AdmissionVerdict {
        if let Some(analysis) = analysis.filter(|analysis| !analysis.findings.is_empty()) {
            return AdmissionVerdict::Invalid(analysis.findings.clone());
        }
        if self.by == StartedBy::Operator {
            return AdmissionVerdict::Allowed(Grants::everything_visible(self.namespace));
        }
        let names = analysis.into_iter().flat_map(|analysis| analysis.may_call.referenced()).collect();
        match admit(self.policy, self.namespace, &ReferencedTools { names }) {
            Admission::Start(grants) => AdmissionVerdict::Allowed(grants),
            Admission::Hold(held) => AdmissionVerdict::NeedsApproval(held),
            Admission::Refuse(denials) => AdmissionVerdict::Denied(denials),
        }
    }
}

/// Whether a finding is no longer certain where earlier scripts may have defined names.
fn is_about_a_name(code: FindingCode) -> bool {
    matches!(code, FindingCode::UnknownServer | FindingCode::ServerAway | FindingCode::NotImported)
}

/// Whether a script names a server that is still starting.
pub(crate) fn names_starting(analysis: &Analysis, namespace: &Namespace) -> bool {
    namespace.absent().iter().any(|absent| absent.is_starting() && analysis.absent.contains(&absent.name))
}

/// What comes of a verdict.
pub(crate) enum Decision {
    /// The script starts, with these grants.
    Start(Grants),
    /// It does not, and this is its outcome.
    Not(Outcome),
}

impl Decision {
    pub(crate) fn of(verdict: AdmissionVerdict, source: &str) -> Self {
        Self::Not(match verdict {
            AdmissionVerdict::Allowed(grants) => return Self::Start(grants),
            AdmissionVerdict::TooLarge(stop) => Outcome::Stopped(stop),
            AdmissionVerdict::Invalid(findings) => Outcome::Raised(wrong(&findings, source)),
            AdmissionVerdict::NeedsApproval(held) => Outcome::AwaitingApproval(held),
            AdmissionVerdict::Denied(denials) => Outcome::Denied(refused(&denials)),
        })
    }
}

/// All findings as one error, so that a model repairs all of them in one turn.
fn wrong(findings: &[Finding], source: &str) -> ScriptError {
    let lines: Vec<&str> = source.lines().collect();
    let mut signatures = HashSet::new();
    let mut told = |finding: &Finding| {
        let index = usize::try_from(finding.line).unwrap_or(usize::MAX).saturating_sub(1);
        let line = lines.get(index).map_or("", |line| line.trim());
        let message = without_known_signature(&finding.message, &mut signatures);
        format!("> {} | {}\n  {message}", finding.line, shortened(line))
    };
    let message = match findings.len() {
        1 => "the script was not run".to_owned(),
        number => format!("{number} errors, the script was not run"),
    };
    ScriptError {
        kind: SCRIPT_REJECTED.to_owned(),
        message,
        line: findings.first().map(|finding| finding.line),
        traceback: findings.iter().map(&mut told).collect::<Vec<_>>().join("\n"),
        hint: None,
    }
}

/// A message without its signature, if that was shown before.
fn without_known_signature(message: &str, known: &mut HashSet<String>) -> String {
    match message.split_once(SIGNATURE) {
        Some((message, signature)) if !known.insert(signature.to_owned()) => {
            message.trim_end_matches([';', ' ', '\n']).to_owned()
        }
        _ => message.to_owned(),
    }
}

/// The beginning of a line: its number says the rest.
fn shortened(line: &str) -> String {
    const CHARACTERS: usize = 120;
    match line.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

fn refused(denials: &[Denial]) -> ScriptError {
    let tools: Vec<String> = denials.iter().map(|denial| denial.tool.to_string()).collect();
    ScriptError {
        kind: "ToolDenied".to_owned(),
        message: format!("{}: not allowed here, the script was not run", tools.join(", ")),
        line: None,
        traceback: String::new(),
        hint: Some("go on without, or leave it to the user".to_owned()),
    }
}
