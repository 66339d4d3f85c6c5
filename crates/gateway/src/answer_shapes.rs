//! The shapes of answers, learned while scripts call tools that declare nothing of what they answer.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use exuvia_catalog::{LearnedAnswers, is_untold};
use exuvia_shapes::{Learned, Shape, ShapeFile, ShapeFileError, Shapes, ToolKey};
use exuvia_tool::{Json, Tool, ToolDescriptor, ToolName};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// The longest answer that is read where it arrives, in bytes; longer ones are read on a blocking thread.
const SHORT_BYTES: usize = 32 << 10;

/// The longest answer that is read, in bytes, and the longest one of a tool of which nothing is known.
const LONG_BYTES: usize = 256 << 10;
const FIRST_BYTES: usize = 1 << 20;

/// How long a call may wait for its answer to be learned from.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long what was learned may wait to be stored.
const STORE_AFTER: Duration = Duration::from_secs(30);

/// How many tools' keys are kept.
const MAX_KEYS: usize = 16_000;

/// What is known of the answers of tools, kept in a file.
///
/// The file is read when something is first needed of it, and written some time after something was learned. Neither failure is one of
/// a call: what is learned is then kept for as long as the program runs.
pub struct AnswerShapes {
    file: ShapeFile,
    /// `None` before the file was read.
    state: OnceLock<Mutex<State>>,
    version: AtomicU64,
    /// Answers that are read on blocking threads: one at a time, others are passed over.
    reader: Arc<Semaphore>,
    /// Whether what is fresh is about to be stored.
    stores: AtomicBool,
    has_complained: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    shapes: Shapes,
    /// The keys of tools, which take time to make, for as long as their descriptors are the same.
    keys: HashMap<ToolName, (Weak<ToolDescriptor>, ToolKey)>,
}

impl fmt::Debug for AnswerShapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerShapes").finish_non_exhaustive()
    }
}

impl AnswerShapes {
    /// Those that this file keeps.
    #[must_use]
    pub fn kept_in(file: ShapeFile) -> Self {
        Self {
            file,
            state: OnceLock::new(),
            version: AtomicU64::new(0),
            reader: Arc::new(Semaphore::new(1)),
            stores: AtomicBool::new(false),
            has_complained: AtomicBool::new(false),
        }
    }

    /// Learns from an answer, if there is something to be learned from it.
    pub(crate) async fn observe(self: &Arc<Self>, name: &ToolName, tool: &Tool, answer: &Json) {
        if answer.size_bytes() > FIRST_BYTES || !is_untold(&tool.descriptor) {
            return;
        }
        let state = self.state.get();
        if let Some(state) = state {
            let Some(key) = wanted(&mut locked(state), name, tool, answer.size_bytes()) else { return };
            if answer.size_bytes() <= SHORT_BYTES {
                self.learn(&key, answer.as_str());
                return;
            }
        }
        // Whatever holds up the file does not hold up more threads than one.
        let Ok(turn) = Arc::clone(&self.reader).try_acquire_owned() else { return };
        let (this, name, tool, text) = (Arc::clone(self), name.clone(), tool.clone(), answer.as_str().to_owned());
        let is_first = state.is_none();
        let read = spawn_blocking(move || {
            let _turn = turn;
            let key = match is_first {
                true => wanted(&mut this.state(), &name, &tool, text.len()),
                false => Some(this.state().key(&name.server, &tool)),
            };
            if let Some(key) = key {
                this.learn(&key, &text);
            }
        });
        // Of one that takes longer nobody waits for the end; a panic in it concerns nobody.
        let _ = timeout(PATIENCE, read).await;
    }

    /// What is known, once the file was read. Not for threads that serve others.
    fn state(&self) -> MutexGuard<'_, State> {
        locked(self.state.get_or_init(|| {
            let known = self.file.read().unwrap_or_else(|error| {
                self.complain(&error);
                Learned::default()
            });
            Mutex::new(State { shapes: Shapes::new(known), keys: HashMap::new() })
        }))
    }

    fn learn(self: &Arc<Self>, key: &ToolKey, answer: &str) {
        let mut shape = Shape::default();
        shape.observe(answer);
        if shape.seen() == 0 {
            return;
        }
        let mut state = self.state();
        let is_other = state.shapes.add(key, shape);
        let seen = state.shapes.get(key).map_or(0, Shape::seen);
        drop(state);
        // How often it was seen is shown as well, and need not be exact.
        if is_other || seen.is_power_of_two() {
            self.version.fetch_add(1, Ordering::Release);
        }
        self.store_later();
    }

    /// Stores what is fresh after a while, once for all that is learned until then.
    fn store_later(self: &Arc<Self>) {
        // Blocking threads of a runtime know it as well.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.stores.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = Arc::downgrade(self);
        runtime.spawn(async move {
            sleep(STORE_AFTER).await;
            let Some(this) = this.upgrade() else { return };
            this.stores.store(false, Ordering::Release);
            let _ = spawn_blocking(move || this.store()).await;
        });
    }

    /// Adds what was learned to the file. Not for threads that serve others.
    pub fn store(&self) {
        let Some(state) = self.state.get() else { return };
        let fresh = locked(state).shapes.take_fresh();
        if let Err(error) = self.file.add(fresh) {
            self.complain(&error);
        }
    }

    /// Says once that the file is of no use.
    fn complain(&self, error: &ShapeFileError) {
        if self.has_complained.swap(true, Ordering::Relaxed) {
            return;
        }
        let file = self.file.path().display();
        match error {
            // Read-only systems and users without a home are nothing to be warned of.
            ShapeFileError::Io(error) => tracing::info!(%file, %error, "shapes of answers are not stored"),
            error => tracing::warn!(%file, %error, "shapes of answers are not stored"),
        }
    }
}

