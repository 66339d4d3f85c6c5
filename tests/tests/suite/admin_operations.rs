//! What the admin API says of keys, servers, tools and policies, and what it does to them.

use std::time::{Duration, Instant};

use exuvia_tests::{AdminApi, Daemon, Folder, KeyClient, key_table};
use serde_json::{Value, json};

/// The program as a value of TOML.
fn program() -> String {
    json!(exuvia_tests::built("exuvia").display().to_string()).to_string()
}

/// The sample CRM and echo servers, a role and a key, in a folder that is served.
async fn served(more: &str) -> (Folder, Daemon, AdminApi) {
    let program = program();
    let text = format!(
        "[servers.crm]\ncommand = {program}\nargs = ['sample', 'crm']\nauto_execute = ['get_*']\n\
         env = {{ TOKEN = 'canary-7f3a' }}\n[servers.crm.constraints.get_contact]\ncontact_id = {{ at_most = 100 }}\n\
         [servers.shell]\ncommand = 'sh'\nargs = ['-c', 'echo first line >&2; echo second line >&2; exit 1']\n\
         [roles.support]\ntools = ['crm.get_*']\n[budgets.all]\nperiod = 'day'\nruns = 1_000\n{more}"
    );
    let folder = Folder::new(&(text + &key_table("ci", "support")));
    let daemon = folder.serve(&[]).await;
    let api = AdminApi::of(&daemon).await;
    (folder, daemon, api)
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().expect("items").iter().filter_map(|item| item["name"].as_str()).collect()
}

fn item<'a>(page: &'a Value, name: &str) -> &'a Value {
    let items = page["items"].as_array().expect("items");
    items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name}: {page}"))
}

