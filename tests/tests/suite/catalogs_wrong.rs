//! Arguments that do not fit, for every tool of the recorded catalogs: refused before anything leaves.

use std::collections::BTreeMap;

use exuvia_tests::catalog::{Form, Misfit, call, catalogs, misfits, recorded};
use exuvia_tests::returned;
use exuvia_tool::{Server, Tool};
use serde_json::Value;

use crate::catalogs::{server, serving};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_leaves_whose_arguments_do_not_fit_and_the_error_says_how_to_repair_it() {
    let catalogs = catalogs();
    let (gateway, folder) = serving(&catalogs).await;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for catalog in &catalogs {
        let server = &server(&gateway, catalog);
        let faults: Vec<(&Tool, Misfit)> = server
            .tools()
            .iter()
            .flat_map(|tool| misfits(catalog.input_schema(tool)).into_iter().map(move |misfit| (tool, misfit)))
            .collect();
        let report = gateway.run(&script(server, &faults)).await;
        let told = returned(&report);
        for ((tool, misfit), text) in faults.iter().zip(told.as_array().expect("a list")) {
            tells(server, tool, misfit, text.as_str().unwrap_or("nothing was raised"));
            *kinds.entry(misfit.kind).or_default() += 1;
        }
        assert_eq!(recorded(server, folder.path()), [], "{}", server.name);
        assert!(report.calls.iter().all(|call| call.outcome == "invalid-arguments"), "{:?}", report.calls);
    }
    assert_eq!(kinds["unknown"], 508);
    for (kind, least) in [("missing", 450), ("type", 490), ("enum", 45), ("range", 40), ("nested", 60)] {
        assert!(kinds[kind] >= least, "{kinds:?}");
    }
    gateway.stop().await;
}

/// Collects what each call raises; None where it raises nothing.
fn script(server: &Server, faults: &[(&Tool, Misfit)]) -> String {
    let attempt = |(tool, misfit): &(&Tool, Misfit)| {
        let call = call(server, tool, &misfit.arguments, Form::Keywords);
        format!(
            "try:\n    {call}\n    result.append(None)\nexcept TypeError as error:\n    result.append(str(error))\n"
        )
    };
    format!("result = []\n{}", faults.iter().map(attempt).collect::<String>())
}

fn tells(server: &Server, tool: &Tool, misfit: &Misfit, text: &str) {
    let signature = format!("signature: {}.{}(", server.python_name, tool.python_name);
    for part in [&misfit.place, &misfit.expected, &signature] {
        assert!(
            text.contains(part.as_str()),
            "{part:?} is not in {text:?}, told of {}",
            Value::from(misfit.arguments.clone())
        );
    }
}
