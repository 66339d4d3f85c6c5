//! The stub files of a namespace: listed, and read by lines.
//!
//! A server is one file, `crm.pyi`, or one file for each tool, `crm/get_contacts.pyi`; which of the two is a [`Layout`]
//! of the server.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use exuvia_tool::{Namespace, Server, Tool};

use crate::absent;
use crate::common::Common;
use crate::docs;
use crate::excerpt::excerpt;
use crate::hits::{self, Known};
use crate::learned::{Answers, LearnedAnswers};
use crate::lines::Lines;
use crate::listing::{self, names_within};
use crate::search::{self, Index};
use crate::selection::{self, Selection};
use crate::stub;

pub use crate::layout::{Layout, Layouts};
pub use crate::not_found::NotFound;

/// How long a list may get, in bytes. Names of tools come to about four bytes a token, so that is well under 1,500.
const MAX_LIST_BYTES: usize = 4_000;

/// The space reserved for the line about what a list omits, in bytes.
const MORE_BYTES: usize = 100;

/// A file that is longer, about 2,500 tokens, is shown by the names of its tools where no lines of it are asked for.
const MAX_WHOLE_BYTES: usize = 9_000;

/// How many tools that a pattern fits are rendered: more are longer than a file may be.
const MAX_PATTERN_TOOLS: usize = 60;

/// A file that is no longer, about 500 tokens, is shown whole where some tools of it are asked for.
const SMALL_BYTES: usize = 1_800;

/// How long the names of the tools of one file may get, in bytes.
const MAX_NAMES_BYTES: usize = 8_000;

/// The stub files of one namespace. Each is rendered when it is first read, and kept.
///
/// Rendering takes up to a second for a server at its limits: call it on a thread on which nothing else waits.
#[derive(Debug)]
pub struct StubFiles {
    namespace: Arc<Namespace>,
    layouts: Layouts,
    index: OnceLock<Index>,
    /// That of each server, in the order of the namespace.
    servers: Vec<Mutex<Option<Rendered>>>,
    /// What the tools of each server have in common.
    commons: Vec<OnceLock<Arc<Common>>>,
    answers: Option<Arc<dyn LearnedAnswers>>,
}

/// A stub file, and the version of what is known of answers that it was rendered with.
#[derive(Debug)]
struct Rendered {
    version: u64,
    text: Arc<str>,
}

impl StubFiles {
    /// The stub files of `namespace`.
    #[must_use]
    pub fn new(namespace: Arc<Namespace>, layouts: Layouts) -> Self {
        let servers = namespace.servers().iter().map(|_| Mutex::default()).collect();
        let commons = namespace.servers().iter().map(|_| OnceLock::new()).collect();
        Self { namespace, layouts, index: OnceLock::new(), servers, commons, answers: None }
    }

    /// The same, which also say what is known of the answers of tools whose schemas do not.
    #[must_use]
    pub fn with_answers(mut self, answers: Arc<dyn LearnedAnswers>) -> Self {
        self.answers = Some(answers);
        self
    }

