//! Uses of servers, tools and modules, and the calls that they make possible.

use exuvia_tool::{Server, Tool};
use rustpython_parser::ast::{Expr, ExprCall};

use super::Judge;
use super::roots::Root;
use crate::analysis::{Evidence, EvidenceKind};
use crate::facts::{Role, Step, Use, is_special};
use crate::findings::{Call, instead};
use crate::library::{self, Builtin, Member};

impl<'j, 'a, 'n> Judge<'j, 'a, 'n> {
    pub(super) fn use_of_name(&mut self, one: &'j Use<'a>) {
        let roots = self.roots(one.scope, one.name);
        let is_sure = roots.len() == 1;
        for root in roots {
            match root {
                Root::Servers => self.use_of_servers(one, is_sure),
                Root::Server(server) => self.use_of_server(one, server, &one.steps, is_sure),
                Root::Tool(server, tool) => self.use_of_tools(one, server, &[tool], &one.steps, is_sure),
                Root::Module(module) => self.use_of_module(one, module),
                Root::Member(module, name) => self.use_of_member(one, (module, name), &one.steps),
                Root::Builtin(builtin) => self.use_of_builtin(one, builtin),
                Root::Class(_) => self.use_of_class(one),
                Root::Value => self.use_of_value(one, &one.steps),
                Root::Nothing => {
                    self.use_of_value(one, &one.steps);
                    self.verdict.missed(one.name);
                    self.unknown_name(one);
                }
            }
        }
    }

    fn use_of_servers(&mut self, one: &'j Use<'a>, is_sure: bool) {
        let Some((step, rest)) = one.steps.split_first() else {
            return match self.keeps(one) {
                Some(true) => self.all_escape(one.line),
                Some(false) => self.findings.all_inspected(),
                None => {}
            };
        };
        let name = step.name();
        let servers = self.namespace.servers().iter();
        let called: Vec<&Server> = servers.filter(|s| s.python_name == name || s.name == name).collect();
        if called.is_empty() {
            // `mcp.search("words")` gives text.
            if step.attribute() == Some("search") && rest.is_empty() && one.role.call().is_some() {
                return;
            }
            self.verdict.missed(name);
            if !self.text_of_proxy(one.line, *step) {
                self.all_escape(one.line);
                if is_sure && !matches!(step, Step::Optional(_)) {
                    self.findings.unknown_server(one, &format!("mcp.{name}"), name, self.namespace);
                }
            }
            return;
        }
        let is_sure = is_sure && called.len() == 1;
        called.into_iter().for_each(|server| self.use_of_server(one, server, rest, is_sure));
    }

