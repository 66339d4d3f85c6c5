//! `exuvia stdio`, as clients of both eras speak with it.

use std::fs;
use std::process::Stdio;

use exuvia_tests::{Client, DataHome, Folder, Program, assert_snapshot, built, data, echo_table, fake_table, sample};
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _, RoleClient, RunningService};
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// The most that the four definitions may cost on every turn of a conversation.
const DEFINITION_TOKENS: usize = 800;

#[test]
fn the_list_of_tools_is_the_committed_one_in_both_eras() {
    let file = data("tools_list.json");
    for mut client in Client::both_eras() {
        let answer = client.request("tools/list", json!({}));
        let tools = serde_json::to_string_pretty(&answer["result"]["tools"]).expect("JSON") + "\n";
        assert_snapshot(&file, &tools);
    }
}

#[test]
fn the_definitions_cost_at_most_800_tokens() {
    let tools: Value =
        serde_json::from_str(&fs::read_to_string(data("tools_list.json")).expect("a snapshot")).expect("JSON");
    let tokens = |text: &str| tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len();
    let with_one = tokens(&tools.to_string());
    assert!((100..=530).contains(&with_one), "{with_one} tokens");
    // The names of the recorded catalogs nearly three times over: 45 servers.
    let names: Vec<String> =
        exuvia_test_support::catalogs().into_iter().map(|one| one.name.replace('-', "_")).collect();
    let servers: Vec<String> = (0..45).map(|n| format!("{}_{}", names[n % names.len()], n / names.len())).collect();
    let many = tools.to_string().replace("Servers: echo.", &format!("Servers: {}.", servers.join(", ")));
    let with_many = tokens(&many);
    assert!(
        (with_one + 100..=DEFINITION_TOKENS.min(with_one + 330)).contains(&with_many),
        "{with_one}, {with_many} tokens"
    );
}

#[test]
fn the_list_of_tools_names_the_servers_before_they_are_there_and_is_the_same_bytes_after() {
    let mut client = Client::modern(&["--server", &sample("crm", "crm")]);
    let list = |client: &mut Client| client.request("tools/list", json!({}))["result"]["tools"].to_string();
    let early = list(&mut client);
    assert!(early.contains(" Servers: crm.\""), "{early}");
    client.call("executeToolCode", json!({"code": "crm.get_contacts(limit=1)"}));
    assert_eq!(list(&mut client), early);
}

#[test]
fn a_script_calls_real_tools_and_its_result_comes_back_with_its_usage() {
    for mut client in Client::both_eras() {
        let code = "print('hello')\nresult = echo.echo(value=[1, 2 ** 64])";
        let answer = client.call("executeToolCode", json!({"code": code}));
        let result = &answer["result"];
        assert_eq!(result["content"][0]["text"], "{\"value\":[1,18446744073709551616]}\n--- log\nhello");
        assert_ne!(result["isError"], true);
        let usage = &result["_meta"]["exuvia/usage"];
        assert!(usage["fuel"].as_u64() > Some(100_000), "{answer}");
        assert!(usage["memory_bytes_peak"].as_u64() > Some(1 << 20), "{answer}");
        assert!(usage["wall_ms"].is_u64(), "{answer}");
        assert_eq!(usage["tool_calls"], 1);
    }
}

#[test]
fn a_script_that_fails_is_an_error_that_the_model_can_read() {
    for mut client in Client::both_eras() {
        let (text, is_error) = client.execute("x = echo.echo(value=1)\nresult = x['valeu']");
        assert!(is_error && text.contains("KeyError") && text.contains("> 2 |"), "{text}");
        assert!(text.contains("calls made: echo.echo 1 ok"), "{text}");
    }
}

#[test]
fn the_files_and_docs_of_tools_can_be_read() {
    for mut client in Client::both_eras() {
        let mut text = |tool: &str, arguments| {
            let answer = client.call(tool, arguments);
            answer["result"]["content"][0]["text"].as_str().expect("a text").to_owned()
        };
        assert!(text("listToolFiles", json!({})).contains("echo.pyi"));
        assert!(text("listToolFiles", json!({"query": "milliseconds"})).contains("sleep"));
        let stub = text("readToolFile", json!({"fileName": "echo.pyi"}));
        assert!(stub.contains("def blob(bytes: int)"), "{stub}");
        let part = text("readToolFile", json!({"fileName": "echo.pyi", "startLine": 1, "endLine": 2}));
        assert!(part.len() < stub.len(), "{part}");
        assert!(text("getToolDocs", json!({"tool": "echo.sleep"})).starts_with("# echo.sleep"));
    }
}