    /// What is known of answers now.
    fn answers(&self) -> Answers<'_> {
        let answers = self.answers.as_deref();
        if let Some(answers) = answers {
            answers.refresh();
        }
        Answers(answers)
    }

    /// The files with the number of their tools; with a `query`, or several parted by semicolons, the tools that fit it best,
    /// each with its signature, the classes that it needs and what it does. Then the servers that are not there, if any are. At
    /// most `max_bytes`: what is cut says how to narrow it down.
    #[must_use]
    pub fn list(&self, query: Option<&str>, max_bytes: usize) -> String {
        let absent = absent::told(&self.namespace, max_bytes / 4);
        let max_bytes = max_bytes.saturating_sub(MORE_BYTES + absent.len());
        let list = match query.filter(|query| !search::queries(query).0.is_empty()) {
            Some(query) => self.search(query, max_bytes),
            None => listing::all(&self.namespace, &self.layouts, MAX_LIST_BYTES.min(max_bytes)),
        };
        list + &absent
    }

    fn search(&self, query: &str, max_bytes: usize) -> String {
        let index = self.index.get_or_init(|| Index::of(&self.namespace));
        let common = |name: &str| {
            let place = self.namespace.servers().iter().position(|server| server.python_name == name);
            place.map(|place| self.common(place)).unwrap_or_default()
        };
        let known = Known { commons: &common, answers: self.answers(), layouts: &self.layouts };
        hits::answer(&self.namespace, index, &known, query, max_bytes)
    }

    /// The stubs that `names` asks for: files (`crm.pyi`) and tools (`crm.get_contacts`, `crm/get_contacts.pyi`,
    /// `crm.*contact*`), several parted by commas. A file above about 2,500 tokens is shown by the names of its tools; one under
    /// about 500 is shown whole where one of its tools is asked for. At most `max_bytes`: what is cut ends between two
    /// definitions, and with how to read the rest.
    ///
    /// Lines of it are asked for at the end, as in `crm.pyi:200-300`, counted from 1: of a file however long it is. A line before
    /// them says where they are from, if they are not all.
    ///
    /// # Errors
    ///
    /// Nothing has one of the names.
    pub fn read(&self, names: &str, max_bytes: usize) -> Result<String, NotFound> {
        let (names, lines) = Lines::of(names);
        let (selections, missing) = selection::of(&self.namespace, names)?;
        let missing = told(&missing, max_bytes / 4);
        let texts = self.all_shown(&selections, lines.is_some());
        let text = if let [one] = texts.as_slice() { Arc::clone(one) } else { texts.concat().into() };
        let file = match selections.as_slice() {
            [Selection { server, tools: None, .. }] => format!("{}.pyi", server.python_name),
            _ => names.trim().to_owned(),
        };
        Ok(excerpt(&file, &text, lines.unwrap_or_default(), max_bytes.saturating_sub(missing.len())) + &missing)
    }

    /// What the stubs of tools leave out: the rest of their documentation. `names` is `crm.get_contacts`, or with `server` the
    /// tool alone, or several, parted by commas. At most `max_bytes`.
    ///
    /// # Errors
    ///
    /// No tool has any of the names.
    pub fn docs(&self, server: Option<&str>, names: &str, max_bytes: usize) -> Result<String, NotFound> {
        let (tools, missing) = selection::tools(&self.namespace, server, names)?;
        let missing = told(&missing, max_bytes / 4);
        let share = max_bytes.saturating_sub(missing.len()) / tools.len().max(1);
        let texts: Vec<String> = tools.into_iter().map(|(server, tool)| self.docs_of(server, tool, share)).collect();
        let joined = texts.join("\n");
        Ok(if missing.is_empty() { joined } else { format!("{}\n{missing}", joined.trim_end()) })
    }

    fn docs_of(&self, server: &Server, tool: &Tool, max_bytes: usize) -> String {
        let place = self.namespace.servers().iter().position(|other| std::ptr::eq(other, server));
        let common = place.map(|place| self.common(place)).unwrap_or_default();
        let stub = stub::of_tools(server, vec![tool], &common, self.answers());
        docs::beyond(server, tool, &stub, max_bytes)
    }

    /// The text of each selection. What a pattern fits is shown by names where it is longer than a file may be.
    fn all_shown(&self, selections: &[Selection<'_>], by_lines: bool) -> Vec<Arc<str>> {
        let patterns = selections.iter().filter(|selection| selection.by_pattern).count();
        let count: usize =
            selections.iter().filter(|one| one.by_pattern).map(|one| one.tools.as_ref().map_or(0, Vec::len)).sum();
        let is_long = count > MAX_PATTERN_TOOLS;
        let texts: Vec<Arc<str>> = selections
            .iter()
            .map(|selection| if is_long && selection.by_pattern { "".into() } else { self.shown(selection, by_lines) })
            .collect();
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        let is_too_long = is_long || (!by_lines && bytes > MAX_WHOLE_BYTES);
        if patterns == 0 || !is_too_long {
            return texts;
        }
        let names = |selection: &Selection<'_>| match &selection.tools {
            Some(tools) if selection.by_pattern => {
                Some(fitting_names(selection.server, tools, MAX_NAMES_BYTES / patterns).into())
            }
            _ => None,
        };
        selections.iter().zip(texts).map(|(selection, text)| names(selection).unwrap_or(text)).collect()
    }

    fn shown(&self, selection: &Selection<'_>, by_lines: bool) -> Arc<str> {
        let whole = self.whole(selection);
        match &selection.tools {
            None if by_lines || whole.len() <= MAX_WHOLE_BYTES => whole,
            None => names_of(selection.server).into(),
            Some(_) if whole.len() <= SMALL_BYTES => whole,
            Some(tools) => self.rendered(selection, tools.clone()),
        }
    }

    fn whole(&self, selection: &Selection<'_>) -> Arc<str> {
        let render = || self.rendered(selection, selection.server.tools().iter().collect());
        let Some(kept) = self.servers.get(selection.place) else { return render() };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it is rendered: what is learned meanwhile may be missing.
        let version = self.answers().0.map_or(0, LearnedAnswers::version);
        match &*kept {
            Some(rendered) if rendered.version == version => Arc::clone(&rendered.text),
            _ => Arc::clone(&kept.insert(Rendered { version, text: render() }).text),
        }
    }

    fn rendered(&self, selection: &Selection<'_>, tools: Vec<&Tool>) -> Arc<str> {
        let stub = stub::of_tools(selection.server, tools, &self.common(selection.place), self.answers());
        match (self.layouts.notes(selection.server), stub.split_once('\n')) {
            ("", _) | (_, None) => stub.into(),
            (notes, Some((header, rest))) => format!("{header}\n{notes}{rest}").into(),
        }
    }

    fn common(&self, place: usize) -> Arc<Common> {
        let common =
            || self.namespace.servers().get(place).map(|server| Arc::new(Common::of(server))).unwrap_or_default();
        self.commons.get(place).map_or_else(common, |known| Arc::clone(known.get_or_init(common)))
    }
}

