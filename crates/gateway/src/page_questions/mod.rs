//! Questions of servers in the middle of scripts' calls that no client is asked: a person answers them by the page, the command line or the
//! API. They are in memory: the call that waits is with its server, and ends with this process.

mod form_answer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use exuvia_mcp_client::{Abilities, question_form};
use exuvia_tool::{Json, Principal, RunId, locked};
use serde_json::{Map, Value, json};
use tokio::sync::{oneshot, watch};

use crate::client_questions::ServerQuestion;

/// What a page can ask.
pub(crate) const CAN: Abilities =
    Abilities { elicitation: true, url: true, sampling: false, tasks: false, roots: false };
/// Questions that are open at the same time. A further one is declined.
const OPEN: usize = 256;
/// The same, of one principal.
const OF_PRINCIPAL: usize = 32;
/// The longest parameters of a question that are read, in bytes of JSON.
const PARAMS_BYTES: usize = 256 << 10;

/// A question that waits for a person.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OpenQuestion {
    /// Its id: a ULID.
    pub id: String,
    /// The run whose call waits.
    pub run: RunId,
    /// Who made the run.
    pub principal: Principal,
    /// The server that asks.
    pub server: String,
    /// The tool that was called.
    pub tool: String,
    /// The line of the script that made the call, counted from 1, as the guest says.
    pub line: Option<u32>,
    /// When it was asked, in milliseconds since the epoch.
    pub asked_ms: u64,
    /// Until when it can be answered, in milliseconds since the epoch.
    pub until_ms: u64,
    /// What the server wants to know, bounded and printable: `message`, and `requestedSchema` of a form or the `url` of a visit.
    pub params: Value,
}

/// What a person says to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum QuestionAnswer {
    /// The form, filled in; or that the page was visited, without content.
    Accept(Map<String, Value>),
    /// The person does not want to answer.
    Decline,
    /// The person makes no choice.
    Cancel,
}

/// Why a question is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAnswered {
    /// There is none of this id that waits.
    Unknown,
    /// The content does not fit the form, for this reason.
    Content(String),
}

/// All that wait.
#[derive(Debug)]
pub struct OpenQuestions {
    open: Mutex<BTreeMap<String, (OpenQuestion, oneshot::Sender<Json>)>>,
    changed: watch::Sender<u64>,
}

/// The place of a question among those that wait. Dropping it, nobody can answer any more.
pub(crate) struct PagePlace {
    all: Arc<OpenQuestions>,
    id: String,
    answer: oneshot::Receiver<Json>,
}

