//! How often a server of the legacy era may ask in the middle of one call.

use serde_json::json;

use crate::direct_questions::{LONG, Session, accept, served};

/// So often. A further question is declined, and the call goes on.
const ROUNDS: usize = 10;
/// How often the server asks, and what it is answered last. After a question that is declined it asks once more.
const CALLS: [(usize, &str); 3] =
    [(1, r#""word":"0""#), (ROUNDS, r#""word":"9""#), (ROUNDS + 2, r#""action":"decline""#)];

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_older_era_is_asked_so_often_in_one_call() {
    let served = served("legacy", LONG).await;
    let session = Session::new(&served, json!({})).await;
    for (times, last) in CALLS {
        let mut call = session.call("ask", json!({"times": times})).await;
        for n in 0..times.min(ROUNDS) {
            let question = call.question().await;
            session.answer(&question, accept(&n.to_string())).await;
        }
        let said = call.said().await;
        assert!(said.contains("the client said: ") && said.contains(last), "{times}: {said}");
    }
    session.end().await;
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_newer_era_is_asked_so_often_by_the_results_of_one_call() {
    let served = served("legacy", LONG).await;
    let mut client = served.client().await;
    let can = json!({"elicitation": {}});
    for (times, last) in CALLS {
        let call = json!({"name": "ask", "arguments": {"times": times}});
        let mut answer = client.ask("/mcp", "tools/call", call.clone(), can.clone()).await.message();
        for n in 0..times.min(ROUNDS) {
            assert_eq!(answer["result"]["resultType"], "input_required", "{n} of {times}: {answer}");
            let mut back = call.clone();
            back["requestState"] = answer["result"]["requestState"].clone();
            back["inputResponses"] = json!({"question": accept(&n.to_string())});
            answer = client.ask("/mcp", "tools/call", back, can.clone()).await.message();
        }
        let said = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{times}: {answer}"));
        assert!(said.starts_with("the client said: ") && said.contains(last), "{times}: {said}");
    }
    served.end().await;
}
