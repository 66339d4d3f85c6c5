//! Questions that a server of the modern era puts into its answer (SEP-2322).

use std::collections::BTreeMap;
use std::time::Duration;

use exuvia_tool::Json;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::exchange::{ServerAnswer, SlotContents};
use crate::forms::Parts;
use crate::question::Question;
use crate::relay::{Input, InterimMessage};

/// The longest answer that is looked at, in bytes.
const BYTES: usize = 256 << 10;
/// The most questions of one answer.
const QUESTIONS: usize = 16;

/// What a server wants to know before it answers.
#[derive(Debug)]
pub struct InputRequests {
    questions: Vec<(String, Question, oneshot::Receiver<Json>)>,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asks {
    #[serde(default)]
    input_requests: BTreeMap<String, Value>,
    request_state: Option<String>,
}

impl InputRequests {
    /// What an answer asks for. `patience`: how long the client may take. None: it is another answer, or asks for too much.
    #[must_use]
    pub fn of(contents: &SlotContents, patience: Duration) -> Option<Self> {
        let Some(ServerAnswer::Result(result)) = &contents.answer else { return None };
        let result = Some(result.as_str()).filter(|result| result.len() <= BYTES)?;
        Parts::of(result).kind.filter(|kind| kind == "input_required")?;
        let asks: Asks =
            serde_json::from_str(result).ok().filter(|asks: &Asks| asks.input_requests.len() <= QUESTIONS)?;
        let question = |(name, mut request): (String, Value)| {
            let params = request.get_mut("params").map_or_else(|| json!({}), Value::take);
            let method = request.get("method")?.as_str()?;
            let (question, answered) = Question::new(method, Json::from_value(&params), patience);
            Some((name, question, answered))
        };
        let questions = asks.input_requests.into_iter().map(question).collect::<Option<_>>()?;
        Some(Self { questions, state: asks.request_state })
    }

    /// Asks, and waits for the answers. None: one of them is not answered.
    pub async fn answered(self, client: &mpsc::Sender<InterimMessage>) -> Option<Input> {
        let mut open = Vec::new();
        for (name, question, answered) in self.questions {
            client.send(InterimMessage::Question(question)).await.ok()?;
            open.push((name, answered));
        }
        let mut responses = Map::new();
        for (name, answered) in open {
            responses.insert(name, answered.await.ok()?.to_value().ok()?);
        }
        let responses = (!responses.is_empty()).then(|| Json::from_value(&Value::Object(responses)));
        Some(Input { responses, state: self.state })
    }
}
