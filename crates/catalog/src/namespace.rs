//! The namespace of a script, built from what servers list.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use exuvia_tool::{
    Absence, Absent, LazyText, Namespace, Parameter, Server, Tool, ToolAnnotations, ToolDescriptor, ToolName, Withheld,
    WithheldTool,
};
use serde_json::{Map, Value};

use crate::arguments::{Allowance, SchemaCheck};
use crate::docs;
use crate::names::{Kind, python_names};
use crate::schema::Document;
use crate::shape::Subject;

/// Builds the namespace of these servers, each under its name in the configuration, in this order.
///
/// A server or tool that repeats an earlier name is left out: no call could reach it. Schemas are compiled at the first
/// call of their tool.
#[must_use]
pub fn build<T: Into<Arc<ToolDescriptor>>>(servers: Vec<(String, Vec<T>)>) -> Namespace {
    build_beside(servers.into_iter().map(|(name, tools)| (name, Ok(tools))).collect())
}

/// The same with servers that are configured but unavailable, each in its place, so that starting and failing servers rename
/// nothing.
#[must_use]
pub fn build_beside<T: Into<Arc<ToolDescriptor>>>(servers: Vec<(String, Result<Vec<T>, Absence>)>) -> Namespace {
    build_withholding(servers, |_, _| None)
}

/// The same with tools that are withheld: `withheld` says why, by the names of server and tool. Such a tool keeps its Python name,
/// so that no other tool of its server answers under it.
#[must_use]
pub fn build_withholding<T: Into<Arc<ToolDescriptor>>>(
    servers: Vec<(String, Result<Vec<T>, Absence>)>,
    withheld: impl Fn(&str, &str) -> Option<Withheld>,
) -> Namespace {
    let mut seen = HashSet::new();
    let servers: Vec<_> = servers.into_iter().filter(|(name, _)| seen.insert(name.clone())).collect();
    let names: Vec<&str> = servers.iter().map(|(name, _)| name.as_str()).collect();
    let python_names = python_names(Kind::Server, &names);
    let (mut built, mut absent) = (Vec::new(), Vec::new());
    for ((name, tools), python_name) in servers.into_iter().zip(python_names) {
        match tools {
            Ok(tools) => {
                let tools = tools.into_iter().map(Into::into).collect();
                built.push(server(name, python_name, tools, &withheld));
            }
            Err(why) => absent.push(Absent { python_name, ..Absent::new(name, why) }),
        }
    }
    Namespace::new(built).with_absent(absent)
}

/// The Python names of servers that a configuration lists, in the same order: those of [`build_beside`], whatever the servers
/// list. Names are unique.
#[must_use]
pub fn server_names(names: &[&str]) -> Vec<String> {
    python_names(Kind::Server, names)
}

fn server(
    name: String,
    python_name: String,
    descriptors: Vec<Arc<ToolDescriptor>>,
    withheld: &impl Fn(&str, &str) -> Option<Withheld>,
) -> Server {
    let mut seen = HashSet::new();
    let descriptors: Vec<_> = descriptors.into_iter().filter(|tool| seen.insert(tool.name.clone())).collect();
    let names: Vec<&str> = descriptors.iter().map(|tool| tool.name.as_str()).collect();
    let python_names = python_names(Kind::Tool, &names);
    let allowance = Arc::default();
    let (mut tools, mut hidden) = (Vec::with_capacity(descriptors.len()), Vec::new());
    for (descriptor, tool_name) in descriptors.into_iter().zip(python_names) {
        match withheld(&name, &descriptor.name) {
            None => tools.push(tool(&python_name, tool_name, descriptor, &allowance)),
            Some(why) => {
                let unknown = Arc::new(without_texts(&descriptor.name));
                let mut tool = tool(&python_name, tool_name, unknown, &allowance);
                tool.documentation = why.trouble(&ToolName::new(name.as_str(), descriptor.name.as_str())).into();
                hidden.push(WithheldTool { tool, why });
            }
        }
    }
    Server::new(name, python_name, tools).with_withheld(hidden)
}

/// A tool of which nothing is known but its name: it takes any arguments.
fn without_texts(name: &str) -> ToolDescriptor {
    ToolDescriptor {
        name: name.to_owned(),
        title: None,
        description: None,
        input_schema: Value::Object(Map::new()),
        output_schema: None,
        annotations: ToolAnnotations::default(),
    }
}

fn tool(server: &str, python_name: String, descriptor: Arc<ToolDescriptor>, allowance: &Arc<Allowance>) -> Tool {
    let document = Document::new(&descriptor.input_schema);
    let object = document.object(document.root());
    let names: Vec<&str> = object.properties.iter().map(|property| property.name).collect();
    let parameter_names = python_names(Kind::Parameter, &names);
    let parameter = |(property, python_name): (&crate::schema::Property<'_>, &String)| Parameter {
        python_name: python_name.clone(),
        name: property.name.to_owned(),
        required: property.required,
    };
    let parameters: Arc<[_]> = object.properties.iter().zip(&parameter_names).map(parameter).collect();
    // A schema that describes nothing leaves the tool open; one that lists keys and does not mention others does not: an
    // unknown keyword is most likely misspelled.
    let accepts_other_keywords = object.is_open();
    let (signature, documentation) = described(&python_name, &descriptor, &parameters);
    let label = format!("{server}.{python_name}");
    let check = SchemaCheck::new(label, signature.clone(), &parameters, descriptor.clone(), Arc::clone(allowance));
    Tool {
        python_name,
        parameters: parameters.to_vec(),
        accepts_other_keywords,
        signature,
        documentation,
        arguments: Arc::new(check),
        descriptor,
    }
}

/// What is to be read of a tool, made when it is read.
fn described(
    python_name: &str,
    descriptor: &Arc<ToolDescriptor>,
    parameters: &Arc<[Parameter]>,
) -> (LazyText, LazyText) {
    let (python_name, descriptor, parameters) =
        (python_name.to_owned(), Arc::clone(descriptor), Arc::clone(parameters));
    let description = Arc::new(LazyLock::new(move || {
        let subject = Subject { python_name: &python_name, descriptor: &descriptor, parameters: &parameters };
        docs::describe(subject)
    }));
    let same = Arc::clone(&description);
    let signature = LazyText::new(move || same.signature.clone());
    (signature, LazyText::new(move || description.documentation.clone()))
}