#[tokio::test]
async fn keys_are_issued_rotated_and_revoked_and_secrets_are_shown_once() {
    let (_folder, daemon, api) = served("").await;
    let made = api.post("/keys", &json!({"name": "bot", "role": "support", "labels": {"team": "a"}})).await;
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    let keys = api.get("/keys").await;
    assert_eq!(names(&keys), ["bot", "ci"], "{keys}");
    assert_eq!((&item(&keys, "bot")["kind"], &item(&keys, "ci")["kind"]), (&json!("issued"), &json!("configured")));
    assert_eq!(item(&keys, "bot")["labels"], json!({"team": "a"}));
    assert!(!keys.to_string().contains(&secret) && !api.get("/keys/bot").await.to_string().contains(&secret));
    let works = |secret: String| {
        let address = daemon.address();
        async move {
            let begun = Instant::now();
            loop {
                let answer = KeyClient::of(address, &secret).await.send("POST", "/mcp", &[], "").await;
                if answer.status != 401 && answer.status != 503 {
                    return true;
                }
                if begun.elapsed() > Duration::from_secs(3) {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    assert!(works(secret.clone()).await);
    let rotated = api.post("/keys/bot/rotate", &json!({"overlap_ms": 60_000})).await;
    let new = rotated["secret"].as_str().expect("a secret").to_owned();
    assert!(new != secret && works(new.clone()).await);
    assert!(api.get("/keys/bot").await["old_secret_until_ms"].is_u64());
    let over = json!({"budget": "all", "amounts": {"runs": 7}, "until_ms": 4_102_444_800_000_u64});
    let given = api.post("/keys/bot/budgets", &json!({"overrides": [over]})).await;
    assert_eq!(given["overrides"][0]["amounts"], json!({"runs": 7}), "{given}");
    assert_eq!(api.post("/keys/bot/budgets", &json!({"remove": ["all"]})).await["overrides"], json!([]));
    let with_budget = json!({"name": "bot2", "role": "support", "overrides": [over]});
    api.post("/keys", &with_budget).await;
    assert_eq!(api.get("/keys/bot2").await["overrides"][0]["percent"], json!(100));
    api.post("/keys/bot/revoke", &json!({})).await;
    assert_eq!(api.get("/keys/bot").await["state"], "revoked");
    let mut wrong = Vec::new();
    for (path, body) in [
        ("/keys", json!({"name": "x", "role": "nobody"})),
        ("/keys", json!({"name": "a b", "role": "support"})),
        ("/keys", json!({"name": "x", "role": "support", "nonsense": 1})),
        ("/keys", json!({"name": "ci", "role": "support"})),
        ("/keys", json!({"name": "bot", "role": "support"})),
        ("/keys/none/revoke", json!({})),
        ("/keys/ci/revoke", json!({})),
        ("/keys/bot/rotate", json!({})),
        ("/keys/bot/budgets", json!({"overrides": [over]})),
        ("/keys/ci/budgets", json!({"overrides": [over]})),
        ("/keys/bot2/budgets", json!({"overrides": [{"budget": "none", "until_ms": 4_102_444_800_000_u64}]})),
        ("/keys/bot2/budgets", json!({"overrides": [{"budget": "all", "amounts": {"x": 1}, "until_ms": 9}]})),
    ] {
        wrong.push(api.ask("POST", path, Some(&body)).await.status);
    }
    assert_eq!(wrong, [404, 400, 400, 409, 409, 404, 409, 409, 409, 409, 404, 400]);
    assert_eq!(api.ask("GET", "/keys/none", None).await.status, 404);
}

#[tokio::test]
async fn roles_budgets_usage_and_explanations_tell_who_may_do_and_did_what() {
    let (_folder, daemon, api) = served("").await;
    let ran = KeyClient::of(daemon.address(), "ci").await.run("result = crm.get_contact(contact_id=7)").await;
    assert!(!ran.contains("error"), "{ran}");
    let roles = api.get("/roles").await;
    let role = item(&roles, "support");
    assert_eq!((&role["keys"], &role["tools"]), (&json!(1), &json!(["crm.get_*"])), "{roles}");
    assert!(role["visible_tools"].as_u64().is_some_and(|tools| tools > 0), "{roles}");
    let budgets = api.get("/budgets").await;
    assert_eq!(
        (&budgets["items"][0]["budget"], &budgets["items"][0]["period"]),
        (&json!("all"), &json!("day")),
        "{budgets}"
    );
    assert_eq!(budgets["items"][0]["counters"][0]["limit"], json!(1_000), "{budgets}");
    for (by, name) in [("principal", "key:ci"), ("server", "crm"), ("tool", "crm.get_contact")] {
        let usage = api.get(&format!("/usage?by={by}")).await;
        assert_eq!(item(&usage, name)["calls"], json!(1), "{usage}");
    }
    let daily = api.get("/usage/daily?days=2").await;
    let calls: Vec<_> = daily["items"].as_array().expect("days").iter().map(|day| day["calls"].clone()).collect();
    assert_eq!(calls, [json!(0), json!(1)], "{daily}");
    let mut key = KeyClient::of(daemon.address(), "ci").await;
    // What is recorded is in the sums a moment later, and a question when something else is written.
    let read = key.call("readToolFile", json!({"fileName": "crm.pyi"})).await;
    assert!(read.contains("get_contact"), "{read}");
    key.run("result = 1").await;
    let begun = Instant::now();
    let (tokens, day) = loop {
        let tokens = api.get("/tokens/daily?days=1").await;
        let day = tokens["items"][0].clone();
        if day["runs"] == 2 && day["paid_parts"]["discovery"] != 0 {
            break (tokens, day);
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{tokens}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let number = |value: &Value| value.as_u64().expect("a number");
    let (schemas, metas) = (number(&tokens["schema_tokens"]), number(&tokens["meta_tokens"]));
    assert!(schemas > 100 && (300..1_500).contains(&metas), "{tokens}");
    let (would, paid) = (&day["would_parts"], &day["paid_parts"]);
    assert_eq!((number(&would["definitions"]), number(&paid["definitions"])), (schemas, 3 * metas), "{day}");
    // The answer of the call: a contact. The stub of the server: the file that was read.
    assert!((20..500).contains(&number(&would["calls"])), "{day}");
    assert!(number(&paid["discovery"]) > 100 && number(&paid["scripts"]) > 5 && paid["direct"] == 0, "{day}");
    let sum = |parts: &Value| parts.as_object().expect("parts").values().map(number).sum::<u64>();
    assert_eq!((number(&day["would"]), number(&day["paid"])), (sum(would), sum(paid)), "{day}");
    let explained = |query: &'static str| {
        let api = &api;
        async move {
            let told = api.get(&format!("/explain?{query}")).await;
            (
                told["visible"] == true,
                told["decision"].as_str().unwrap_or_default().to_owned(),
                told["rules"].to_string(),
            )
        }
    };
    let (visible, decision, rules) = explained("principal=key:ci&server=crm&tool=get_contact").await;
    assert!(visible && decision == "allowed" && rules.contains("auto_execute"), "{rules}");
    let (visible, decision, _) = explained("principal=key:ci&server=crm&tool=delete_contact").await;
    assert!(!visible && decision == "not-visible");
    let (_, decision, rules) = explained("server=crm&tool=nonsense").await;
    assert!(decision == "needs-approval" && rules.contains("lists no tool"), "{rules}");
    assert_eq!(api.ask("GET", "/explain?server=crm&tool=x&principal=key:none", None).await.status, 404);
    assert_eq!(api.ask("GET", "/explain?server=crm&tool=x&role=none", None).await.status, 404);
    assert_eq!(api.ask("GET", "/usage/daily?days=0", None).await.status, 400);
}

#[tokio::test]
async fn servers_tell_their_state_and_their_log_and_connect_anew() {
    let (_folder, _daemon, api) = served("").await;
    let servers = api.get("/servers").await;
    assert_eq!(names(&servers), ["crm", "shell"]);
    let (crm, shell) = (item(&servers, "crm"), item(&servers, "shell"));
    assert_eq!(
        (&crm["state"], &crm["transport"], &crm["breaker"]),
        (&json!("ready"), &json!("stdio"), &json!("closed"))
    );
    assert!(crm["tools"].as_u64().is_some_and(|tools| tools > 3), "{servers}");
    assert!(
        shell["state"] == "failed" && shell["why"].as_str().is_some_and(|why| why.contains("second line")),
        "{servers}"
    );
    let log = api.get("/servers/shell/log?lines=2").await;
    assert_eq!(log["lines"], json!(["first line", "second line"]), "{log}");
    assert_eq!(api.get("/servers/crm/log").await["lines"], json!([]));
    assert_eq!(api.post("/servers/crm/reconnect", &json!({})).await["done"], true);
    for (method, path) in [("POST", "/servers/none/reconnect"), ("GET", "/servers/none/log")] {
        assert_eq!(api.ask(method, path, Some(&json!({}))).await.status, 404);
    }
}

#[tokio::test]
async fn tools_are_shown_as_models_see_them_and_with_their_pins() {
    let (_folder, _daemon, api) = served("").await;
    let tools = api.get("/tools/crm").await;
    let get = item(&tools, "get_contact");
    assert_eq!(
        (&get["policy"], &get["pin"], &get["server"]),
        (&json!("allowed"), &json!("pinned"), &json!("crm")),
        "{tools}"
    );
    assert!(get["tokens"].as_u64().is_some_and(|tokens| tokens > 10), "{get}");
    assert_eq!(item(&tools, "search_contacts")["policy"], "needs-approval");
    assert_eq!(api.get("/tools?server=crm").await["items"], tools["items"]);
    assert_eq!(api.get("/tools").await["items"], tools["items"]);
    let stub = api.get("/tools/crm/stub").await;
    assert!(
        stub["text"].as_str().is_some_and(|text| text.contains("def get_contact")) && stub["tokens"].is_u64(),
        "{stub}"
    );
    let pins = api.get("/tools/crm/pins").await;
    assert_eq!((&pins["enforce"], &pins["items"][0]["state"]), (&json!(false), &json!("pinned")), "{pins}");
    let accepted = api.ask("POST", "/tools/crm/accept", Some(&json!({"tool": "get_contact"}))).await;
    assert_eq!(accepted.status, 409, "nothing waits: {accepted:?}");
    for path in ["/tools/none", "/tools/none/stub", "/tools/none/pins", "/tools?server=none"] {
        assert_eq!(api.ask("GET", path, None).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_configuration_is_shown_without_secrets_as_it_is_in_use() {
    let (folder, daemon, api) = served("").await;
    let shown = api.get("/config").await["text"].as_str().expect("a text").to_owned();
    assert!(shown.contains("crm: runs") && shown.contains("TOKEN") && !shown.contains("canary-7f3a"), "{shown}");
    assert!(!shown.contains("sha256:"), "{shown}");
    // As a file: it has the defaults and no secret, and decides as the configuration in use does.
    let toml = api.get("/config").await["toml"].as_str().expect("a text").to_owned();
    assert!(toml.contains("auto_execute = [\"get_*\"]") && toml.contains("wall_ms = "), "{toml}");
    assert!(toml.contains("TOKEN = \"[not shown]\"") && !toml.contains("canary-7f3a"), "{toml}");
    let mut key = KeyClient::of(daemon.address(), "ci").await;
    key.run("result = [crm.get_contact(contact_id=n) for n in (1, 50)]").await;
    let same = api.post("/policy/dry-run", &json!({"toml": toml, "last": 10})).await;
    assert_eq!((&same["checked"], &same["runs"]), (&json!(1), &json!([])), "{same}\n{toml}");
    let text = std::fs::read_to_string(folder.path("exuvia.toml")).expect("read");
    folder.write("exuvia.toml", &text.replace("auto_execute = ['get_*']", "auto_execute = ['get_*', 'find_*']"));
    let begun = Instant::now();
    while !api.get("/config").await["text"].as_str().is_some_and(|text| text.contains("find_*")) {
        assert!(begun.elapsed() < Duration::from_secs(20), "not reloaded: {}", daemon.said().join("\n"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_policy_is_tried_on_recorded_runs() {
    let (folder, daemon, api) = served("").await;
    let mut key = KeyClient::of(daemon.address(), "ci").await;
    key.run("result = [crm.get_contact(contact_id=n) for n in (1, 50)]").await;
    key.run("result = 1").await;
    let text = std::fs::read_to_string(folder.path("exuvia.toml")).expect("read");
    let tried = |toml: String| {
        let api = &api;
        async move { api.post("/policy/dry-run", &json!({"toml": toml, "last": 10})).await }
    };
    let same = tried(text.clone()).await;
    assert_eq!((&same["checked"], &same["runs"]), (&json!(2), &json!([])), "{same}");
    let denied =
        tried(text.replace("auto_execute = ['get_*']", "auto_execute = ['get_*']\ndeny = ['get_contact']")).await;
    assert_eq!(denied["runs"][0]["calls"].as_array().map(Vec::len), Some(2), "{denied}");
    assert_eq!((&denied["runs"][0]["then"], &denied["runs"][0]["now"]), (&json!("allowed"), &json!("denied")));
    let asked = tried(text.replace("auto_execute = ['get_*']", "auto_execute = []")).await;
    assert_eq!(asked["runs"][0]["now"], "needs-approval", "{asked}");
    let narrower = tried(text.replace("at_most = 100", "at_most = 10")).await;
    assert_eq!(narrower["runs"][0]["calls"].as_array().map(Vec::len), Some(1), "{narrower}");
    assert!(
        narrower["runs"][0]["calls"][0]["rule"].as_str().is_some_and(|rule| rule.contains("constraints")),
        "{narrower}"
    );
    let no_role = tried(text.replace("support", "other")).await;
    assert_eq!(no_role["runs"], json!([]), "a key that has another role with the same tools: {no_role}");
    let wrong = api.ask("POST", "/policy/dry-run", Some(&json!({"toml": "nonsense = 1"}))).await;
    assert!(wrong.status == 409 && wrong.text.contains("nonsense"), "{wrong:?}");
    // Nothing of it is in force.
    assert!(!key.run("result = crm.get_contact(contact_id=2)").await.contains("denied"));
}

#[tokio::test]
async fn a_script_is_checked_run_as_a_role_and_replayed() {
    let (_folder, _daemon, api) = served("").await;
    let check = |code: &'static str, role: Value| {
        let api = &api;
        async move { api.post("/try/check", &json!({"code": code, "role": role})).await }
    };
    let checked = check("result = crm.get_contact(contact_id=1)", Value::Null).await;
    assert_eq!(
        (&checked["verdict"], &checked["tools"][0]["standing"]),
        (&json!("allowed"), &json!("allowed")),
        "{checked}"
    );
    assert_eq!(checked["tools"][0]["lines"], json!([1]));
    let checked = check("result = crm.get_contact(contact=1)", json!("support")).await;
    assert_eq!(
        (&checked["verdict"], &checked["findings"][0]["severity"]),
        (&json!("invalid"), &json!("error")),
        "{checked}"
    );
    let checked = check("crm.search_contacts(query='a')", Value::Null).await;
    assert!(
        checked["verdict"] == "needs-approval" && checked["allow"].as_array().is_some_and(|lines| lines.len() == 1),
        "{checked}"
    );

    let ran = api
        .post("/try/run", &json!({"code": "print('tried')\nresult = crm.get_contact(contact_id=1)", "role": "support"}))
        .await;
    assert_eq!(ran["outcome"], "returned", "{ran}");
    let id = ran["run"].as_str().expect("an id");
    let run = api.get(&format!("/runs/{id}")).await;
    assert_eq!((&run["principal"], &run["log"]), (&json!("operator"), &json!("tried\n")), "{run}");
    let outside = api.post("/try/run", &json!({"code": "crm.get_contact(contact_id=101)", "role": "support"})).await;
    assert_eq!(outside["outcome"], "denied", "constraints hold: {outside}");
    assert_eq!(api.ask("POST", "/try/run", Some(&json!({"code": "1", "role": "none"}))).await.status, 404);

    let replayed = api.post(&format!("/runs/{id}/replay"), &json!({})).await;
    assert_eq!((&replayed["verdict"], &replayed["differs"]), (&json!("same"), &json!(false)), "{replayed}");
    let code = "contact = crm.get_contact(contact_id=1)\nresult = 'edited'";
    let edited = api.post(&format!("/runs/{id}/replay"), &json!({"code": code})).await;
    assert_eq!((&edited["verdict"], &edited["result"]), (&json!("completed"), &json!("\"edited\"")), "{edited}");
    assert_eq!(api.ask("POST", "/runs/none/replay", Some(&json!({}))).await.status, 404);
}

#[tokio::test]
async fn a_replay_shows_nothing_that_is_redacted() {
    let redact = "redact = { paths = ['$..password', '$..contact_id'], patterns = ['tok-[0-9]+'] }";
    let (_folder, _daemon, api) = served(&format!("[journal]\n{redact}\n")).await;
    let code = "print('tok-' + '7' * 90)\nresult = {'password': 'mi' + 'ne', 'seen': 1}";
    let ran = api.post("/try/run", &json!({"code": code})).await;
    let id = ran["run"].as_str().unwrap_or_else(|| panic!("{ran}"));
    let edits = [
        ("completed", code.replace("1}", "2}").replace("90)", "90, 'b')")),
        ("new-call", "crm.get_contact(contact_id=77_700)".to_owned()),
    ];
    for (verdict, code) in edits {
        let replayed = api.post(&format!("/runs/{id}/replay"), &json!({"code": code})).await;
        assert_eq!(replayed["verdict"], verdict, "{replayed}");
        let told = replayed.to_string();
        assert!(told.contains("[redacted]") && !told.contains("mine") && !told.contains("777"), "{told}");
    }
}

#[tokio::test]
async fn approvals_are_listed_by_the_operator_and_by_a_link_of_their_run_alone() {
    let (_folder, _daemon, api) = served("").await;
    assert_eq!(api.get("/approvals?state=pending").await, json!({"items": [], "next": null}));
    for path in ["/approvals/none", "/approvals?state=nonsense"] {
        assert!(matches!(api.ask("GET", path, None).await.status, 400 | 404), "{path}");
    }
    let body = json!({"shown_sha256": "00"});
    for path in ["/approvals/none/approve", "/approvals/none/deny"] {
        assert_eq!(api.ask("POST", path, Some(&body)).await.status, 404, "{path}");
        assert_eq!(api.ask("POST", path, Some(&json!({}))).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn every_action_is_in_the_journal_with_who_did_it_and_calls_of_clients_are_told_from_it() {
    let (_folder, _daemon, api) = served("").await;
    api.post("/keys", &json!({"name": "bot", "role": "support"})).await;
    assert_eq!(api.ask("POST", "/runs/none/cancel", Some(&json!({}))).await.status, 404);
    assert!(api.get("/runs").await["items"].as_array().is_some_and(Vec::is_empty));
    let mut actions = api.get("/runs?kind=admin").await;
    // What was done is written in the background.
    while actions["items"][0]["outcome"].is_null() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        actions = api.get("/runs?kind=admin").await;
    }
    let actions = actions["items"].as_array().expect("actions");
    let told: Vec<_> = actions.iter().map(|action| (&action["principal"], &action["outcome"])).collect();
    let (operator, [failed, ok]) = (json!("operator"), [json!("failed"), json!("ok")]);
    assert_eq!(told, [(&operator, &failed), (&operator, &ok)], "{actions:?}");
    let id = actions[1]["id"].as_str().expect("an id");
    let action = api.get(&format!("/runs/{id}")).await;
    assert_eq!(action["calls"][0]["tool"], "key.create", "{action}");
    let content = api.get(&format!("/runs/{id}/calls/0")).await;
    assert_eq!(content["arguments"], json!(r#"{"target":"bot","way":"api"}"#), "{content}");
    assert_eq!(api.get("/runs?failed=true&kind=admin").await["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_command_line_asks_a_running_daemon_by_its_socket() {
    let (_folder, daemon, api) = served("").await;
    let exuvia = |arguments: &[&str]| {
        let mut command = std::process::Command::new(exuvia_tests::built("exuvia"));
        command.args(arguments).env("XDG_DATA_HOME", daemon.data()).env("XDG_CONFIG_HOME", exuvia_tests::here());
        let output = command.output().expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    let (is_done, out, err) = exuvia(&["servers", "list"]);
    assert!(is_done && out.contains("crm") && out.contains("failed"), "{out}{err}");
    let (is_done, out, err) = exuvia(&["servers", "log", "shell", "--lines", "1"]);
    assert!(is_done && out == "second line\n", "{out}{err}");
    assert!(exuvia(&["servers", "reconnect", "crm"]).0);
    let (is_done, _, err) = exuvia(&["servers", "reconnect", "none"]);
    assert!(!is_done && err.contains("no server"), "{err}");
    let (is_done, out, _) = exuvia(&["console", "--print"]);
    let code = out.trim().split_once("/#code=").expect("a link").1.to_owned();
    assert!(is_done && out.starts_with(&format!("http://{}/", api.address)), "{out}");
    assert_eq!(api.send("POST", "/session", &[], Some(&json!({"code": code}))).await.status, 200);
    let (is_done, _, err) = exuvia(&["runs", "cancel", "none"]);
    assert!(!is_done && err.contains("in flight"), "{err}");
}