/// What is the matter with names that nothing has, beside what the others gave.
fn told(missing: &[NotFound], max_bytes: usize) -> String {
    let mut told = String::new();
    for (place, one) in missing.iter().enumerate() {
        let line = format!("# {one}\n");
        if told.len() + line.len() + MORE_BYTES > max_bytes {
            told.push_str(&format!("# {} more names that nothing has\n", missing.len() - place));
            break;
        }
        told.push_str(&line);
    }
    told
}

/// The names of the tools that a pattern fits, in place of their long stubs.
fn fitting_names(server: &Server, tools: &[&Tool], max_bytes: usize) -> String {
    let names = tools.iter().map(|tool| tool.python_name.as_str());
    let names = names_within(names, ", ", max_bytes, |more| format!(", and {more} more"));
    format!("# {}, {} tools fit; read those that you need: {names}\n", server.python_name, tools.len())
}

/// The names of a server's tools, in place of a long file.
fn names_of(server: &Server) -> String {
    let (name, count) = (&server.python_name, server.tools().len());
    let tools = server.tools().iter().map(|tool| tool.python_name.as_str());
    let rest = |count: usize| format!(", and {count} more: listToolFiles finds them with a query");
    let names = names_within(tools, ", ", MAX_NAMES_BYTES, rest);
    format!(
        "# {name}.pyi has {count} tools. Read those that you need, e.g. fileName=\"{name}.NAME, {name}.NAME\" or \
        \"{name}.*WORD*\"; or all of it by {name}.pyi:1.\n{names}\n"
    )
}
