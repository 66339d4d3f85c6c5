//! From the facts of a script to the tools that it may call.
//!
//! Every use of a name is followed from everything that the name may mean: a server, a tool, a module, a built-in name,
//! or a plain value. Values need no following: a server or a tool can become a value only through a use that is judged
//! here, and then it counts as stored or mentioned; and the few ways from other values to a tool are judged by the
//! attributes that they go through. What nothing here accounts for reaches everything.

mod annotations;
mod bases;
mod enums;
mod roots;
mod uses;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};

use exuvia_tool::{Namespace, Server, Tool, ToolName};
use rustpython_parser::ast::Expr;

use crate::analysis::{
    Analysis, Evidence, EvidenceKind, Finding, MAX_EVIDENCE, MayCall, Precision, Reason, ReasonKind,
};
use crate::facts::{Binding, Facts};
use crate::findings::Findings;
use crate::library::{attribute_reaches_everything, may_define, renames_tools};

/// How many reasons are kept. The first ones are.
const MAX_REASONS: usize = 20;

/// Judges a script that was read and parsed.
pub(crate) fn judge(facts: &Facts<'_>, namespace: &Namespace, not_accounted_for: Option<&str>) -> Analysis {
    let mut judge = Judge::new(facts, namespace);
    if let Some(name) = not_accounted_for {
        judge.reflection(1, format!("a use of {name} cannot be analyzed"));
    }
    (0..facts.imports.len()).for_each(|import| judge.import(import));
    facts.uses.iter().for_each(|one| judge.use_of_name(one));
    judge.plain_facts();
    judge.rebound();
    judge.finish()
}

/// A script that only the interpreter can parse.
pub(crate) fn not_parsed(line: u32, namespace: &Namespace) -> Analysis {
    let mut verdict = Verdict::new(namespace);
    verdict.everything(Evidence { line, kind: EvidenceKind::Reflection });
    let text = "the script cannot be analyzed from here on".to_owned();
    verdict.reasons.insert(Reason { line, kind: ReasonKind::NotParsed, text });
    verdict.finish(Vec::new(), Vec::new())
}

struct Verdict<'n> {
    namespace: &'n Namespace,
    may_call: MayCall,
    reasons: BTreeSet<Reason>,
    /// Servers that are named and not there.
    absent: BTreeSet<String>,
    /// How often all tools of a server were put into the set, by the server's name: more often than evidence is kept
    /// would be work for nothing.
    escapes: HashMap<&'n str, usize>,
}

impl<'n> Verdict<'n> {
    fn new(namespace: &'n Namespace) -> Self {
        let (may_call, reasons, absent, escapes) = Default::default();
        Self { namespace, may_call, reasons, absent, escapes }
    }

    fn tool(&mut self, server: &Server, tool: &Tool, evidence: Evidence) {
        self.may_call.add(&ToolName::new(&server.name, tool.name()), evidence);
    }

    fn all_of(&mut self, server: &'n Server, evidence: Evidence) {
        let escapes = self.escapes.entry(&server.name).or_default();
        *escapes += 1;
        if *escapes > 2 * MAX_EVIDENCE {
            return;
        }
        server.tools().iter().for_each(|tool| self.tool(server, tool, evidence));
    }

    /// The script means what is called so, and there is nothing.
    fn missed(&mut self, name: &str) {
        self.absent.extend(self.namespace.find_absent(name).map(|absent| absent.name.clone()));
    }

    fn everything(&mut self, evidence: Evidence) {
        let namespace = self.namespace;
        namespace.servers().iter().for_each(|server| self.all_of(server, evidence));
    }

    fn finish(mut self, findings: Vec<Finding>, caught: Vec<Finding>) -> Analysis {
        self.may_call.sort();
        let reasons: Vec<Reason> = self.reasons.into_iter().take(MAX_REASONS).collect();
        let precision = if reasons.is_empty() { Precision::Precise } else { Precision::Imprecise(reasons) };
        let Self { may_call, absent, .. } = self;
        Analysis { may_call, absent, precision, findings, caught, notes: Vec::new(), ending: None }
    }
}

struct Judge<'j, 'a, 'n> {
    facts: &'j Facts<'a>,
    namespace: &'n Namespace,
    verdict: Verdict<'n>,
    findings: Findings,
    /// The first lines at which everything is reached: evidence for every tool, added once at the end.
    reaching: BTreeSet<u32>,
    /// By the server's name: the tools whose Python name is another tool's own name.
    clashing: RefCell<HashMap<&'n str, Vec<&'n Tool>>>,
    /// Whether an annotation is plain, by the place of its expression.
    plain_annotations: HashMap<*const Expr, bool>,
    /// Whether some class of the script may have the method `register` of abstract classes.
    has_registering_class: OnceCell<bool>,
}