    fn use_of_server(&mut self, one: &'j Use<'a>, server: &'n Server, steps: &'j [Step<'a>], is_sure: bool) {
        let Some((step, rest)) = steps.split_first() else {
            return match self.keeps(one) {
                Some(true) => self.escapes(one.line, server),
                Some(false) => self.findings.inspected(server),
                None => {}
            };
        };
        let tools = self.tools_called(server, step.name());
        if tools.is_empty() {
            if !self.text_of_proxy(one.line, *step) {
                self.escapes(one.line, server);
                if is_sure && !matches!(step, Step::Optional(_)) {
                    self.findings.unknown_tool(one, server, step.name());
                }
            }
            return;
        }
        self.use_of_tools(one, server, &tools, rest, is_sure);
    }

    fn use_of_tools(
        &mut self,
        one: &'j Use<'a>,
        server: &'n Server,
        tools: &[&'n Tool],
        rest: &'j [Step<'a>],
        is_sure: bool,
    ) {
        if matches!(one.role, Role::Shown(by) if rest.is_empty() && self.is_intact(by)) {
            return;
        }
        let call = one.role.call().filter(|_| rest.is_empty());
        let kind = if call.is_some() { EvidenceKind::Called } else { EvidenceKind::Mentioned };
        for tool in tools {
            self.verdict.tool(server, tool, Evidence { line: one.line, kind });
        }
        self.steps_of_value(one, rest);
        if let (true, [tool], Some(call)) = (is_sure, tools, call) {
            self.findings.call(&Call { server, tool, call, line: one.line, guards: one.guards });
        }
    }

    /// Whether a name of a server that is no tool gives no more than text; reports it if it reaches further than that.
    fn text_of_proxy(&mut self, line: u32, step: Step<'_>) -> bool {
        let Some(name) = step.attribute() else { return false };
        if matches!(name, "__name__" | "__doc__") {
            return true;
        }
        if is_special(name) {
            self.attribute(line, name, None);
        }
        false
    }

    /// Whether a value, used without a further step, is kept by what it is given to; none if it only fails.
    fn keeps(&self, one: &Use<'_>) -> Option<bool> {
        match one.role {
            Role::Shown(by) => Some(!self.is_intact(by)),
            role => role.call().is_none().then_some(true),
        }
    }

    fn is_intact(&self, builtin: Option<&str>) -> bool {
        builtin.is_none_or(|name| !self.facts.scopes.is_bound_anywhere(name))
    }

    fn use_of_module(&mut self, one: &'j Use<'a>, module: &str) {
        let mut module = module.to_owned();
        let mut steps = one.steps.as_slice();
        loop {
            let Some((step, rest)) = steps.split_first() else {
                if self.keeps(one) == Some(true) {
                    self.reflection(one.line, format!("the module {module} is used as a value"));
                }
                return;
            };
            let Some(name) = step.attribute() else {
                return self.reflection(one.line, format!("the module {module} is used as a value"));
            };
            if library::member(&module, name) != Member::Module {
                return self.use_of_member(one, (&module, name), rest);
            }
            module = format!("{module}.{name}");
            steps = rest;
        }
    }

    fn use_of_member(&mut self, one: &'j Use<'a>, (module, name): (&str, &str), rest: &'j [Step<'a>]) {
        let is_text = matches!(name, "__name__" | "__doc__" | "__version__");
        let changes = rest.is_empty() && matches!(one.role, Role::Store | Role::Delete);
        let is_harmless = match library::member(module, name) {
            _ if changes => false,
            _ if rest.is_empty() && self.only_tests(one) => true,
            Member::Value => {
                self.use_of_value(one, rest);
                true
            }
            // `from xml.etree import ElementTree`: a module under its own name.
            Member::Module => {
                let module = format!("{module}.{name}");
                match rest.split_first().and_then(|(step, rest)| Some((step.attribute()?, rest))) {
                    Some((name, rest)) => self.use_of_member(one, (&module, name), rest),
                    None => self.reflection(one.line, format!("the module {module} is used as a value")),
                }
                true
            }
            Member::Dataclass => {
                rest.is_empty() && matches!(one.role, Role::ClassDecorator(class) if self.has_plain_fields(class))
            }
            Member::Field => rest.is_empty() && matches!(one.role, Role::FieldCall(_)),
            Member::Wraps => {
                let is_plain = |call: &ExprCall| {
                    call.keywords.is_empty()
                        && matches!(call.args.as_slice(), [one] if !matches!(one, Expr::Starred(_)))
                };
                rest.is_empty() && matches!(one.role, Role::FunctionDecorator(call) if is_plain(call))
            }
            Member::Metaclass => rest.is_empty() && matches!(one.role, Role::Metaclass),
            Member::TypedDict => {
                rest.is_empty()
                    && match one.role {
                        Role::ClassBase(_) => true,
                        Role::Call(call) => has_literal_fields(call),
                        _ => false,
                    }
            }
            Member::Type => self.is_in_plain_annotation(one, rest),
            Member::Enum => self.uses_enum_plainly(one, rest),
            Member::Redirection => rest.is_empty() && matches!(one.role, Role::Context(_)),
            Member::AttributeTaker => rest.is_empty() && self.takes_harmless_attributes(one),
            Member::Unknown => is_text,
        };
        if !is_harmless {
            self.reflection(one.line, format!("what {module}.{name} reaches is not known"));
        }
    }

