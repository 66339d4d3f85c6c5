//! What a function saves.
#![expect(clippy::print_stdout, reason = "what it saves is a number of README")]

use exuvia_gateway::answer::{AnswerRoom, render};
use exuvia_policy::ServerRules;
use exuvia_tests::built;
use serde_json::json;

use super::*;

const TASK: &str = include_str!("../../../../crates/exuvia/src/demo/script.py");

fn sample(name: &str) -> ServerConfig {
    let program = built("exuvia").display().to_string();
    let arguments = ["sample", name].map(str::to_owned);
    ServerConfig::stdio(name, program, arguments, &|name| std::env::var(name).ok())
}

/// The task as a function.
fn function() -> String {
    let (imports, body) = TASK.split_once("import asyncio\n").expect("it imports asyncio");
    let body: String =
        body.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") }).collect();
    let body = body.replace("10_000", "least").replace("ranked[:10]", "ranked[:top]").replace("result = [", "return [");
    let signature = "async def best_customers(least: int = 10_000, top: int = 10) -> list[dict]:\n    \
        \"\"\"Customers whose last order was above `least`, by revenue: name, company, last_order, revenue.\"\"\"\n";
    format!("{imports}import asyncio\n\n{signature}{body}")
}

fn tokens(texts: &[&str]) -> usize {
    let encoding = tiktoken_rs::o200k_base_singleton();
    texts.iter().map(|text| encoding.encode_ordinary(text).len()).sum()
}

/// What a model reads and writes for one task: the stubs that it asks for, its script, and the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_a_function_costs_a_model_a_fraction() {
    let saved = Saved::over(vec![sample("crm"), sample("billing")], Limits::default(), &["*.*"]).await;
    saved.save("best_customers", &function()).await;
    let read = async |path: &str| saved.gateway.ask("readToolFile", &json!({"fileName": path})).await;
    let (crm, billing, functions) = (read("crm.pyi").await, read("billing.pyi").await, read("functions.pyi").await);
    let by_hand = saved.report(TASK).await;
    let call = "functions.best_customers(least=10_000)";
    let by_function = saved.report(call).await;
    let value = |report: &Report| match &report.outcome {
        Outcome::Returned(value) => value.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(value(&by_hand), value(&by_function));
    let answer = |report: &Report| render(report, AnswerRoom::UNLIMITED).text;
    let whole = tokens(&[&crm, &billing, TASK, &answer(&by_hand)]);
    let short = tokens(&[&functions, call, &answer(&by_function)]);
    println!("tokens of the task: {whole} by hand, {short} as a function");
    assert!(short * 2 < whole, "{short} of {whole}");
    saved.gateway.stop().await;
}

/// Where functions are configured and a script sees none, it takes the fuel that it takes without them; where none are, nothing is shown.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_used_costs_nothing() {
    let without = SampleGateway::of(vec![fake("fake", &[])], Limits::default()).await;
    let saved = Saved::new().await;
    let none = ServerRules { tools: Vec::new(), ..ServerRules::default() };
    let source = PolicySource { servers: [("functions".to_owned(), none)].into(), ..PolicySource::default() };
    saved.gateway.gateway().set_policy(Policy::compile(source, ["fake", "functions"]).expect("a policy"));
    for script in ["1", "fake.echo(value=1)\nsum(range(1000))"] {
        let (one, other) = (without.run(script).await, saved.gateway.run(script).await);
        assert_eq!(one.usage.fuel, other.usage.fuel, "{script}");
    }
    let listed = without.ask("listToolFiles", &json!({})).await;
    assert!(!listed.contains("functions"), "{listed}");
    without.stop().await;
    saved.gateway.stop().await;
}