impl<'j, 'a, 'n> Judge<'j, 'a, 'n> {
    fn new(facts: &'j Facts<'a>, namespace: &'n Namespace) -> Self {
        let (verdict, findings) = (Verdict::new(namespace), Findings::default());
        Self {
            facts,
            namespace,
            verdict,
            findings,
            reaching: BTreeSet::new(),
            clashing: RefCell::default(),
            plain_annotations: HashMap::new(),
            has_registering_class: OnceCell::new(),
        }
    }

    fn reflection(&mut self, line: u32, text: String) {
        self.reaching.insert(line);
        if self.reaching.len() > MAX_EVIDENCE {
            self.reaching.pop_last();
        }
        self.reason(line, ReasonKind::Reflection, text);
    }

    fn reason(&mut self, line: u32, kind: ReasonKind, text: String) {
        let reasons = &mut self.verdict.reasons;
        reasons.insert(Reason { line, kind, text });
        if reasons.len() > MAX_REASONS {
            reasons.pop_last();
        }
    }

    /// A server goes where it cannot be followed.
    fn escapes(&mut self, line: u32, server: &'n Server) {
        self.verdict.all_of(server, Evidence { line, kind: EvidenceKind::ServerEscapes });
        self.reason(line, ReasonKind::ServerEscapes, format!("the server {} is used as a value", server.python_name));
    }

    fn all_escape(&mut self, line: u32) {
        self.verdict.everything(Evidence { line, kind: EvidenceKind::ServerEscapes });
        self.reason(line, ReasonKind::ServerEscapes, "mcp is used as a value".to_owned());
    }

    fn attribute(&mut self, line: u32, name: &str, next: Option<&str>) {
        if attribute_reaches_everything(name, next) && (name != "register" || self.has_registering_class()) {
            self.reflection(line, format!("the attribute {name} can reach everything"));
        }
    }

    /// What can be judged without knowing what any name means.
    fn plain_facts(&mut self) {
        let facts = self.facts;
        for (line, name, next) in &facts.attributes {
            self.attribute(*line, name, *next);
        }
        for line in &facts.metaclasses {
            self.reflection(*line, "the metaclass is computed, and can create anything".to_owned());
        }
        for (line, name) in &facts.special_bindings {
            if !may_define(name) {
                self.reflection(*line, format!("{name} is redefined"));
            }
        }
        for (line, name) in &facts.fields {
            if renames_tools(name) {
                self.reflection(*line, format!("a dataclass with the field {name} can make one tool another"));
            }
        }
        for (line, name) in &facts.private {
            if name == "mcp" || self.server_called(name).is_some() {
                self.reflection(*line, format!("a mangled private name refers to the server {name}"));
            }
        }
    }

    /// A server's name that means something else as well, from some line on: all that is done under it may be done to
    /// the server.
    fn rebound(&mut self) {
        let facts = self.facts;
        let is_other = |judge: &Self, name: &str| {
            facts.scopes.module_bindings(name).iter().find(|(_, binding)| match binding {
                Binding::Value | Binding::Caught | Binding::Class(_) => true,
                Binding::Import(import) => !judge.imports_server(*import, name),
            })
        };
        let namespace = self.namespace;
        for server in namespace.servers() {
            if let Some((line, _)) = is_other(self, &server.python_name) {
                self.verdict.all_of(server, Evidence { line: *line, kind: EvidenceKind::ServerEscapes });
                let text = format!("the name of the server {} is bound to something else", server.python_name);
                self.reason(*line, ReasonKind::ServerRebound, text);
            }
        }
        if let Some((line, _)) = is_other(self, "mcp") {
            self.verdict.everything(Evidence { line: *line, kind: EvidenceKind::ServerEscapes });
            self.reason(*line, ReasonKind::ServerRebound, "the name mcp is bound to something else".to_owned());
        }
    }

    fn finish(mut self) -> Analysis {
        for line in std::mem::take(&mut self.reaching) {
            self.verdict.everything(Evidence { line, kind: EvidenceKind::Reflection });
        }
        let is_own = |name: &&str| self.facts.scopes.is_made_anywhere(name);
        let is_sure = self.verdict.reasons.iter().all(|reason| reason.kind != ReasonKind::Reflection)
            && !self.facts.trusted.iter().any(is_own);
        let (findings, caught) = if is_sure { self.findings.finish() } else { Default::default() };
        self.verdict.finish(findings, caught)
    }
}