#[test]
fn several_requests_at_a_time_get_their_own_answers() {
    for mut client in Client::both_eras() {
        let scripts = [30, 1, 15].map(|ms| format!("result = echo.sleep(ms={ms})['slept_ms']"));
        let ids = scripts
            .map(|code| client.ask("tools/call", json!({"name": "executeToolCode", "arguments": {"code": code}})));
        // Read in the order in which they are answered, which is not known.
        let mut found: Vec<(u64, String)> = Vec::new();
        let mut wanted = ids.to_vec();
        while !wanted.is_empty() {
            let (id, text) = client.any_answer();
            wanted.retain(|&other| other != id);
            found.push((id, text));
        }
        found.sort_unstable();
        assert_eq!(found.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["30", "1", "15"]);
    }
}

#[test]
fn a_script_goes_on_without_its_client_where_the_policy_says_so() {
    // Longer than what is left to answers when the input is closed.
    let call = json!({"name": "executeToolCode", "arguments": {"code": "echo.sleep(ms=6500)\nfake.echo(value=7)"}});
    let hello =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let messages = [
        json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}),
    ];
    let input: String = messages.iter().map(|message| format!("{message}\n")).collect();
    let ends = ["cancel", "finish"].map(|policy| {
        let folder = Folder::new("");
        let fake = format!("{}args = [\"--record\", {:?}]\n", fake_table("fake", 1), folder.text("record"));
        let runs = format!("[runs]\non_disconnect = {policy:?}\n");
        folder.write("exuvia.toml", &[runs, fake, echo_table()].concat());
        let mut program = Program::start(&["stdio", "--config", &folder.text("exuvia.toml")], &[]);
        program.write(&input);
        (folder, program)
    });
    let recorded = ends.map(|(folder, program)| {
        let ended = program.end();
        assert_eq!(ended.status, Some(0), "{ended:?}");
        fs::read_to_string(folder.path("record")).unwrap_or_default().contains("echo")
    });
    assert_eq!(recorded, [false, true]);
}

#[test]
fn a_modern_client_can_ask_what_is_spoken() {
    let mut client = Client::modern(&[]);
    let answer = client.request("server/discover", json!({}));
    let versions = answer["result"]["supportedVersions"].as_array().expect("versions");
    assert!(versions.contains(&json!("2026-07-28")), "{answer}");
    assert!(answer["result"]["capabilities"]["tools"].is_object(), "{answer}");
}

async fn rmcp_client(mode: ClientLifecycleMode) -> (Child, DataHome, RunningService<RoleClient, ()>) {
    let mut command = Command::new(built("exuvia"));
    command.args(["stdio", "--auto-execute", "echo.*", "--server", &sample("echo", "echo")]);
    let data = DataHome::of(command.as_std_mut());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("exuvia starts");
    let (output, input) = (child.stdout.take().expect("piped"), child.stdin.take().expect("piped"));
    let transport = AsyncRwTransport::new_client(output, input);
    let service = match mode {
        ClientLifecycleMode::Initialize => ().serve(transport).await,
        mode => ().serve_with_lifecycle(transport, mode).await,
    };
    (child, data, service.expect("a handshake"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_made_with_rmcp_works_in_both_eras() {
    let discover = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    for mode in [ClientLifecycleMode::Initialize, discover] {
        let (mut child, _data, client) = rmcp_client(mode).await;
        let names: Vec<_> = client.list_all_tools().await.expect("tools").into_iter().map(|tool| tool.name).collect();
        assert_eq!(names, ["listToolFiles", "readToolFile", "getToolDocs", "executeToolCode"]);
        let arguments = json!({"code": "result = echo.echo(value=7)"}).as_object().cloned().expect("an object");
        let request = CallToolRequestParams::new("executeToolCode").with_arguments(arguments);
        let result = client.call_tool(request).await.expect("an answer");
        let text = result.content[0].as_text().map(|block| block.text.as_str());
        assert_eq!(text, Some("{\"value\":7}"));
        client.cancel().await.expect("an end");
        assert!(child.wait().await.expect("an end").success());
    }
}
