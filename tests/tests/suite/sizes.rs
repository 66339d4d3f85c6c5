//! Large and odd values, in both directions.

use exuvia_runtime::{Limits, Outcome, Report};
use exuvia_tests::{SampleGateway, returned, run, stopped_by};
use serde_json::json;

const MEGABYTE: usize = 1_000_000;

fn raised() -> Limits {
    Limits {
        memory_bytes: 1 << 30,
        call_arguments_bytes: 128 << 20,
        call_result_bytes: 128 << 20,
        result_bytes: 128 << 20,
        wall_ms: 120_000,
        fuel: 1 << 50,
        ..Limits::default()
    }
}

/// A text to the tool, back from it, and out as the result.
fn round_trip(call: &str, bytes: usize) -> String {
    format!("text = 'é' + 'x' * {}\nresult = {call}\nassert result == text", bytes - 4)
}

fn returned_bytes(report: &Report) -> usize {
    match &report.outcome {
        Outcome::Returned(result) => result.size_bytes(),
        other => panic!("{other:?}"),
    }
}

async fn passes_in_process(bytes: usize) {
    let report = run(&round_trip("lab.echo(value=text)", bytes), raised()).await;
    assert_eq!(returned_bytes(&report), bytes);
}

async fn passes_a_real_server(bytes: usize) {
    let gateway = SampleGateway::echo(raised(), &[]).await;
    let report = gateway.run(&round_trip("echo.echo(value=text)['value']", bytes)).await;
    assert_eq!(returned_bytes(&report), bytes);
    let report = gateway.run(&format!("result = len(echo.blob(bytes={bytes}))")).await;
    assert_eq!(returned(&report), bytes);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_megabyte_passes_in_process() {
    passes_in_process(MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_pass_in_process() {
    passes_in_process(10 * MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by `just gates`"]
async fn fifty_megabytes_pass_in_process() {
    passes_in_process(50 * MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_megabyte_passes_a_real_server() {
    passes_a_real_server(MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_pass_a_real_server() {
    passes_a_real_server(10 * MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: run by `just gates`"]
async fn fifty_megabytes_pass_a_real_server() {
    passes_a_real_server(50 * MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_a_limit_of_a_call_can_be_caught_and_the_server_lives() {
    let limits = Limits { call_arguments_bytes: MEGABYTE, call_result_bytes: MEGABYTE, ..Limits::default() };
    let gateway = SampleGateway::echo(limits, &[]).await;
    let source = "
told = []
for call in (lambda: echo.echo(value='x' * 2_000_000), lambda: echo.blob(bytes=2_000_000)):
    try:
        call()
    except ToolLimitReached as error:
        told.append([error.limit, error.allowed, error.used > 2_000_000])
result = [told, echo.echo(value=1)]
";
    let expected = json!([
        [["call_arguments_bytes", 1_000_000, true], ["call_result_bytes", 1_000_000, true]],
        {"value": 1},
    ]);
    assert_eq!(returned(&gateway.run(source).await), expected);
    let uncaught = gateway.run("echo.blob(bytes=2_000_000)").await;
    assert_eq!(uncaught.outcome.name(), "raised");
    assert_eq!(uncaught.calls[0].outcome, "limit-reached");
    assert_eq!(returned(&gateway.run("result = echo.echo(value=2)").await), json!({"value": 2}));
    gateway.stop().await;
}

#[tokio::test]
async fn a_result_over_its_limit_stops_the_run_and_says_how_large_it_was() {
    let report = run("result = 'x' * 10_000_000", Limits { result_bytes: MEGABYTE, ..Limits::default() }).await;
    assert_eq!(stopped_by(&report), "result_bytes");
    let Outcome::Stopped(stop) = &report.outcome else { panic!("stopped") };
    assert!(stop.message.contains("10000002"), "{}", stop.message);
    assert_eq!(returned(&run("result = 1", Limits::default()).await), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_all_kinds_survive_the_way_to_a_real_server_and_back() {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    let source = r#"
values = [2 ** 53 + 1, 2 ** 64 + 1, -(2 ** 63) - 1, 10 ** 40, 0, -1, 0.1, 1e300, 5e-324, 1.7976931348623157e308, -0.0,
    "", "é", "日本語", "😀", "\u0000\u001f\u007f", "\u2028\"\\/", "a\nb\r\t", True, False, None, [], {}, [[[]]],
    {"": 1}, {"b": 1, "a": 2}, {"ключ": "значение"}, list(range(1000))]
deep = 1
for _ in range(80):
    deep = {"d": [deep]}
nested = 1
for _ in range(40):
    nested = {"d": [nested]}
values.append(nested)
wrong = []
for value in values:
    back = echo.echo(value=value)["value"]
    if repr(back) != repr(value):
        wrong.append([repr(value), repr(back)])
result = wrong
"#;
    assert_eq!(returned(&gateway.run(source).await), json!([]));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_nested_too_deep_is_an_error_of_its_call_alone() {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    let source = "
deep = 1
for _ in range(200):
    deep = [deep]
try:
    echo.echo(value=deep)
    result = 'sent'
except (ValueError, TypeError) as error:
    result = ['refused', echo.echo(value=1)['value']]
";
    assert_eq!(returned(&gateway.run(source).await), json!(["refused", 1]));
    gateway.stop().await;
}
