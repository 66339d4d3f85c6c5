//! Servers that misbehave, each in one way, over stdio and over HTTP. README.md has the table of what comes of each.
//!
//! A mode runs `EXUVIA_REPEATS` times (3). Meanwhile another server is called all the time and must not notice. Afterwards no
//! process, no descriptor and no memory may be left.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod fake;
mod misbehaving;

use std::time::Duration;

use exuvia_tool::CallError;
use fake::{gone, runs};
use misbehaving::http::*;
use misbehaving::values::*;
use misbehaving::{ANSWER, Fake, Over, Plan};
use serde_json::json;

macro_rules! over {
    ($over:ident $module:ident: $($name:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    super::$name(crate::misbehaving::Over::$over);
                }
            )*
        }
    };
}

over!(Stdio stdio: writes_a_log
    hangs_at_start hangs_in_list hangs_in_a_call exits_at_start exits_in_a_call crashes_every_third_call writes_garbage
    writes_half_an_answer answers_with_17_mib_above_the_limit answers_with_17_mib_below_the_limit never_ends_an_answer
    answers_with_wrong_ids answers_twice answers_with_null_ids answers_in_batches answers_with_deep_json
    answers_with_huge_json repeats_keys writes_invalid_utf8 floods_stderr_and_notifications floods_pages gives_a_cursor_for_ever
    writes_half_characters writes_no_numbers lists_no_numbers writes_a_byte_order_mark writes_no_json
    answers_in_other_forms answers_under_other_forms_of_its_id answers_with_nothing
    changes_its_list_all_the_time ignores_sigterm leaves_grandchildren
);
over!(Http http: ends_lines_with_carriage_returns answers_without_an_envelope
    hangs_at_start hangs_in_list hangs_in_a_call exits_at_start exits_in_a_call crashes_every_third_call writes_garbage
    writes_half_an_answer answers_with_17_mib_above_the_limit answers_with_17_mib_below_the_limit never_ends_an_answer
    answers_with_wrong_ids answers_twice answers_with_null_ids answers_in_batches answers_with_deep_json
    answers_with_huge_json repeats_keys writes_invalid_utf8 floods_stderr_and_notifications floods_pages gives_a_cursor_for_ever
    writes_half_characters writes_no_numbers lists_no_numbers writes_a_byte_order_mark writes_no_json
    answers_in_other_forms answers_under_other_forms_of_its_id answers_with_nothing
    changes_its_list_all_the_time does_not_let_a_session_end redirects_to_another_origin redirects_for_ever
    answers_with_the_wrong_content answers_with_less_than_announced answers_slowly never_ends_a_stream never_ends_a_body
    never_ends_its_headers answers_with_error_statuses closes_within_an_event resumes_for_ever
);

fn hangs_at_start(over: Over) {
    let mut plan = Plan::new(over, "--hang-at start");
    plan.start_timeout = Duration::from_millis(300);
    plan.run(async |fake: &Fake| {
        assert!(fake.failed().unwrap().contains("300 ms"));
        fake.unavailable("echo", "{}", "did not start; fake.echo was not called").await;
    });
}

fn hangs_in_list(over: Over) {
    let mut plan = Plan::new(over, "--hang-at list");
    plan.start_timeout = Duration::from_millis(500);
    plan.run(async |fake: &Fake| {
        assert!(fake.failed().unwrap().contains("500 ms"));
        assert!(fake.upstreams.servers()[0].tools.is_empty());
    });
}

fn hangs_in_a_call(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        assert_eq!(fake.call("hang", "{}", 150).await, Err(CallError::TimedOut(150)));
        fake.works().await;
    });
}

fn exits_at_start(over: Over) {
    let plan = Plan::new(over, "--exit-at start");
    plan.run(async |fake: &Fake| {
        // Over HTTP it may have ended before or after the connection was open.
        let says = if over == Over::Stdio { "exit status: 3" } else { "onnection re" };
        assert!(fake.failed().unwrap().contains(says), "{:?}", fake.failed());
        fake.unavailable("echo", "{}", "did not start").await;
    });
}

