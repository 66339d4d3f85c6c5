//! The result of an analysis: tools, findings, notes and precision.

use std::collections::{BTreeMap, BTreeSet};

use exuvia_tool::ToolName;
use serde::Serialize;

/// How many lines are kept for one tool. The first ones are.
pub(crate) const MAX_EVIDENCE: usize = 20;

/// What is known of a script before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Analysis {
    /// Every tool that the script may call.
    pub may_call: MayCall,
    /// The servers that the script names and that are configured and not there, by their names in the configuration.
    pub absent: BTreeSet<String>,
    /// Whether `may_call` holds just the tools that the script names.
    pub precision: Precision,
    /// What certainly fails when its line runs, in the order of the lines; at most [`MAX_FINDINGS`](crate::MAX_FINDINGS).
    pub findings: Vec<Finding>,
    /// The same where the script catches the failure: in a `try`, or in a `with` that may. It does not prevent a run, and its author may
    /// not see it otherwise. At most [`MAX_FINDINGS`](crate::MAX_FINDINGS).
    pub caught: Vec<Finding>,
    /// Calls that are meant to run in parallel and do not; at most [`MAX_NOTES`](crate::MAX_NOTES). Notes do not prevent a run.
    pub notes: Vec<Note>,
    /// What to do if the script comes to an end without a value and without output: a sentence. None where its own text
    /// names its value.
    pub ending: Option<String>,
}

/// Tools, each with what speaks for it. Ordered by server and tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MayCall {
    tools: BTreeMap<String, BTreeMap<String, Vec<Evidence>>>,
}

impl MayCall {
    pub(crate) fn add(&mut self, name: &ToolName, evidence: Evidence) {
        let tools = match self.tools.get_mut(&name.server) {
            Some(tools) => tools,
            None => self.tools.entry(name.server.clone()).or_default(),
        };
        let known = match tools.get_mut(&name.tool) {
            Some(known) => known,
            None => tools.entry(name.tool.clone()).or_default(),
        };
        if known.len() < MAX_EVIDENCE && !known.contains(&evidence) {
            known.push(evidence);
        } else if known.iter().all(|one| one.kind > evidence.kind) {
            // The strongest kind is never lost to a bound.
            known.pop();
            known.push(evidence);
        }
    }

    pub(crate) fn sort(&mut self) {
        self.tools.values_mut().flat_map(BTreeMap::values_mut).for_each(|evidence| evidence.sort());
    }

    /// Whether the script may call this tool.
    #[must_use]
    pub fn contains(&self, name: &ToolName) -> bool {
        !self.evidence(name).is_empty()
    }

    /// What speaks for this tool, by line; empty if the script cannot call it.
    #[must_use]
    pub fn evidence(&self, name: &ToolName) -> &[Evidence] {
        self.tools.get(&name.server).and_then(|tools| tools.get(&name.tool)).map_or(&[], Vec::as_slice)
    }

    /// Every tool with what speaks for it, in order.
    pub fn iter(&self) -> impl Iterator<Item = (ToolName, &[Evidence])> {
        self.tools.iter().flat_map(|(server, tools)| {
            tools.iter().map(move |(tool, evidence)| (ToolName::new(server, tool), evidence.as_slice()))
        })
    }

    /// The tools that the script names: those it calls, and those it mentions without a call. The others are included because
    /// the analysis is imprecise.
    pub fn referenced(&self) -> impl Iterator<Item = ToolName> {
        self.iter().filter(|(_, evidence)| evidence.iter().any(|one| one.kind.names_the_tool())).map(|(name, _)| name)
    }

    /// How many tools there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.values().map(BTreeMap::len).sum()
    }

    /// Whether the script calls no tool at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }
}

/// Why a tool is in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// The line of the script, counted from 1.
    pub line: u32,
    /// What stands there.
    pub kind: EvidenceKind,
}

/// What stands in a line that puts a tool into the set, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// A call of the tool: `crm.search(query="x")`.
    Called,
    /// The tool without a call: `f = crm.search`, a decorator, a callback.
    Mentioned,
    /// The tool's server, stored, passed on, or under a name that is bound to something else as well.
    ServerEscapes,
    /// Something that reaches every tool, or something that was not understood.
    Reflection,
}

impl EvidenceKind {
    /// Whether the script itself names the tool.
    #[must_use]
    pub fn names_the_tool(self) -> bool {
        matches!(self, Self::Called | Self::Mentioned)
    }
}

/// Whether the set of tools is what the script names, or more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// The script names every tool in the set.
    Precise,
    /// The set includes tools that the script may or may not call.
    Imprecise(Vec<Reason>),
}

impl Precision {
    /// Whether the script names every tool in the set.
    #[must_use]
    pub fn is_precise(&self) -> bool {
        matches!(self, Self::Precise)
    }

    /// Why the set is imprecise, in the order of the lines; at most 20.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Precise => &[],
            Self::Imprecise(reasons) => reasons,
        }
    }
}

/// One reason why the set of tools is imprecise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Reason {
    /// The line of the script, counted from 1.
    pub line: u32,
    /// The kind of reason.
    pub kind: ReasonKind,
    /// The same in words, for the operator and the author: what it is that stands there.
    pub text: String,
}

/// Why the analysis is imprecise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonKind {
    /// The script, from this line on, is beyond what is read here. The interpreter has the verdict on its syntax.
    NotParsed,
    /// A server is stored or passed on, and with it all its tools.
    ServerEscapes,
    /// A server's name is bound to something else.
    ServerRebound,
    /// Something that reaches every tool.
    Reflection,
}

/// A help for the author of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Note {
    /// The line of the script, counted from 1.
    pub line: u32,
    /// What happens there and what to write for something else.
    pub message: String,
}

/// Something in a script that certainly fails when its line runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The line of the script, counted from 1.
    pub line: u32,
    /// What is wrong, as a case.
    pub code: FindingCode,
    /// What is wrong and how to repair it, for the author.
    pub message: String,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingCode {
    /// A name that is no server and nothing else.
    UnknownServer,
    /// A server that is configured and not there.
    ServerAway,
    /// A module of the standard library that the script uses and does not import.
    NotImported,
    /// A server has no tool of this name.
    UnknownTool,
    /// The tool is withheld until the operator accepts it.
    ToolWithheld,
    /// A tool has no argument of this name, or fewer than are given by position.
    UnknownArgument,
    /// An argument is given twice.
    RepeatedArgument,
    /// An argument that the tool needs is not given.
    MissingArgument,
    /// A literal that the tool's schema does not allow.
    WrongValue,
}
