//! Whose an address or a prompt is, and lists of servers that are slow, endless or very long.

use std::fs;
use std::time::{Duration, Instant};

use exuvia_config::ServerConfig;
use exuvia_gateway::{Mode, Profile, Profiles};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{HttpClient, Served, Settings, direct_fake};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What a server answers, and further arguments for it.
type Said<'a> = (&'a str, Value, &'a [&'a str]);

fn server(folder: &TempDir, (name, results, arguments): &Said<'_>) -> ServerConfig {
    let file = folder.path().join(name);
    let mut all = results.clone();
    all["resources/read"] = json!({"contents": [{"uri": "x://any", "text": format!("of {name}")}]});
    all["prompts/get"] =
        json!({"messages": [{"role": "user", "content": {"type": "text", "text": format!("of {name}")}}]});
    all["completion/complete"] = json!({"completion": {"values": [format!("of {name}")]}});
    fs::write(&file, all.to_string()).expect("a file");
    direct_fake(name, &[&["--results", &file.display().to_string()], *arguments].concat())
}

/// These servers, direct, in this order.
async fn served(folder: &TempDir, said: &[Said<'_>]) -> Served {
    let servers = said.iter().map(|said| server(folder, said)).collect();
    let default = Profile::new(said.iter().map(|(name, ..)| ((*name).to_owned(), Mode::Direct)));
    let settings = Settings { profiles: Some(Profiles { default, named: Default::default() }), ..Settings::default() };
    Served::over(servers, HttpConfig::default(), Limits::default(), settings).await
}

fn resources(uris: &[&str]) -> Value {
    json!({"resources": uris.iter().map(|uri| json!({"uri": uri, "name": uri})).collect::<Vec<_>>()})
}

fn templates(templates: &[String]) -> Value {
    json!({"resourceTemplates": templates.iter().map(|uri| json!({"uriTemplate": uri, "name": "t"})).collect::<Vec<_>>()})
}

async fn ask(client: &mut HttpClient, method: &str, params: Value) -> Value {
    client.ask("/mcp", method, params, json!({})).await.message()
}

/// Who answers for an address, or the code of the error.
async fn reader(client: &mut HttpClient, uri: &str) -> String {
    let answer = ask(client, "resources/read", json!({"uri": uri})).await;
    match answer["result"]["contents"][0]["text"].as_str() {
        Some(text) => text.to_owned(),
        None => answer["error"]["code"].to_string(),
    }
}

fn uris(answer: &Value) -> Vec<&str> {
    let all = answer["result"]["resources"].as_array().unwrap_or_else(|| panic!("{answer}"));
    all.iter().filter_map(|resource| resource["uri"].as_str()).collect()
}

fn notices(answer: &Value) -> Vec<&str> {
    answer["result"]["_meta"]["exuvia/notices"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// How often a server was asked to read.
async fn reads(client: &mut HttpClient, server: &str) -> usize {
    let seen = ask(client, "tools/call", json!({"name": format!("{server}__seen"), "arguments": {}})).await;
    seen["result"]["structuredContent"]["seen"].to_string().matches("resources/read").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_belongs_to_the_server_that_lists_it_and_to_no_other() {
    let folder = TempDir::new().expect("a folder");
    let many: Vec<String> = (0..10_001).map(|n| format!("x://many/{n}/{{a}}")).chain(["{+all}".into()]).collect();
    let left = json!({"resources/list": resources(&["x://left", "x://both"]),
        "resources/templates/list": templates(&["x://made/{a}".into(), "x://shared/{a}".into()])});
    let right = json!({"resources/list": resources(&["x://both", "x://right", "x://made/right"]),
        "resources/templates/list": templates(&[&["x://shared/{b}".to_owned()], &many[..]].concat())});
    let served = served(&folder, &[("left", left, &[]), ("right", right, &[])]).await;
    let mut client = served.client().await;
    // Nobody has listed anything yet.
    assert_eq!(reader(&mut client, "x://left").await, "of left");
    let listed = ask(&mut client, "resources/templates/list", json!({})).await;
    assert!(listed["result"]["resourceTemplates"].as_array().is_some_and(|all| all.len() > 10_000), "{listed}");
    let listed = ask(&mut client, "resources/list", json!({})).await;
    assert_eq!(uris(&listed), ["x://left", "x://both", "x://right", "x://made/right"]);
    assert_eq!(notices(&listed), ["right lists URIs that belong to left: those of right are omitted"]);
    for (uri, expected) in [
        ("x://left", "of left"),
        ("x://both", "of left"),
        ("x://right", "of right"),
        ("x://made/1", "of left"),
        ("x://made/right", "of right"),
        ("x://shared/1", "of left"),
        ("x://many/17/1", "of right"),
        ("x://made/1/2", "-32602"),
        ("y://secret/of/nobody", "-32602"),
    ] {
        assert_eq!(reader(&mut client, uri).await, expected, "{uri}");
    }
    // What is refused reaches nobody.
    assert_eq!([reads(&mut client, "left").await, reads(&mut client, "right").await], [5, 3]);
    let completes =
        |uri: &str| json!({"ref": {"type": "ref/resource", "uri": uri}, "argument": {"name": "a", "value": ""}});
    let answer = ask(&mut client, "completion/complete", completes("x://many/9999/{a}")).await;
    assert_eq!(answer["result"]["completion"]["values"], json!(["of right"]), "{answer}");
    let answer = ask(&mut client, "completion/complete", completes("y://{a}")).await;
    assert!(answer["error"].is_object(), "{answer}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_direct_server_is_asked_for_every_address() {
    let folder = TempDir::new().expect("a folder");
    let served = served(&folder, &[("left", json!({}), &[])]).await;
    let mut client = served.client().await;
    assert_eq!(reader(&mut client, "y://never/listed").await, "of left");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_listed_later_is_found() {
    let folder = TempDir::new().expect("a folder");
    let empty = json!({"resources/list": {"resources": []}});
    let served = served(&folder, &[("left", empty.clone(), &[]), ("right", empty, &[])]).await;
    let mut client = served.client().await;
    assert_eq!(reader(&mut client, "x://new").await, "-32602");
    let mut results: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("right")).expect("a file")).expect("JSON");
    results["resources/list"] = resources(&["x://new"]);
    fs::write(folder.path().join("right"), results.to_string()).expect("a file");
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(reader(&mut client, "x://new").await, "of right");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_belongs_to_the_server_with_the_longest_name() {
    let folder = TempDir::new().expect("a folder");
    let prompts = |names: &[&str]| json!({"prompts/list": {"prompts": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()}});
    let said: [Said<'_>; 2] = [("a", prompts(&["b__p", "q"]), &[]), ("a__b", prompts(&["p"]), &[])];
    let served = served(&folder, &said).await;
    let mut client = served.client().await;
    let listed = ask(&mut client, "prompts/list", json!({})).await;
    let names: Vec<_> =
        listed["result"]["prompts"].as_array().expect("prompts").iter().map(|prompt| &prompt["name"]).collect();
    assert_eq!(names, ["a__q", "a__b__p"]);
    assert_eq!(notices(&listed), ["a prompt of a is omitted: its name belongs to a__b"]);
    for (name, expected) in [("a__q", "of a"), ("a__b__p", "of a__b"), ("a__unlisted", "of a")] {
        let answer = ask(&mut client, "prompts/get", json!({"name": name})).await;
        assert_eq!(answer["result"]["messages"][0]["content"]["text"], expected, "{name}: {answer}");
    }
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_endless_slow_pages_keeps_nobody_from_the_lists_of_others() {
    let folder = TempDir::new().expect("a folder");
    // Another page each time.
    let mut page = resources(&["x://slow$N"]);
    page["nextCursor"] = json!("$N");
    let slow = json!({"resources/list": page, "prompts/list": {"prompts": [{"name": "slow$N"}], "nextCursor": "$N"}});
    let quick = json!({"resources/list": resources(&["x://quick"]), "prompts/list": {"prompts": [{"name": "quick"}]}});
    let served = served(&folder, &[("slow", slow, &["--results-after", "1500"]), ("quick", quick, &[])]).await;
    let (mut client, mut other) = (served.client().await, served.client().await);
    let begun = Instant::now();
    let (listed, prompts) =
        tokio::join!(ask(&mut client, "resources/list", json!({})), ask(&mut other, "prompts/list", json!({})));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(uris(&listed).last(), Some(&"x://quick"));
    assert_eq!(notices(&listed), ["slow did not list its resources in time; showing what it listed so far"]);
    let last =
        prompts["result"]["prompts"].as_array().and_then(|all| all.last()).unwrap_or_else(|| panic!("{prompts}"));
    assert_eq!(last["name"], "quick__quick", "{prompts}");
    assert_eq!(notices(&prompts).len(), 1, "{prompts}");
    // What is known is read at once.
    let begun = Instant::now();
    assert_eq!(reader(&mut client, "x://quick").await, "of quick");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_ten_megabytes_stalls_nobody_and_comes_in_pages() {
    const ITEMS: usize = 40_000;
    let folder = TempDir::new().expect("a folder");
    let filler = "x".repeat(180);
    let all: Vec<Value> =
        (0..ITEMS).map(|n| json!({"uri": format!("x://{n}"), "name": "a", "description": filler})).collect();
    let long = json!({"resources/list": {"resources": all}});
    let served =
        served(&folder, &[("long", long, &[]), ("short", json!({"resources/list": resources(&["y://a"])}), &[])]).await;
    let mut health = served.client().await;
    let lists = async {
        let mut all = Vec::new();
        for _ in 0..3 {
            let mut client = served.client().await;
            all.push(tokio::spawn(async move {
                let (mut items, mut params, mut pages) = (0, json!({}), 0);
                loop {
                    let listed = ask(&mut client, "resources/list", params).await;
                    items += uris(&listed).len();
                    pages += 1;
                    assert!(listed.to_string().len() < 4 << 20);
                    match listed["result"]["nextCursor"].as_str() {
                        Some(cursor) => params = json!({"cursor": cursor}),
                        None => return (items, pages),
                    }
                }
            }));
        }
        for client in all {
            let (items, pages) = client.await.expect("no panic");
            assert_eq!(items, ITEMS + 1);
            assert!((8..20).contains(&pages), "{pages}");
        }
    };
    let mut longest = Duration::ZERO;
    let asking = async {
        loop {
            let begun = Instant::now();
            assert_eq!(health.send("GET", "/healthz", &[], "").await.status, 200);
            longest = longest.max(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = lists => {}
        () = asking => unreachable!("it goes on for ever"),
    }
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    let mut client = served.client().await;
    for cursor in ["", "7", "7 nobody", "x long"] {
        let answer = ask(&mut client, "resources/list", json!({"cursor": cursor})).await;
        assert_eq!(answer["error"]["code"], -32602, "{cursor}: {answer}");
    }
    served.end().await;
}
