//! Approvals by the admin API: the card, the answer, and the link that leads to one run.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exuvia_journal::{ApprovalBounds, ApprovalStore, HeldRun, Lease, NewApproval, ScriptCall, SqliteApprovals};
use exuvia_tests::{AdminApi, Answer, Daemon, EventReader, Folder, HttpClient, KeyClient, key_table};
use exuvia_tool::{ApprovalId, CallId, Principal, RunId, ToolName};
use ring::hmac;
use serde_json::{Value, json};

const BOUNDS: ApprovalBounds =
    ApprovalBounds { pending_per_principal: 99, pending: 99, runs_per_principal: 99, runs: 99 };

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_millis()).expect("a time")
}

/// A daemon, and the store of its approvals as another process has it.
struct World {
    daemon: Daemon,
    api: AdminApi,
    store: Arc<SqliteApprovals>,
}

impl World {
    async fn new() -> Self {
        let crm = format!("crm={} sample crm", exuvia_tests::built("exuvia").display());
        let daemon = Daemon::start(&["--server", &crm, "--auto-execute", "crm.get_*"]);
        daemon.ready().await;
        let api = AdminApi::of(&daemon).await;
        let store = SqliteApprovals::open(&daemon.data().as_path().join("exuvia/journal")).expect("a store");
        Self { daemon, api, store }
    }

    /// A recorded run with an approval that is asked.
    async fn asked(&self, id: &str, arguments: &str) -> String {
        self.daemon.run("result = crm.get_contact(contact_id=1)").await;
        let runs = self.api.get("/runs?limit=1").await;
        let run = runs["items"][0]["id"].as_str().expect("a run").to_owned();
        let tool = ToolName::new("crm", "search_contacts");
        let held = HeldRun {
            run: RunId::new(&run),
            principal: Principal::Operator,
            role: None,
            profile: None,
            script: "crm.search_contacts(query='x')\n".into(),
            script_sha256: "5c".repeat(32),
            calls: vec![ScriptCall { tool: tool.clone(), lines: vec![1], needs_approval: true }],
            unpredicted: Vec::new(),
            lease: Lease { holder: "test".into(), until_ms: now_ms() + 60_000 },
        };
        let new = NewApproval {
            id: ApprovalId::new(id),
            call: Some(CallId(2)),
            tool: Some(tool),
            arguments: arguments.into(),
            arguments_sha256: "a5".repeat(32),
            tool_sha256: None,
            line: Some(1),
            rule: "outside auto_execute".into(),
            may_have_happened: false,
            created_ms: now_ms(),
            expires_ms: now_ms() + 3_600_000,
        };
        self.store.hold(&held, &[new], &BOUNDS).await.expect("asked");
        run
    }

    /// The token of a link to the approvals of a run, as the daemon makes it.
    fn link(&self, run: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.api.token.as_bytes());
        let signature = hmac::sign(&key, format!("exuvia approval link\0{run}").as_bytes());
        format!("{run}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    async fn answer(&self, path: &str, shown: &Value) -> (u16, String) {
        let answer = self.api.ask("POST", path, Some(&json!({"shown_sha256": shown, "reason": "tested"}))).await;
        (answer.status, code(&answer))
    }
}

