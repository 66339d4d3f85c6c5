//! Two keys over every surface: what one sees has nothing of the other, and what one has is of no use to the other.
//!
//! Surfaces are read from the code: routes, methods, meta-tools, what a script can ask of its host, and saved functions. One without a row, or a
//! row without a surface, is a failure. Each row has two columns:
//!
//! - `hides`: both keys use the surface as they please, with words that neither has from the other. Nothing of one is in an answer to
//!   the other.
//! - `keeps`: one key has names and ids of the other, and uses them. It is answered as if they did not exist, to the byte.
//!
//! Budgets are a third column, in which every surface is used by both: `budgets.rs`.

mod budgets;
mod doors;
mod functions;
mod meta_tools;
mod methods;
mod routes;
mod world;

use std::collections::BTreeSet;
use std::fs;

use exuvia_gateway::meta;
use exuvia_server::METHODS;
use exuvia_server::http::ROUTES;
use exuvia_tests::{KeyClient, here};
use exuvia_tool::BoxFuture;

use world::{OF_ADA, OF_BOB, World};

/// What is done with a surface by Ada and Bob.
type Check = for<'a> fn(&'a World, &'a mut KeyClient, &'a mut KeyClient) -> BoxFuture<'a, ()>;

/// A surface, and what is checked of it.
struct Row {
    surface: &'static str,
    hides: Check,
    keeps: Check,
}

/// Nothing is to be had there that could be used by another one.
fn nothing<'a>(_: &'a World, _: &'a mut KeyClient, _: &'a mut KeyClient) -> BoxFuture<'a, ()> {
    Box::pin(std::future::ready(()))
}

fn rows() -> Vec<Row> {
    [routes::rows(), methods::rows(), meta_tools::rows(), doors::rows(), functions::rows()]
        .into_iter()
        .flatten()
        .collect()
}

/// All surfaces, as the code has them.
fn surfaces() -> BTreeSet<String> {
    let routes = ROUTES.iter().map(|(path, _)| format!("route {path}"));
    let methods = METHODS.iter().map(|method| format!("method {method}"));
    let metas = meta::TOOLS.iter().map(|tool| format!("tool {}", tool.name));
    let handled = handlers().into_iter().map(|name| format!("handler {name}"));
    let doors = imports().into_iter().map(|name| format!("import {name}"));
    routes.chain(methods).chain(metas).chain(handled).chain(doors).chain(functions::surfaces()).collect()
}

/// What answers clients and is no request: notifications, and what is asked of the server for others.
fn handlers() -> Vec<String> {
    let source = source("crates/server/src/mcp_handler/requests.rs");
    let (_, handler) = source.split_once("impl ServerHandler for McpHandler {").expect("the handler");
    let (handler, _) = handler.split_once("\n}\n").expect("its end");
    let functions = handler.lines().filter_map(|line| {
        let line = line.strip_prefix("    async fn ").or_else(|| line.strip_prefix("    fn "))?;
        line.split(['(', '<']).next().map(str::to_owned)
    });
    let (requests, others): (Vec<String>, Vec<String>) = functions.partition(|name| REQUESTS.contains(&name.as_str()));
    assert_eq!(requests.len(), REQUESTS.len(), "{requests:?}");
    others
}

/// Handlers of requests, whose rows are those of their methods.
const REQUESTS: [&str; 15] = [
    "get_info",
    "listen",
    "list_tools",
    "call_tool",
    "list_resources",
    "list_resource_templates",
    "read_resource",
    "subscribe",
    "unsubscribe",
    "list_prompts",
    "get_prompt",
    "get_task",
    "update_task",
    "cancel_task",
    "complete",
];

/// What a script can ask of its host: the functions of the interface `tools`.
fn imports() -> Vec<String> {
    let source = source("wit/sandbox.wit");
    let (_, tools) = source.split_once("\ninterface tools {").expect("the interface");
    let (tools, _) = tools.split_once("\n}\n").expect("its end");
    let functions = tools.lines().filter_map(|line| line.trim().split_once(": func(").map(|(name, _)| name.to_owned()));
    functions.collect()
}

fn source(file: &str) -> String {
    fs::read_to_string(here().join("..").join(file)).expect("a source file")
}

#[test]
fn every_surface_has_a_row() {
    let rows: BTreeSet<String> = rows().iter().map(|row| row.surface.to_owned()).collect();
    let surfaces = surfaces();
    let missing: Vec<_> = surfaces.difference(&rows).collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    let unknown: Vec<_> = rows.difference(&surfaces).collect();
    assert!(unknown.is_empty(), "no surface: {unknown:?}");
    assert!(surfaces.len() > 40, "{surfaces:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_key_is_seen_by_another() {
    let world = World::new().await;
    for row in rows() {
        let (mut ada, mut bob) = (world.client("ada").await, world.client("bob").await);
        (row.hides)(&world, &mut ada, &mut bob).await;
        for (client, words) in [(&ada, OF_BOB), (&bob, OF_ADA)] {
            let seen = client.seen().to_lowercase();
            let found: Vec<_> = words.iter().filter(|word| seen.contains(**word)).collect();
            assert!(found.is_empty(), "{}: {found:?} in {seen}", row.surface);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_key_is_of_use_to_another() {
    let world = World::new().await;
    for row in rows() {
        let (mut ada, mut bob) = (world.client("ada").await, world.client("bob").await);
        (row.keeps)(&world, &mut ada, &mut bob).await;
    }
}