fn exits_in_a_call(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        fake.unavailable("exit", "{}", "took effect is unknown").await;
        match over {
            Over::Stdio => fake.works().await,
            Over::Http => {
                // A connection that was kept may not have been seen to close yet. No other is kept after that.
                fake.unavailable("echo", "{}", "").await;
                fake.unavailable("echo", "{}", "cannot be reached; fake.echo was not called").await;
            }
        }
    });
}

fn crashes_every_third_call(over: Over) {
    let plan = Plan::new(over, "--crash-every 3");
    plan.run(async |fake: &Fake| {
        for _ in 0..2 {
            fake.works().await;
            fake.works().await;
            fake.unavailable("echo", "{}", "took effect is unknown").await;
        }
    });
}

async fn lines(fake: &Fake, lines: &[&str]) -> exuvia_tool::ToolOutcome {
    fake.call("lines", &json!({"lines": lines}).to_string(), 400).await
}

fn writes_garbage(over: Over) {
    let plan = Plan::new(over, "--garbage");
    plan.run(async |fake: &Fake| {
        let before = ["Listening", "{", "[]", "[1,[2]]", "null", "{}", r#"{"method":7}"#, r#"{"id":$ID}"#, ANSWER];
        assert_eq!(lines(fake, &before).await.unwrap().as_str(), r#""right""#);
        fake.works().await;
    });
}

fn writes_half_an_answer(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        fake.unavailable("half", "{}", "took effect is unknown").await;
    });
}

fn answers_with_17_mib_above_the_limit(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for id_last in [false, true] {
            let outcome = fake.try_call("long", &json!({"bytes": 17 << 20, "id_last": id_last}).to_string()).await;
            let Err(CallError::LimitReached { allowed, used, .. }) = outcome else { panic!("{outcome:.200?}") };
            assert!(allowed == 10 << 20 && used > allowed, "{used} of {allowed}");
            fake.works().await;
        }
    });
}

fn answers_with_17_mib_below_the_limit(over: Over) {
    let mut plan = Plan::new(over, "");
    plan.limits.message_bytes = 18 << 20;
    plan.run(async |fake: &Fake| {
        let value = fake.try_call("long", &json!({"bytes": 17 << 20}).to_string()).await.unwrap();
        assert_eq!(value.size_bytes(), (17 << 20) + 2);
    });
}

fn never_ends_an_answer(over: Over) {
    let mut plan = Plan::new(over, "");
    plan.limits.message_bytes = 1 << 20;
    plan.run(async |fake: &Fake| {
        for id_last in [false, true] {
            let outcome = fake.try_call("endless", &json!({"id_last": id_last}).to_string()).await;
            assert!(matches!(outcome, Err(CallError::LimitReached { .. })), "{outcome:.200?}");
            fake.works_again().await;
        }
    });
}

fn answers_with_wrong_ids(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for id in ["99999", "-1", "1.5", "\"x\"", "[]", "123456789012345678901234567890"] {
            let arguments = json!({"lines": [ANSWER.replace("$ID", id)]}).to_string();
            match over {
                Over::Stdio => {
                    assert_eq!(fake.call("lines", &arguments, 100).await, Err(CallError::TimedOut(100)), "{id}");
                }
                Over::Http => fake.unavailable("lines", &arguments, "took effect is unknown").await,
            }
            // Five in a row would open the breaker.
            fake.works().await;
        }
    });
}

fn answers_twice(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let second = ANSWER.replace("right", "wrong");
        assert_eq!(lines(fake, &[ANSWER, &second, &second]).await.unwrap().as_str(), r#""right""#);
        fake.works().await;
    });
}

fn answers_with_null_ids(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        assert_eq!(lines(fake, &[&ANSWER.replace("$ID", "null")]).await.unwrap().as_str(), r#""right""#);
        let error = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}"#;
        assert_eq!(lines(fake, &[error]).await.unwrap_err().to_string(), "what?");
        fake.works().await;
    });
}