fn code(answer: &Answer) -> String {
    let value: Value = serde_json::from_str(&answer.text).expect("JSON");
    value["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_approval_is_shown_answered_once_and_for_what_was_shown_alone() {
    let world = World::new().await;
    let (api, authorization) = (&world.api, format!("Bearer {}", world.api.token));
    let mut client = HttpClient::connect(api.address).await;
    let headers = [("authorization", authorization.as_str())];
    let mut events = EventReader::of(client.begin("GET", "/api/v1/approvals/events", &headers, "").await);
    let run = world.asked("a", "{\"query\": \"x\u{202e}y\", \"limit\": 1.50}").await;
    assert_eq!(events.next("held").await, json!({"approval": "a", "run": run}));

    let listed = api.get("/approvals?state=pending").await;
    let item = &listed["items"][0];
    assert_eq!(
        (&item["id"], &item["run"], &item["tool"]),
        (&json!("a"), &json!(run), &json!("search_contacts")),
        "{listed}"
    );
    assert!(item.get("arguments").is_none() && item.get("script").is_none(), "{item}");
    let card = api.get("/approvals/a").await;
    assert_eq!(card["arguments"], "{\"query\": \"x\u{202e}y\", \"limit\": 1.50}", "{card}");
    let shown = card["arguments_shown"].as_str().expect("a text");
    assert!(shown.contains("U+202E") && shown.contains("1.50"), "{shown}");
    assert_eq!(card["calls_of_script"][0]["lines"], json!([1]), "{card}");
    let choices = card["suggestion"]["choices"].as_array().expect("choices");
    assert!(
        choices.iter().any(|choice| choice["toml"].as_str().is_some_and(|toml| toml.contains("search_contacts"))),
        "{card}"
    );

    assert_eq!(world.answer("/approvals/a/approve", &json!("00")).await, (409, "shown-changed".to_owned()));
    assert_eq!(world.answer("/approvals/a/approve", &card["shown_sha256"]).await, (200, String::new()));
    assert_eq!(events.next("answered").await["approval"], "a");
    assert_eq!(world.answer("/approvals/a/deny", &card["shown_sha256"]).await, (409, "conflict".to_owned()));
    let card = api.get("/approvals/a").await;
    assert_eq!(
        (&card["state"], &card["answer"]["channel"], &card["answer"]["reason"]),
        (&json!("approved"), &json!("api"), &json!("tested"))
    );
    // The answer is in the record of the run.
    let record = exuvia_tests::built("exuvia");
    let mut command = std::process::Command::new(record);
    command
        .args(["runs", "export", &run])
        .env("XDG_DATA_HOME", world.daemon.data())
        .env("XDG_CONFIG_HOME", exuvia_tests::here());
    let exported = String::from_utf8(command.output().expect("it runs").stdout).expect("UTF-8");
    assert!(exported.contains("\"allowed\":true") && exported.contains("\"channel\":\"api\""), "{exported}");
}

#[tokio::test]
async fn approvals_are_listed_in_parts_and_by_what_is_asked_for() {
    let world = World::new().await;
    for id in ["a", "b", "c"] {
        world.asked(id, "{}").await;
    }
    let ids = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("items").iter();
        items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    let first = world.api.get("/approvals?limit=2").await;
    assert_eq!((ids(&first), &first["next"]), (vec!["c".to_owned(), "b".into()], &json!("b")), "{first}");
    let second = world.api.get("/approvals?limit=2&before=b").await;
    assert_eq!((ids(&second), &second["next"]), (vec!["a".to_owned()], &json!(null)), "{second}");
    assert_eq!(ids(&world.api.get("/approvals?principal=operator&state=pending").await).len(), 3);
    assert!(ids(&world.api.get("/approvals?principal=key:none").await).is_empty());
    assert_eq!(world.api.ask("GET", "/approvals?principal=nobody", None).await.status, 400);
    let card = world.api.get("/approvals/a?suggestion=false").await;
    assert_eq!((&card["suggestion"], &card["arguments"]), (&json!(null), &json!("{}")), "{card}");
}

#[tokio::test]
async fn a_link_leads_to_the_approvals_of_its_run_and_to_nothing_else() {
    let world = World::new().await;
    let (own, other) = (world.asked("a", "{}").await, world.asked("b", "{}").await);
    let api = &world.api;
    assert_eq!(
        api.send("POST", "/session", &[], Some(&json!({"code": world.link(&own).replace(&own, &other)}))).await.status,
        401
    );
    let opened = api.send("POST", "/session", &[], Some(&json!({"code": world.link(&own)}))).await;
    let session: Value = serde_json::from_str(&opened.text).expect("JSON");
    assert_eq!(session["scope"], json!({"run": own}), "{session}");
    let (cookie, csrf) =
        (opened.header("set-cookie").split(';').next().expect("a cookie"), session["csrf"].as_str().expect("a value"));
    let headers = [("cookie", cookie), ("x-exuvia-csrf", csrf)];
    let ask = |method: &'static str, path: String, body: Option<Value>| async move {
        api.send(method, &path, &headers, body.as_ref()).await
    };
    let listed = ask("GET", "/approvals".to_owned(), None).await;
    assert!(listed.text.contains("\"id\":\"a\"") && !listed.text.contains("\"id\":\"b\""), "{listed:?}");
    assert_eq!(ask("GET", format!("/approvals?run={other}"), None).await.status, 403);
    assert_eq!(ask("GET", "/approvals/b".to_owned(), None).await.status, 403);
    let card: Value = serde_json::from_str(&ask("GET", "/approvals/a".to_owned(), None).await.text).expect("JSON");
    let body = json!({"shown_sha256": card["shown_sha256"]});
    assert!(card["suggestion"].is_null(), "a suggestion shows calls of others: {card}");
    for answer in ["approve", "deny"] {
        assert_eq!(ask("POST", format!("/approvals/b/{answer}"), Some(body.clone())).await.status, 403);
    }
    // Of the events, those of its run.
    let mut client = HttpClient::connect(api.address).await;
    let mut events = EventReader::of(client.begin("GET", "/api/v1/approvals/events", &headers, "").await);
    let whole = api.get("/approvals/b").await;
    assert_eq!(world.answer("/approvals/b/deny", &whole["shown_sha256"]).await.0, 200);
    // Everything that is not for approvers is refused.
    for (method, template) in exuvia_admin::operation_paths() {
        if ["/approvals", "/questions", "/session"].iter().any(|part| template.starts_with(part)) {
            continue;
        }
        let path = template.replace("{id}", &own).replace("{n}", "0").replace("{name}", "crm");
        let answer = api.send(&method, &path, &headers, Some(&json!({}))).await;
        assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
    }
    let denied = ask("POST", "/approvals/a/deny".to_owned(), Some(body)).await;
    assert_eq!(events.next("answered").await["approval"], "a");
    let denied: Value = serde_json::from_str(&denied.text).expect("JSON");
    assert_eq!((&denied["state"], &denied["answer"]["channel"]), (&json!("denied"), &json!("page")), "{denied}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_role_is_given_nothing_that_answers_its_own_call() {
    let fake = exuvia_tests::built("exuvia-fake-upstream");
    let config = format!(
        "[limits]\nhold_ms = 0\n[servers.fake]\ncommand = {fake:?}\n[roles.red]\ntools = ['fake.*']\non_unlisted = 'ask-at-call'\n"
    );
    let folder = Folder::new(&(config + &key_table("ci", "red")));
    let daemon = folder.serve(&[]).await;
    let mut client = KeyClient::of(daemon.address(), "ci").await;
    let answer = client.run("result = fake.echo(value=1)").await;
    let (_, link) = answer.split_once("http://").unwrap_or_else(|| panic!("a page: {answer}"));
    let link = link.split_whitespace().next().expect("an address").trim_matches('"');
    assert!(link.contains("/approve/") && !answer.contains("t="), "{answer}");
    let api = AdminApi::of(&daemon).await;
    for code in [link, link.rsplit('/').next().expect("an id")] {
        assert_eq!(api.send("POST", "/session", &[], Some(&json!({"code": code}))).await.status, 401, "{code}");
    }
}
