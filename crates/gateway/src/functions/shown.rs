//! Functions as a view shows them: tools of a server of their own.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use exuvia_analysis::analyze;
use exuvia_config::FunctionsConfig;
use exuvia_functions::{Function, FunctionSet, PROPOSE, SERVER, Withdrawn};
use exuvia_policy::{Classification, Policy, PolicySource};
use exuvia_tool::{Namespace, ToolAnnotations, ToolDescriptor, ToolName, Withheld, locked};
use serde_json::{Map, Value, json};

use super::FunctionLibrary;
use crate::View;

/// The functions of one moment, and what is configured of them.
#[derive(Debug, Clone)]
pub(crate) struct ShownFunctions {
    pub(crate) library: Arc<FunctionLibrary>,
    pub(crate) set: Arc<FunctionSet>,
    pub(crate) config: Arc<FunctionsConfig>,
}

impl ShownFunctions {
    /// The tools of the server `functions` that a policy shows. None: there is nothing to see.
    pub(crate) fn tools(&self, policy: &Policy) -> Option<Vec<Arc<ToolDescriptor>>> {
        let callable = self.set.callable().map(|callable| Arc::clone(callable.function.descriptor()));
        let withdrawn = self.set.withdrawn().map(|(name, _)| Arc::new(named(name)));
        let propose = self.config.propose.then(|| Arc::new(propose()));
        let mut tools: Vec<_> = callable.chain(withdrawn).collect();
        tools.sort_by(|one, other| one.name.cmp(&other.name));
        let all = tools.into_iter().chain(propose);
        let shown: Vec<_> = all.filter(|tool| policy.shows(&ToolName::new(SERVER, tool.name.as_str()))).collect();
        (!shown.is_empty()).then_some(shown)
    }

    /// Why a function is withheld. None: it is not.
    pub(crate) fn why(&self, server: &str, tool: &str) -> Option<Withheld> {
        Some(match self.set.why_withdrawn(tool).filter(|_| server == SERVER)? {
            Withdrawn::Removed => Withheld::Removed,
            Withdrawn::Unknown => Withheld::Unknown,
            Withdrawn::Changed | Withdrawn::Invalid => Withheld::Unpromoted,
        })
    }
}

/// A tool of which only the name is known.
fn named(name: &str) -> ToolDescriptor {
    ToolDescriptor {
        name: name.to_owned(),
        title: None,
        description: None,
        input_schema: Value::Object(Map::new()),
        output_schema: None,
        annotations: ToolAnnotations::default(),
    }
}

/// The tool that proposes a function.
fn propose() -> ToolDescriptor {
    let text = |description: &str| json!({"type": "string", "description": description});
    ToolDescriptor {
        description: Some(
            "Propose a function for later scripts. Callable as functions.NAME once a person has promoted it, not before.".to_owned(),
        ),
        input_schema: json!({
            "type": "object",
            "properties": {
                "name": text("the def's name"),
                "code": text("Python: one def with annotated parameters and a docstring; helpers begin with _"),
            },
            "required": ["name", "code"],
            "additionalProperties": false,
        }),
        ..named(PROPOSE)
    }
}

/// What a run has of functions: it keeps those that it was started with.
#[derive(Debug)]
pub(crate) struct RunFunctions {
    pub(crate) shown: ShownFunctions,
    /// What each of them may call at most, by its name, once it was called.
    own_tools: Mutex<HashMap<String, Arc<BTreeSet<ToolName>>>>,
}

impl RunFunctions {
    pub(crate) fn new(shown: ShownFunctions) -> Self {
        Self { shown, own_tools: Mutex::default() }
    }

    /// What a function may call at most, of what there is in the namespace: what its file says, else what its text names.
    pub(crate) async fn own_tools(&self, function: &Function, namespace: &Arc<Namespace>) -> Arc<BTreeSet<ToolName>> {
        let name = function.name().to_string();
        if let Some(known) = locked(&self.own_tools).get(&name) {
            return Arc::clone(known);
        }
        let (function, namespace) = (function.clone(), Arc::clone(namespace));
        // The text is read as Python. What cannot be found out is nothing.
        let found = tokio::task::spawn_blocking(move || own_tools(&function, &namespace)).await.unwrap_or_default();
        let found = Arc::new(found);
        locked(&self.own_tools).insert(name, Arc::clone(&found));
        found
    }
}

impl View {
    /// What a function may call at most, of the tools that scripts of this view see: what its file says, else what its text names. Takes
    /// processor time: the text is read as Python.
    #[must_use]
    pub fn tools_of_function(&self, function: &Function) -> BTreeSet<ToolName> {
        own_tools(function, &self.scripts().namespace)
    }
}

fn own_tools(function: &Function, namespace: &Namespace) -> BTreeSet<ToolName> {
    let Some(patterns) = function.tools() else {
        return analyze(function.source(), namespace).may_call.referenced().collect();
    };
    let source = PolicySource { auto_execute: patterns.to_vec(), ..PolicySource::default() };
    let servers = namespace.servers().iter().map(|server| server.name.as_str());
    // A pattern that is none names nothing.
    let Ok(policy) = Policy::compile(source, servers) else { return BTreeSet::new() };
    let all = namespace.servers().iter().flat_map(|server| {
        server.tools().iter().map(|tool| ToolName::new(server.name.as_str(), tool.descriptor.name.as_str()))
    });
    all.filter(|tool| matches!(policy.classify(tool), Classification::Listed(_))).collect()
}