    /// `attrgetter("a.b", "c")`, `methodcaller("strip")`: as good as those attributes.
    fn takes_harmless_attributes(&mut self, one: &Use<'_>) -> bool {
        let Some(call) = one.role.call() else { return false };
        for argument in &call.args {
            let Some(path) = crate::facts::text(argument) else { return false };
            path.split('.').for_each(|name| self.attribute(one.line, name, None));
        }
        call.keywords.iter().all(|keyword| keyword.arg.is_some())
    }

    fn use_of_builtin(&mut self, one: &'j Use<'a>, builtin: Builtin) {
        let is_harmless = match builtin {
            Builtin::Harmless => {
                self.use_of_value(one, &one.steps);
                return;
            }
            Builtin::ReachesEverything => false,
            Builtin::AccessByText | Builtin::Type if self.only_tests(one) => one.steps.is_empty(),
            Builtin::Type if self.is_in_plain_annotation(one, &one.steps) => true,
            Builtin::AccessByText | Builtin::Type => {
                let is_own = !self.facts.scopes.is_bound_anywhere(one.name);
                match one.role {
                    Role::SeenThrough(by) => is_own && self.is_intact(by),
                    Role::ClassOf(name) => is_own && one.steps.is_empty() && self.is_caught(one.scope, name),
                    _ => false,
                }
            }
        };
        if !is_harmless {
            self.reflection(one.line, format!("{} can reach everything", one.name));
        }
    }

    fn use_of_value(&mut self, one: &'j Use<'a>, steps: &[Step<'a>]) {
        self.steps_of_value(one, steps);
        match one.role {
            // What was looked through is not what it was taken for.
            Role::ComparedWithClass if !self.is_builtin(one) => {
                self.reflection(one.line, format!("{} may take the class that it is compared with", one.name));
            }
            Role::SeenThrough(_) => self.reflection(one.line, format!("{} is redefined here", one.name)),
            Role::Metaclass => self.reflection(one.line, format!("the metaclass {} can create anything", one.name)),
            _ => {}
        }
    }

    /// Whether a class only has values held against it.
    fn only_tests(&self, one: &Use<'_>) -> bool {
        matches!(one.role, Role::Tested(by) if self.is_intact(Some(by)))
    }

    fn is_builtin(&self, one: &Use<'_>) -> bool {
        library::builtin(one.name) == Some(Builtin::Harmless) && !self.facts.scopes.is_bound_anywhere(one.name)
    }

    /// A class statement's own class: its equality is that of all classes, because its metaclass is.
    fn use_of_class(&mut self, one: &'j Use<'a>) {
        if matches!(one.role, Role::ComparedWithClass) && one.steps.is_empty() {
            return;
        }
        self.use_of_value(one, &one.steps);
    }

    fn steps_of_value(&mut self, one: &Use<'_>, steps: &[Step<'_>]) {
        for (at, step) in steps.iter().enumerate() {
            if let Some(name) = step.attribute() {
                self.attribute(one.line, name, steps.get(at + 1).map(|next| next.name()));
            }
        }
    }

    fn unknown_name(&mut self, one: &Use<'_>) {
        let is_called = one.role.call().is_some();
        let is_owner = matches!(one.steps.first(), Some(Step::Attribute(_)));
        let is_foreign = || one.steps.is_empty() && instead(one.name, self.namespace).is_some();
        if is_called && (is_owner || is_foreign()) && !self.facts.scopes.is_bound_anywhere(one.name) {
            self.findings.unknown_server(one, one.name, one.name, self.namespace);
        }
    }
}

/// Whether the fields of a `TypedDict("Name", {"field": type})` are written out, and each is an identifier.
fn has_literal_fields(call: &ExprCall) -> bool {
    let [_, Expr::Dict(fields)] = call.args.as_slice() else { return false };
    let is_identifier = |text: &str| {
        let mut chars = text.chars();
        chars.next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
            && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
    };
    fields.keys.iter().all(|key| key.as_ref().and_then(crate::facts::text).is_some_and(is_identifier))
}