/// The key of a tool, if an answer of it of this length is to be read.
fn wanted(state: &mut State, name: &ToolName, tool: &Tool, bytes: usize) -> Option<ToolKey> {
    let key = state.key(&name.server, tool);
    let is_short = bytes <= LONG_BYTES || state.shapes.get(&key).is_none();
    (is_short && state.shapes.wants(&key)).then_some(key)
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn key(&mut self, server: &str, tool: &Tool) -> ToolKey {
        let name = ToolName::new(server, tool.name());
        if let Some((descriptor, key)) = self.keys.get(&name)
            && std::ptr::eq(descriptor.as_ptr(), Arc::as_ptr(&tool.descriptor))
        {
            return key.clone();
        }
        let key = ToolKey::new(server, tool.name(), &tool.descriptor.input_schema);
        if self.keys.len() >= MAX_KEYS {
            self.keys.clear();
        }
        self.keys.insert(name, (Arc::downgrade(&tool.descriptor), key.clone()));
        key
    }
}

impl LearnedAnswers for AnswerShapes {
    fn shape(&self, server: &str, tool: &Tool) -> Option<String> {
        let mut state = self.state();
        let key = state.key(server, tool);
        let shape = state.shapes.get(&key).filter(|shape| !shape.is_trivial())?;
        let seen = match shape.seen() {
            1 => "once".to_owned(),
            often => format!("{often} times"),
        };
        Some(format!("{shape} # seen {seen}"))
    }

    fn version(&self) -> u64 {
        // Reading the file changes nothing that was said before.
        drop(self.state());
        self.version.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use exuvia_catalog::build;
    use exuvia_tool::{Namespace, ToolAnnotations};
    use serde_json::json;

    use super::*;

    fn namespace() -> Namespace {
        let tool = |name: &str, output_schema| ToolDescriptor {
            name: name.to_owned(),
            title: None,
            description: None,
            input_schema: json!({"type": "object"}),
            output_schema,
            annotations: ToolAnnotations::default(),
        };
        let told = json!({"type": "object", "properties": {"id": {"type": "integer"}}});
        build(vec![("crm".to_owned(), vec![tool("untold", None), tool("told", Some(told))])])
    }

    /// What is shown of a tool after it has given these answers.
    async fn shown(name: &str, answers: &[String]) -> Option<String> {
        let namespace = namespace();
        let tool = namespace.server("crm").expect("a server").tool(name).expect("a tool");
        let answer_shapes = Arc::new(AnswerShapes::kept_in(ShapeFile::new("/proc/none/shapes.json".into())));
        for answer in answers {
            let answer = Json::parse(answer.as_str()).expect("JSON");
            answer_shapes.observe(&ToolName::new("crm", name), tool, &answer).await;
        }
        // What cannot be stored is known all the same.
        answer_shapes.store();
        answer_shapes.shape("crm", tool)
    }

    fn long(key: &str, bytes: usize) -> String {
        json!({key: "x".repeat(bytes)}).to_string()
    }

    #[tokio::test]
    async fn tools_that_tell_nothing_are_learned_from() {
        let answers = ["{\"id\": 1}".to_owned(), "{}".to_owned()];
        assert_eq!(shown("untold", &answers).await.as_deref(), Some("{\"id\"?: int} # seen 2 times"));
        assert_eq!(shown("told", &answers).await, None);
        assert_eq!(shown("untold", &[]).await, None);
    }

    #[tokio::test]
    async fn long_answers_are_read_where_nothing_is_known() {
        let (medium, large) = (long("medium", SHORT_BYTES), long("large", LONG_BYTES));
        let of_large = "{\"large\": str} # seen once";
        assert_eq!(shown("untold", &[large.clone(), large.clone()]).await.as_deref(), Some(of_large));
        let of_both = "{\"large\"?: str, \"medium\"?: str} # seen 2 times";
        assert_eq!(shown("untold", &[large, medium]).await.as_deref(), Some(of_both));
        assert_eq!(shown("untold", &[long("huge", FIRST_BYTES)]).await, None);
    }

    #[tokio::test]
    async fn the_version_tells_when_something_else_is_shown() {
        let namespace = namespace();
        let tool = namespace.server("crm").expect("a server").tool("untold").expect("a tool");
        let answer_shapes = Arc::new(AnswerShapes::kept_in(ShapeFile::new("/proc/none/shapes.json".into())));
        let mut versions = vec![answer_shapes.version()];
        for answer in ["1", "1", "1", "null"] {
            answer_shapes.observe(&ToolName::new("crm", "untold"), tool, &Json::parse(answer).expect("JSON")).await;
            versions.push(answer_shapes.version());
        }
        let changed: Vec<bool> = versions.windows(2).map(|pair| pair[0] != pair[1]).collect();
        assert_eq!(changed, [true, true, false, true], "at 1 and 2, not at 3, and at another shape");
    }
}
