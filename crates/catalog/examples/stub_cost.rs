//! Prints what reading each recorded catalogue costs as a stub, beside its raw tool list, in o200k tokens.
//!
//! With a directory as its argument it also writes the stubs there, for a type checker to read.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/catalogues/mod.rs"]
mod catalogues;

use exuvia_catalog::{docs, stub};

fn main() {
    let out = std::env::args().nth(1);
    let tokens = tiktoken_rs::o200k_base().unwrap();
    let count = |text: &str| tokens.encode_ordinary(text).len();
    let mut sums = [0_usize; 4];
    println!("| server | tools | raw list | stub | | all docs |\n|---|---|---|---|---|---|");
    for catalogue in catalogues::all() {
        let namespace = catalogue.namespace();
        let server = &namespace.servers()[0];
        let text = stub::server_stub(server);
        let docs: usize = server.tools().iter().map(|tool| count(&docs::tool_docs(server, tool))).sum();
        let row = [server.tools().len(), count(&catalogue.raw), count(&text), docs];
        sums.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
        println!("| {} | {} |", catalogue.name, cells(row));
        if let Some(out) = &out {
            std::fs::write(format!("{out}/{}.pyi", server.python_name), text).unwrap();
            let docs: Vec<_> = server.tools().iter().map(|tool| docs::tool_docs(server, tool)).collect();
            std::fs::write(format!("{out}/{}.txt", server.python_name), docs.join("\n\n=====\n\n")).unwrap();
        }
    }
    println!("| sum | {} |", cells(sums));
}

fn cells([tools, raw, stub, docs]: [usize; 4]) -> String {
    format!("{tools} | {raw} | {stub} | {:.1} % | {docs}", 100.0 * stub as f64 / raw as f64)
}