fn answers_in_batches(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let batch = format!(r#"[7, {{"jsonrpc":"2.0","method":"notifications/message"}}, {ANSWER}]"#);
        assert_eq!(lines(fake, &[&batch]).await.unwrap().as_str(), r#""right""#);
        fake.works().await;
    });
}

fn answers_with_deep_json(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let line = format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"structuredContent":{deep}}}}}"#);
        fake.unavailable("lines", &json!({"lines": [line]}).to_string(), "nests too deep").await;
        fake.works().await;
    });
}

fn answers_with_huge_json(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let members: Vec<String> = (0..100_000).map(|n| format!(r#""m{n}":{n}"#)).collect();
        let line =
            format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"structuredContent":{{{}}}}}}}"#, members.join(","));
        let value = fake.try_call("lines", &json!({"lines": [line]}).to_string()).await.unwrap();
        assert_eq!(value.to_value().unwrap().as_object().unwrap().len(), 100_000);
        fake.works().await;
    });
}

fn repeats_keys(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let line = r#"{"jsonrpc":"2.0","id":1,"id":$ID,"result":{"structuredContent":{"a":1,"a":2}}}"#;
        assert_eq!(lines(fake, &[line]).await.unwrap().as_str(), r#"{"a":1,"a":2}"#);
        fake.works().await;
    });
}

fn writes_invalid_utf8(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        fake.unavailable("not_utf8", "{}", "bytes that are not UTF-8").await;
        fake.works().await;
    });
}

fn floods_stderr_and_notifications(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let outcome = fake.try_call("flood", r#"{"notifications": 5000, "stderr_bytes": 5000000}"#).await;
        assert_eq!(outcome.unwrap().as_str(), r#"{"value":"flooded"}"#);
        fake.works().await;
    });
}

fn floods_pages(over: Over) {
    let mut plan = Plan::new(over, "--pages 0");
    plan.limits.list_pages = 50;
    plan.run(async |fake: &Fake| {
        assert_eq!(fake.failed(), None);
        let status = &fake.upstreams.servers()[0];
        assert!(status.warnings.iter().any(|warning| warning.contains("50 pages")), "{:?}", status.warnings);
        fake.works().await;
    });
}

fn gives_a_cursor_for_ever(over: Over) {
    for cursor in ["", "MTA="] {
        let mut plan = Plan::new(over, "");
        plan.args = vec!["--cursor".to_owned(), cursor.to_owned()];
        plan.run(async |fake: &Fake| {
            assert_eq!(fake.failed(), None);
            let status = &fake.upstreams.servers()[0];
            assert_eq!((status.tools.len(), &status.warnings), (19, &vec![]));
            let seen = fake.try_call("seen", "{}").await.unwrap().to_value().unwrap();
            let asked = seen["seen"].as_array().unwrap().iter().filter(|&method| method == "tools/list").count();
            assert_eq!(asked, 2, "{seen}");
        });
    }
}

fn changes_its_list_all_the_time(over: Over) {
    for era in ["modern", "legacy"] {
        let plan = Plan::new(over, &format!("--change-every 1 --era {era}"));
        plan.run(async |fake: &Fake| {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                fake.works().await;
            }
        });
    }
}

fn ignores_sigterm(over: Over) {
    let mut plan = Plan::new(over, "--stay");
    plan.ignores_term = true;
    plan.run(async |fake: &Fake| fake.works().await);
}

fn leaves_grandchildren(over: Over) {
    let plan = Plan::new(over, "--child");
    plan.run(async |fake: &Fake| {
        let found = fake.try_call("process", "{}").await.unwrap().to_value().unwrap();
        let pids: Vec<i64> = ["pid", "child"].iter().map(|key| found[key].as_i64().unwrap()).collect();
        assert!(pids.iter().all(|&pid| runs(pid)));
        // It ends, and what it leaves behind goes with it.
        fake.unavailable("exit", "{}", "took effect is unknown").await;
        assert!(gone(&pids, Duration::from_secs(2)).await);
        fake.works().await;
    });
}