impl fmt::Display for NotAnswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("it does not wait: it was answered, or its call is over"),
            Self::Content(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for NotAnswered {}

impl Default for OpenQuestions {
    fn default() -> Self {
        Self { open: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl OpenQuestions {
    /// All of them, those first that were asked first.
    #[must_use]
    pub fn list(&self) -> Vec<OpenQuestion> {
        locked(&self.open).values().map(|(question, _)| question.clone()).collect()
    }

    /// One that waits.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<OpenQuestion> {
        locked(&self.open).get(id).map(|(question, _)| question.clone())
    }

    /// Gives the server what a person says, once.
    ///
    /// # Errors
    ///
    /// It does not wait, or the content does not fit the form.
    pub fn answer(&self, id: &str, answer: QuestionAnswer) -> Result<OpenQuestion, NotAnswered> {
        let question = self.get(id).ok_or(NotAnswered::Unknown)?;
        let said = match answer {
            QuestionAnswer::Accept(content) => match question.params.get("requestedSchema") {
                Some(schema) => {
                    let content = form_answer::checked(schema, content).map_err(NotAnswered::Content)?;
                    json!({ "action": "accept", "content": content })
                }
                None if !content.is_empty() => {
                    let why = "it asks to visit a page, and takes no content".to_owned();
                    return Err(NotAnswered::Content(why));
                }
                None => json!({ "action": "accept" }),
            },
            QuestionAnswer::Decline => json!({ "action": "decline" }),
            QuestionAnswer::Cancel => json!({ "action": "cancel" }),
        };
        let taken = locked(&self.open).remove(id);
        let Some((question, waits)) = taken else { return Err(NotAnswered::Unknown) };
        self.tell();
        waits.send(Json::from_value(&said)).map_err(|_| NotAnswered::Unknown)?;
        Ok(question)
    }

    /// Is notified when one is asked, or waits no more. The value is of no meaning.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Asks, if there is room.
    pub(crate) fn ask(self: &Arc<Self>, question: OpenQuestion) -> Option<PagePlace> {
        let (sender, answer) = oneshot::channel();
        let id = question.id.clone();
        let mut open = locked(&self.open);
        let own = open.values().filter(|(other, _)| other.principal == question.principal).count();
        if open.len() >= OPEN || own >= OF_PRINCIPAL {
            return None;
        }
        open.insert(id.clone(), (question, sender));
        drop(open);
        self.tell();
        Some(PagePlace { all: Arc::clone(self), id, answer })
    }
}

impl PagePlace {
    /// What a person says.
    pub(crate) async fn answered(&mut self) -> Json {
        match (&mut self.answer).await {
            Ok(said) => said,
            // The other end is kept as long as this one.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for PagePlace {
    fn drop(&mut self) {
        if locked(&self.all.open).remove(&self.id).is_some() {
            self.all.tell();
        }
    }
}

/// The parameters of a question as a page shows them. None: a person cannot be asked this.
pub(crate) fn shown(asked: &ServerQuestion) -> Option<Value> {
    let question = &asked.question;
    let params = Some(question.params()).filter(|params| params.size_bytes() <= PARAMS_BYTES)?;
    question_form::shown(&asked.server, question.method(), params.to_value().ok()?, CAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(id: &str, principal: &str, params: Value) -> OpenQuestion {
        OpenQuestion {
            id: id.to_owned(),
            run: RunId::new("01R"),
            principal: Principal::Key(principal.into()),
            server: "crm".to_owned(),
            tool: "send".to_owned(),
            line: Some(1),
            asked_ms: 1,
            until_ms: 2,
            params,
        }
    }

    fn form() -> Value {
        json!({"message": "m", "requestedSchema": {"type": "object", "properties": {"a": {"type": "string"}}}})
    }

    #[tokio::test]
    async fn a_question_is_answered_once_and_is_gone_with_its_call() {
        let all = Arc::<OpenQuestions>::default();
        let mut changed = all.watch();
        let mut place = all.ask(question("1", "a", form())).expect("room");
        assert!(changed.has_changed().expect("open"));
        changed.mark_unchanged();
        let wrong = all.answer("1", QuestionAnswer::Accept([("b".to_owned(), json!(1))].into_iter().collect()));
        assert!(matches!(wrong, Err(NotAnswered::Content(_))), "{wrong:?}");
        let content = [("a".to_owned(), json!("x"))].into_iter().collect();
        all.answer("1", QuestionAnswer::Accept(content)).expect("it waits");
        assert_eq!(place.answered().await.as_str(), r#"{"action":"accept","content":{"a":"x"}}"#);
        assert_eq!(all.answer("1", QuestionAnswer::Decline), Err(NotAnswered::Unknown));
        assert!(changed.has_changed().expect("open"));
        drop(all.ask(question("2", "a", form())).expect("room"));
        assert_eq!((all.list(), all.answer("2", QuestionAnswer::Decline)), (Vec::new(), Err(NotAnswered::Unknown)));
    }

    #[test]
    fn a_visit_takes_no_content_and_a_refusal_none_either() {
        let all = Arc::<OpenQuestions>::default();
        let _place = all.ask(question("1", "a", json!({"mode": "url", "url": "https://a.example/"}))).expect("room");
        let content = [("a".to_owned(), json!("x"))].into_iter().collect();
        assert!(matches!(all.answer("1", QuestionAnswer::Accept(content)), Err(NotAnswered::Content(_))));
        all.answer("1", QuestionAnswer::Accept(Map::new())).expect("it waits");
    }

    #[test]
    fn there_is_room_for_so_many_and_for_each_principal() {
        let all = Arc::<OpenQuestions>::default();
        let ask = |n: usize, principal: &str| all.ask(question(&n.to_string(), principal, form()));
        let places: Vec<_> = (0..OF_PRINCIPAL).map(|n| ask(n, "a").expect("room")).collect();
        assert!(ask(OF_PRINCIPAL, "a").is_none());
        let others: Vec<_> = (OF_PRINCIPAL..OPEN).map(|n| ask(n, &n.to_string()).expect("room")).collect();
        assert!(ask(OPEN, "z").is_none());
        drop((places, others));
        assert!(all.list().is_empty() && ask(1, "a").is_some());
    }
}
