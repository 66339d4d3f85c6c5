//! Several tools written one below the other, in terms of one set of classes: what stub files and search hits are made of.

use std::collections::{BTreeSet, HashSet};

use exuvia_tool::Tool;

use crate::classes::Classes;
use crate::common::Common;
use crate::gloss;
use crate::shape::{Depths, Part, Shape, Subject};
use crate::signature;
use crate::summary;
use crate::types::Spelling;

/// How many bytes of class definitions one tool may bring. A tool that needs more has its innermost objects shown as `dict`;
/// its documentation shows more of them.
const MAX_CLASS_BYTES: usize = 3_000;

/// How many of these the type of its result may have: most callers read one or two keys of it. Of what a tool that changes
/// something answers, they read less.
const MAX_RESULT_BYTES: usize = 700;
const MAX_CONFIRMATION_BYTES: usize = 250;

/// The same of tools of which less is said, and what the classes of parameters may take where least is said.
const MAX_SHORT_RESULT_BYTES: usize = 500;
const MAX_BRIEF_BYTES: usize = 250;
const MAX_BRIEF_RESULT_BYTES: usize = 80;

/// How many schemas are looked at for one sheet. Beyond, objects are `dict` and the rest is `Any`: some ten times what the
/// largest servers ask for.
const MAX_WORK: usize = 300_000;

/// What is said once where there are classes.
pub(crate) const CLASSES_ARE_DICTS: &str = "Classes are dicts: x[\"key\"], not x.key.";

/// How much is said of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Everything that a stub says.
    Full,
    /// The same, but for the classes of optional parameters beside others, which are `dict`, and less of the result's.
    Short,
    /// The signature with the smallest classes, and what it claims.
    Brief,
}

/// Some tools.
pub(crate) struct Sheet<'t> {
    tools: Vec<(&'t Tool, Detail)>,
    shapes: Vec<Shape>,
    classes: Classes,
    spelling: Spelling,
    defined: BTreeSet<usize>,
    told: HashSet<String>,
}

impl<'t> Sheet<'t> {
    /// These tools. Where they are defined by their bare names, these are `names`, which then mean nothing else.
    pub(crate) fn new(tools: Vec<(&'t Tool, Detail)>, names: &[String]) -> Self {
        let mut classes = Classes::beside(names.iter().cloned(), MAX_WORK);
        // All shapes come before the first definition: a name given to a class decides how a field of that name is written.
        let shapes = tools
            .iter()
            .map(|&(tool, detail)| {
                let depths = depths(tool, detail, &mut classes.work_left);
                subject(tool).shape(&mut classes, depths, false)
            })
            .collect();
        let spelling = Spelling { shadowed: names.iter().cloned().collect(), ..Spelling::default() };
        Self { tools, shapes, classes, spelling, defined: BTreeSet::new(), told: HashSet::new() }
    }

    /// Whether any of the tools needs a class.
    pub(crate) fn has_classes(&self) -> bool {
        !self.classes.is_empty()
    }

    /// How the types that were written so far are spelled.
    pub(crate) fn spelling(&self) -> &Spelling {
        &self.spelling
    }

    /// The classes that the tool at this place needs and that were not defined before.
    pub(crate) fn definitions(&mut self, place: usize) -> String {
        let ids = self.classes.newly_reachable(self.shapes[place].types(), &mut self.defined);
        ids.into_iter().map(|id| self.classes.definition(id, &mut self.spelling)).collect()
    }

    /// The signature of the tool at this place.
    pub(crate) fn signature(&mut self, place: usize) -> String {
        signature::line(&self.tools[place].0.python_name, &self.shapes[place], &self.classes, &mut self.spelling)
    }

    /// What is to be said of the tool at this place: what it does and claims, what it answers if `answers` is known, and in
    /// about `gloss_bytes` bytes, or a third of that where less is said, lines on parameters that neither their names nor
    /// earlier lines explain.
    pub(crate) fn remarks(
        &mut self,
        place: usize,
        common: &Common,
        answers: Option<String>,
        gloss_bytes: usize,
    ) -> Vec<String> {
        let (tool, detail) = self.tools[place];
        let claim = summary::claim(tool).map(|claim| format!("[{claim}]"));
        if detail == Detail::Brief {
            return claim.into_iter().collect();
        }
        let sentence = summary::sentence(tool, common);
        let gloss_bytes = if detail == Detail::Full { gloss_bytes } else { gloss_bytes / 3 };
        // Where nothing is known of answers, the tool's own words on them.
        let is_asked = detail == Detail::Full && answers.is_none();
        let own_words = if is_asked { summary::answer(tool, common, sentence.as_deref()) } else { None };
        let answers = answers.or(own_words);
        let glosses = gloss::lines(tool, sentence.as_deref().unwrap_or(""), gloss_bytes, &mut self.told);
        let sentence = sentence.filter(|sentence| summary::informs(sentence, tool, common));
        let about: Vec<String> = sentence.into_iter().chain(claim).collect();
        let about = Some(about.join(" ")).filter(|about| !about.is_empty());
        about.into_iter().chain(answers).chain(glosses).collect()
    }
}

/// How deep the classes of a tool are written out.
fn depths(tool: &Tool, detail: Detail, work_left: &mut usize) -> Depths {
    let is_only = tool.parameters.len() == 1;
    let (part, bytes, result_bytes) = match detail {
        Detail::Full => (Part::Parameters, MAX_CLASS_BYTES, result_bytes(tool)),
        Detail::Short if is_only => (Part::Parameters, MAX_CLASS_BYTES, MAX_SHORT_RESULT_BYTES),
        Detail::Short => (Part::Required, MAX_CLASS_BYTES, MAX_SHORT_RESULT_BYTES),
        Detail::Brief => (Part::Required, MAX_BRIEF_BYTES, MAX_BRIEF_RESULT_BYTES),
    };
    let parameters = subject(tool).fitting_depth(part, bytes, false, work_left);
    let optional = if part == Part::Parameters { parameters } else { 0 };
    Depths { parameters, optional, result: subject(tool).fitting_depth(Part::Result, result_bytes, false, work_left) }
}

fn result_bytes(tool: &Tool) -> usize {
    let changes = tool.descriptor.annotations.read_only == Some(false);
    if changes { MAX_CONFIRMATION_BYTES } else { MAX_RESULT_BYTES }
}

fn subject(tool: &Tool) -> Subject<'_> {
    Subject { python_name: &tool.python_name, descriptor: &tool.descriptor, parameters: &tool.parameters }
}
