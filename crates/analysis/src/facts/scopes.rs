//! Scopes: where names are bound, and what a name refers to where it is used.

use std::collections::{HashMap, HashSet};

/// One scope of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ScopeId(usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Module,
    Function,
    Class,
    /// A comprehension: `:=` in it binds around it.
    Comprehension,
    /// The type parameters of a definition.
    TypeParameters,
}

/// What binds a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// An import, by its place among the facts.
    Import(usize),
    /// A class statement, by its place among the facts.
    Class(usize),
    /// A handler: the name is that of the exception it caught.
    Caught,
    /// Anything else: an assignment, a parameter, a loop, a pattern, a function, a deletion.
    Value,
}

struct Scope<'a> {
    kind: Kind,
    parent: ScopeId,
    bindings: HashMap<&'a str, Vec<(u32, Binding)>>,
    globals: HashSet<&'a str>,
    nonlocals: HashSet<&'a str>,
}

impl Scope<'_> {
    fn new(kind: Kind, parent: ScopeId) -> Self {
        Self { kind, parent, bindings: HashMap::new(), globals: HashSet::new(), nonlocals: HashSet::new() }
    }
}

/// What a name may mean.
#[derive(Debug, Default)]
pub(crate) struct Meaning {
    pub(crate) bindings: Vec<Binding>,
    /// Whether it may be the name's first meaning: what the sandbox or Python calls so.
    pub(crate) original: bool,
}

/// All scopes of a script.
pub(crate) struct Scopes<'a> {
    scopes: Vec<Scope<'a>>,
    bound: HashSet<&'a str>,
    /// Those that something else than an import binds.
    made: HashSet<&'a str>,
    /// What `nonlocal` names were bound to, and where: whose names they are shows when all bindings are known.
    unsettled: Vec<(ScopeId, &'a str, u32, Binding)>,
}

impl Default for Scopes<'_> {
    fn default() -> Self {
        Self {
            scopes: vec![Scope::new(Kind::Module, Self::MODULE)],
            bound: HashSet::new(),
            made: HashSet::new(),
            unsettled: Vec::new(),
        }
    }
}

impl<'a> Scopes<'a> {
    pub(crate) const MODULE: ScopeId = ScopeId(0);

    pub(crate) fn open(&mut self, kind: Kind, parent: ScopeId) -> ScopeId {
        self.scopes.push(Scope::new(kind, parent));
        ScopeId(self.scopes.len() - 1)
    }

    pub(crate) fn kind(&self, scope: ScopeId) -> Kind {
        self.scopes[scope.0].kind
    }

    pub(crate) fn declare_global(&mut self, scope: ScopeId, name: &'a str) {
        self.scopes[scope.0].globals.insert(name);
    }

    pub(crate) fn declare_nonlocal(&mut self, scope: ScopeId, name: &'a str) {
        self.scopes[scope.0].nonlocals.insert(name);
    }

    /// The scope that `:=` binds in: comprehensions have none of their own for it.
    pub(crate) fn around_comprehensions(&self, mut scope: ScopeId) -> ScopeId {
        while self.kind(scope) == Kind::Comprehension {
            scope = self.scopes[scope.0].parent;
        }
        scope
    }

    pub(crate) fn bind(&mut self, scope: ScopeId, name: &'a str, line: u32, binding: Binding) {
        self.bound.insert(name);
        if !matches!(binding, Binding::Import(_)) {
            self.made.insert(name);
        }
        let declared = &self.scopes[scope.0];
        if declared.nonlocals.contains(name) {
            self.unsettled.push((scope, name, line, binding));
            return;
        }
        let owner = if declared.globals.contains(name) { Self::MODULE } else { scope };
        self.bind_in(owner, name, line, binding);
    }

    /// Gives each `nonlocal` binding to the function around that binds the name. Called once, after all else is bound.
    pub(crate) fn settle(&mut self) {
        for (scope, name, line, binding) in std::mem::take(&mut self.unsettled) {
            let owner = self.function_around(scope, name);
            self.bind_in(owner, name, line, binding);
        }
    }

    fn bind_in(&mut self, owner: ScopeId, name: &'a str, line: u32, binding: Binding) {
        let bindings = self.scopes[owner.0].bindings.entry(name).or_default();
        if bindings.iter().all(|(_, known)| *known != binding) {
            bindings.push((line, binding));
        }
    }

    fn function_around(&self, scope: ScopeId, name: &str) -> ScopeId {
        let mut at = self.scopes[scope.0].parent;
        while at != Self::MODULE {
            let here = &self.scopes[at.0];
            if here.kind != Kind::Class && here.bindings.contains_key(name) {
                return at;
            }
            at = here.parent;
        }
        // No such function: a syntax error.
        scope
    }

    /// Whether the script binds this name in any scope.
    pub(crate) fn is_bound_anywhere(&self, name: &str) -> bool {
        self.bound.contains(name)
    }

    /// Whether the script, in any scope, gives this name a meaning of its own making.
    pub(crate) fn is_made_anywhere(&self, name: &str) -> bool {
        self.made.contains(name)
    }

    /// Where and how the script binds a name at its top level.
    pub(crate) fn module_bindings(&self, name: &str) -> &[(u32, Binding)] {
        self.scopes[Self::MODULE.0].bindings.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every meaning that a name may have in a scope. Python's rules: a name that a function binds anywhere is the
    /// function's own; the names of a class are seen in its body only, where they hide nothing for sure.
    pub(crate) fn meaning(&self, scope: ScopeId, name: &str) -> Meaning {
        let mut meaning = Meaning::default();
        let mut at = scope;
        // A class is seen from its own body, and from the type parameters of what is defined in it.
        let mut sees_class = true;
        while at != Self::MODULE {
            let here = &self.scopes[at.0];
            let is_seen = here.kind != Kind::Class || sees_class;
            // What a class declares global is so in its body; its methods may still mean a variable of a function around.
            if is_seen && here.globals.contains(name) {
                break;
            }
            if let Some(bindings) = here.bindings.get(name).filter(|_| is_seen) {
                meaning.bindings.extend(bindings.iter().map(|(_, binding)| *binding));
                // A name that a class body binds is looked up there and then among the globals, past the functions around.
                if here.kind == Kind::Class {
                    break;
                }
                if !here.nonlocals.contains(name) {
                    return meaning;
                }
            }
            sees_class &= here.kind == Kind::TypeParameters;
            at = here.parent;
        }
        meaning.bindings.extend(self.module_bindings(name).iter().map(|(_, binding)| *binding));
        meaning.original = true;
        meaning
    }
}
