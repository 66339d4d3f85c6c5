//! What names refer to: servers, tools, modules.

use exuvia_tool::{Server, Tool};

use super::Judge;
use crate::analysis::{Evidence, EvidenceKind};
use crate::facts::{Binding, Import, ScopeId};
use crate::library::{self, Builtin, Member};

/// One thing that a name may mean.
#[derive(Clone, Copy)]
pub(super) enum Root<'j, 'n> {
    /// `mcp`.
    Servers,
    Server(&'n Server),
    Tool(&'n Server, &'n Tool),
    /// A module of the standard library, dotted.
    Module(&'j str),
    /// A name in a module of the standard library.
    Member(&'j str, &'j str),
    Builtin(Builtin),
    /// A class statement of the script, by its number.
    Class(usize),
    /// Anything else that the script made itself.
    Value,
    /// Nothing: neither Python nor the sandbox nor the script, here, calls anything so.
    Nothing,
}

impl<'j, 'n> Judge<'j, '_, 'n> {
    /// The servers that a name means as a global.
    pub(super) fn server_called(&self, python_name: &str) -> Option<&'n Server> {
        self.namespace.servers().iter().find(|server| server.python_name == python_name)
    }

    /// The tools that a name may mean in a server: which one it is when two share it depends on what was used before.
    pub(super) fn tools_called(&self, server: &'n Server, name: &str) -> Vec<&'n Tool> {
        let mut tools: Vec<&Tool> = server.find(name).into_iter().collect();
        let mut clashing = self.clashing.borrow_mut();
        let clashing = clashing.entry(&server.name).or_insert_with(|| {
            let is_other = |tool: &&Tool| server.find(&tool.python_name).is_some_and(|one| one.name() != tool.name());
            server.tools().iter().filter(is_other).collect()
        });
        tools.extend(clashing.iter().filter(|tool| tool.python_name == name));
        tools
    }

    /// Everything that a name may mean where it is used.
    pub(super) fn roots(&self, scope: ScopeId, name: &str) -> Vec<Root<'j, 'n>> {
        let meaning = self.facts.scopes.meaning(scope, name);
        let mut roots: Vec<Root<'j, 'n>> = Vec::new();
        for binding in &meaning.bindings {
            roots.push(match binding {
                Binding::Value | Binding::Caught => Root::Value,
                Binding::Class(number) => Root::Class(*number),
                Binding::Import(import) => self.imported(&self.facts.imports[*import]),
            });
        }
        if !meaning.original {
            return roots;
        }
        if name == "mcp" {
            roots.push(Root::Servers);
        } else if let Some(server) = self.server_called(name) {
            if !roots.iter().any(|root| matches!(root, Root::Server(known) if known.name == server.name)) {
                roots.push(Root::Server(server));
            }
        } else if let Some(builtin) = library::builtin(name) {
            if roots.is_empty() || builtin != Builtin::Harmless {
                roots.push(Root::Builtin(builtin));
            }
        } else if roots.is_empty() {
            roots.push(Root::Nothing);
        }
        roots
    }

    /// Whether a name means nothing but exceptions that handlers caught. A private name may mean another in each class.
    pub(super) fn is_caught(&self, scope: ScopeId, name: &str) -> bool {
        let meaning = self.facts.scopes.meaning(scope, name);
        let is_caught = !meaning.bindings.is_empty() && meaning.bindings.iter().all(|one| *one == Binding::Caught);
        let has_first_meaning = name == "mcp" || self.server_called(name).is_some() || library::builtin(name).is_some();
        is_caught && !(meaning.original && has_first_meaning) && !name.starts_with("__")
    }

    /// What an import binds its name to.
    fn imported(&self, import: &Import<'j>) -> Root<'j, 'n> {
        let first = import.module.split('.').next().unwrap_or_default();
        if library::is_module(import.module) {
            return match import.member {
                Some(member) => Root::Member(import.module, member),
                None => Root::Module(if import.renamed { import.module } else { first }),
            };
        }
        if library::is_inside_sandbox(first) {
            return Root::Value;
        }
        self.imported_from_servers(import).unwrap_or(Root::Value)
    }

    /// `import crm`, `from crm import search`, and the same through `mcp`.
    fn imported_from_servers(&self, import: &Import<'j>) -> Option<Root<'j, 'n>> {
        let path = import.module.strip_prefix("mcp").filter(|rest| rest.is_empty() || rest.starts_with('.'));
        let through_mcp = path.is_some();
        let mut names = path.unwrap_or(import.module).split('.').filter(|name| !name.is_empty());
        let mut root = if through_mcp { Root::Servers } else { Root::Server(self.server_called(names.next()?)?) };
        // `import mcp.crm` binds `mcp`.
        let rest: Vec<&str> = if import.member.is_none() && !import.renamed { Vec::new() } else { names.collect() };
        for name in rest.into_iter().chain(import.member) {
            root = match root {
                Root::Servers => Root::Server(self.server_called(name)?),
                Root::Server(server) => Root::Tool(server, self.tools_called(server, name).into_iter().next()?),
                _ => return None,
            };
        }
        Some(root)
    }

    /// Whether an import binds a server's name, or `mcp`, to what it means anyway.
    pub(super) fn imports_server(&self, import: usize, name: &str) -> bool {
        match self.imported(&self.facts.imports[import]) {
            Root::Server(server) => server.python_name == name,
            Root::Servers => name == "mcp",
            _ => false,
        }
    }

    /// An import in a class body puts what it binds where any value may have it from.
    fn import_in_class(&mut self, import: &Import<'j>) {
        let line = import.line;
        match self.imported(import) {
            Root::Servers => self.all_escape(line),
            Root::Server(server) => self.escapes(line, server),
            Root::Module(module) => self.reflection(line, format!("the module {module} is used as a value")),
            Root::Member(module, member) if library::member(module, member) != Member::Value => {
                self.reflection(line, format!("what {module}.{member} reaches is not known"));
            }
            _ => {}
        }
    }

    /// Judges the import alone: uses of the name that it binds are judged where they occur.
    pub(super) fn import(&mut self, import: usize) {
        let import = &self.facts.imports[import];
        let line = import.line;
        if import.in_class {
            self.import_in_class(import);
        }
        match (self.imported(import), import.member) {
            (Root::Member(module, member), _) if library::member(module, member) == Member::Unknown => {
                self.reflection(line, format!("what {module}.{member} reaches is not known"));
            }
            (Root::Tool(server, tool), _) => {
                self.verdict.tool(server, tool, Evidence { line, kind: EvidenceKind::Mentioned });
            }
            (Root::Value, _) => {
                let name = if import.module.is_empty() { "something relative" } else { import.module };
                self.reflection(line, format!("what the import of {name} reaches is not known"));
                import.module.split('.').chain(import.member).for_each(|name| self.verdict.missed(name));
            }
            _ => {}
        }
    }
}
