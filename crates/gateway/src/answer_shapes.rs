//! The shapes of answers, learned while scripts call tools that declare nothing of what they answer.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use exuvia_catalog::{LearnedAnswers, is_untold};
use exuvia_shapes::{Learned, Shape, ShapeFile, ShapeFileError, Shapes, ToolKey};
use exuvia_tool::{Json, Tool, ToolDescriptor, ToolName};
use exuvia_upstream::ServerStatus;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::shape_source::ShapeSource;
use crate::shipped_shapes::ShippedShapes;

/// The longest answer that is read where it arrives, in bytes; longer ones are read in the background.
const SHORT_BYTES: usize = 32 << 10;

/// The longest answer that is read, in bytes, and the longest one of a tool of which nothing is known.
const LONG_BYTES: usize = 256 << 10;
const FIRST_BYTES: usize = 1 << 20;

/// How many bytes of answers may wait to be read in the background; each counts as a long one at least. What comes beyond is not
/// learned from.
const WAITING_BYTES: u32 = 4 << 20;

/// How long what was learned may wait to be stored.
const STORE_AFTER: Duration = Duration::from_secs(30);

/// How many tools' keys are kept.
const MAX_KEYS: usize = 16_000;

/// How many roles' shapes are kept in memory beside those that views show.
const ROLES: usize = 256;

/// What is known of the answers of tools, kept in a file.
///
/// The file is read when something is first needed of it and, where it is another one, before something is shown; it is written some
/// time after something was learned. Neither failure is one of a call: what is learned is then kept for as long as the program runs.
pub struct AnswerShapes {
    source: ShapeSource,
    /// `None` before the file was read.
    state: OnceLock<Mutex<State>>,
    version: AtomicU64,
    /// One permit for each byte that may wait to be read in the background.
    waiting: Arc<Semaphore>,
    /// Answers are read in the background one at a time: whatever holds up the file holds up one thread.
    reader: Arc<Semaphore>,
    /// Whether what is fresh is about to be stored.
    stores: AtomicBool,
    has_complained: AtomicBool,
    /// Whether answers are read, or only what was imported of documentation is shown.
    learns: bool,
    /// What ships with the program, unless it is not used automatically.
    shipped: Option<Arc<ShippedShapes>>,
    /// What those got who have a role, each in a file of its own: others are shown nothing of it.
    of_roles: Mutex<HashMap<String, Arc<Self>>>,
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
        Self::of(ShapeSource::new(file, true), true)
    }

    /// What was imported of documentation into this file, and nothing that answers told.
    #[must_use]
    pub fn documented_in(file: ShapeFile) -> Self {
        Self::of(ShapeSource::new(file, false), false)
    }

    fn of(source: ShapeSource, learns: bool) -> Self {
        Self {
            source,
            state: OnceLock::new(),
            version: AtomicU64::new(0),
            waiting: Arc::new(Semaphore::new(WAITING_BYTES as usize)),
            reader: Arc::new(Semaphore::new(1)),
            stores: AtomicBool::new(false),
            has_complained: AtomicBool::new(false),
            learns,
            shipped: None,
            of_roles: Mutex::default(),
        }
    }

    /// The same, beside what ships with the program for servers that are recognized by what they list.
    #[must_use]
    pub fn with_shipped(self) -> Self {
        Self { shipped: Some(Arc::default()), ..self }
    }

    /// Looks at what servers list, to recognize those of which shapes ship. Not for threads that serve others.
    pub(crate) fn look_at(&self, servers: &[ServerStatus]) {
        if let Some(shipped) = &self.shipped {
            shipped.look_at(servers);
        }
    }

    /// What ships with the program and is shown of tools whose servers were recognized, where nothing was imported for them.
    #[must_use]
    pub fn shipped_in_use(&self) -> Learned {
        self.shipped.as_ref().map_or_else(Learned::default, |shipped| shipped.all())
    }

    /// Those of the answers that this role got, and what was imported for everyone. Not for threads that serve others: what nobody uses
    /// any more may have to be stored to make room.
    pub(crate) fn of_role(&self, role: &str) -> Arc<Self> {
        let mut of_roles = self.of_roles();
        if let Some(known) = of_roles.get(role) {
            return Arc::clone(known);
        }
        let mut unused = Vec::new();
        if of_roles.len() >= ROLES {
            unused.extend(of_roles.extract_if(|_, shapes| Arc::strong_count(shapes) == 1));
        }
        let of_role = Self::of(self.source.of_role(role), self.learns);
        let shapes = Arc::new(Self { shipped: self.shipped.clone(), ..of_role });
        of_roles.insert(role.to_owned(), Arc::clone(&shapes));
        drop(of_roles);
        unused.iter().for_each(|(_, shapes)| shapes.store());
        shapes
    }

    fn of_roles(&self) -> MutexGuard<'_, HashMap<String, Arc<Self>>> {
        self.of_roles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_of_roles(&self) -> Vec<Arc<Self>> {
        self.of_roles().values().cloned().collect()
    }

    /// Learns from an answer, if there is something to be learned from it. The caller waits neither for a file nor for a long
    /// answer: both are read in the background, where a tokio runtime runs it.
    pub(crate) fn observe(self: &Arc<Self>, name: &ToolName, tool: &Tool, answer: &Json) {
        if !self.learns || answer.size_bytes() > FIRST_BYTES || !is_untold(&tool.descriptor) {
            return;
        }
        let Some(state) = self.state.get() else {
            let (name, tool) = (name.clone(), tool.clone());
            self.read_later(answer, move |this, answer| {
                let key = wanted(&mut this.state(), &name, &tool, answer.len());
                key.into_iter().for_each(|key| this.learn(&key, answer));
            });
            return;
        };
        let Some(key) = wanted(&mut locked(state), name, tool, answer.size_bytes()) else { return };
        if answer.size_bytes() <= SHORT_BYTES {
            self.learn(&key, answer.value_str());
        } else {
            self.read_later(answer, move |this, answer| this.learn(&key, answer));
        }
    }

    /// Reads an answer in the background, unless too many wait for that.
    fn read_later(self: &Arc<Self>, answer: &Json, read: impl FnOnce(&Arc<Self>, &str) + Send + 'static) {
        let bytes = u32::try_from(answer.size_bytes().max(SHORT_BYTES)).unwrap_or(WAITING_BYTES);
        let Ok(room) = Arc::clone(&self.waiting).try_acquire_many_owned(bytes) else { return };
        let (this, text) = (Arc::clone(self), answer.value_str().to_owned());
        tokio::spawn(async move {
            let _room = room;
            let Ok(turn) = Arc::clone(&this.reader).acquire_owned().await else { return };
            // A panic in it concerns no run.
            let _ = spawn_blocking(move || {
                let _turn = turn;
                read(&this, &text);
            })
            .await;
        });
    }

    /// Waits until all answers that came before were learned from.
    pub async fn settled(&self) {
        // What comes meanwhile finds no room and is passed over, so that this comes to an end.
        let _all = self.waiting.acquire_many(WAITING_BYTES).await;
        for of_role in self.all_of_roles() {
            let _all = of_role.waiting.acquire_many(WAITING_BYTES).await;
        }
    }

    /// What is known, once the file was read. Not for threads that serve others.
    fn state(&self) -> MutexGuard<'_, State> {
        locked(self.state.get_or_init(|| {
            let known = self.source.read().unwrap_or_else(|error| {
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

    /// Adds what was learned to the files. Not for threads that serve others.
    pub fn store(&self) {
        self.all_of_roles().iter().for_each(|of_role| of_role.store());
        let Some(state) = self.state.get() else { return };
        if let Err((fresh, error)) = self.source.store(|| locked(state).shapes.take_fresh()) {
            // It is stored with what is learned next, or at the end.
            locked(state).shapes.put_back(fresh);
            self.complain(&error);
        }
    }

    /// Reads what others imported or forgot. Not for threads that serve others.
    fn refresh_at(&self, now: Instant) {
        // It is first read without what would be locked here.
        drop(self.state());
        self.source.reread(now, |known| match known {
            Ok(known) => {
                let is_other = self.state().shapes.replace_known(known);
                self.version.fetch_add(u64::from(is_other), Ordering::Release);
            }
            Err(error) => self.complain(&error),
        });
    }

    /// Says once that the file is of no use.
    fn complain(&self, error: &ShapeFileError) {
        if self.has_complained.swap(true, Ordering::Relaxed) {
            return;
        }
        let file = self.source.path().display();
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
        // That it is text is all that the schema says.
        let is_said = |shape: &Shape| tool.descriptor.output_schema.is_some() && shape.is_plain_text();
        let shipped = self.shipped.as_ref().and_then(|shipped| shipped.get(server, tool.name()));
        let shape =
            state.shapes.shown(&key, shipped.as_ref()).filter(|shape| !shape.is_trivial() && !is_said(shape))?;
        let seen = match shape.seen() {
            0 => return Some(format!("{shape} # as documented")),
            1 => "once".to_owned(),
            often => format!("{often} times"),
        };
        Some(format!("{shape} # seen {seen}"))
    }

    fn version(&self) -> u64 {
        // Reading the file changes nothing that was said before.
        drop(self.state());
        let shipped = self.shipped.as_ref().map_or(0, |shipped| shipped.version());
        self.version.load(Ordering::Acquire) + shipped
    }

    fn refresh(&self) {
        self.refresh_at(Instant::now());
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
            answer_shapes.observe(&ToolName::new("crm", name), tool, &answer);
            answer_shapes.settled().await;
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
    async fn what_waits_to_be_read_is_bounded_and_read_in_the_end() {
        let namespace = namespace();
        let tool = namespace.server("crm").expect("a server").tool("untold").expect("a tool");
        let answer_shapes = Arc::new(AnswerShapes::kept_in(ShapeFile::new("/proc/none/shapes.json".into())));
        let turn = Arc::clone(&answer_shapes.reader).acquire_owned().await.expect("open");
        let answer = Json::parse(long("rows", 200 << 10)).expect("JSON");
        for _ in 0..100 {
            answer_shapes.observe(&ToolName::new("crm", "untold"), tool, &answer);
        }
        drop(turn);
        answer_shapes.settled().await;
        assert_eq!(answer_shapes.shape("crm", tool).as_deref(), Some("{\"rows\": str} # seen 20 times"));
    }

    #[tokio::test]
    async fn what_could_not_be_stored_is_stored_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let (blocked, namespace) = (folder.path().join("deeper"), namespace());
        let tool = namespace.server("crm").expect("a server").tool("untold").expect("a tool");
        let file = ShapeFile::new(blocked.join("shapes.json"));
        let answer_shapes = Arc::new(AnswerShapes::kept_in(file.clone()));
        answer_shapes.observe(&ToolName::new("crm", "untold"), tool, &Json::parse("1").expect("JSON"));
        answer_shapes.settled().await;
        std::fs::write(&blocked, "no folder").expect("written");
        answer_shapes.store();
        std::fs::remove_file(&blocked).expect("removed");
        answer_shapes.store();
        assert_eq!(file.read().expect("stored").len(), 1);
    }

    #[tokio::test]
    async fn the_version_tells_when_something_else_is_shown() {
        let namespace = namespace();
        let tool = namespace.server("crm").expect("a server").tool("untold").expect("a tool");
        let answer_shapes = Arc::new(AnswerShapes::kept_in(ShapeFile::new("/proc/none/shapes.json".into())));
        let mut versions = vec![answer_shapes.version()];
        for answer in ["1", "1", "1", "null"] {
            answer_shapes.observe(&ToolName::new("crm", "untold"), tool, &Json::parse(answer).expect("JSON"));
            answer_shapes.settled().await;
            versions.push(answer_shapes.version());
        }
        let changed: Vec<bool> = versions.windows(2).map(|pair| pair[0] != pair[1]).collect();
        assert_eq!(changed, [true, true, false, true], "at 1 and 2, not at 3, and at another shape");
    }

    #[tokio::test]
    async fn what_a_role_got_is_told_to_that_role_alone_and_kept_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let namespace = namespace();
        let tool = namespace.server("crm").expect("a server").tool("untold").expect("a tool");
        let file = ShapeFile::new(folder.path().join("shapes.json"));
        let own = Arc::new(AnswerShapes::kept_in(file.clone()));
        let [red, blue] = ["red", "blue"].map(|role| own.of_role(role));
        red.observe(&ToolName::new("crm", "untold"), tool, &Json::parse("{\"secret\": 1}").expect("JSON"));
        own.settled().await;
        assert_eq!(own.of_role("red").shape("crm", tool).as_deref(), Some("{\"secret\": int} # seen once"));
        assert_eq!((own.shape("crm", tool), blue.shape("crm", tool)), (None, None));
        own.store();
        assert_eq!(file.of_role("red").read().expect("stored").len(), 1);
        assert!(file.read().expect("readable").is_empty() && file.of_role("blue").read().expect("readable").is_empty());
    }

    #[test]
    fn what_is_imported_or_forgotten_meanwhile_is_shown_to_every_role_a_second_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let namespace = namespace();
        let tool = namespace.server("crm").expect("a server").tool("untold").expect("a tool");
        let file = ShapeFile::new(folder.path().join("shapes.json"));
        for made in [AnswerShapes::kept_in, AnswerShapes::documented_in] {
            let own = made(file.clone());
            let (role, start) = (own.of_role("red"), Instant::now());
            let shown = |seconds| {
                [&own, &*role].map(|shapes| {
                    let before = shapes.version();
                    shapes.refresh_at(start + Duration::from_secs(seconds));
                    (shapes.version() != before, shapes.shape("crm", tool))
                })
            };
            assert_eq!(shown(1), [(false, None), (false, None)]);
            let mut documented = Learned::default();
            let mut shape = Shape::default();
            shape.observe("{\"id\": 1}");
            documented.add(ToolKey::of_any_schema("crm", "untold"), shape.clone());
            documented.add(ToolKey::new("crm", "other", &json!({})), shape);
            file.import(&documented).expect("imported");
            assert_eq!(shown(1), [(false, None), (false, None)], "looked at less than a second ago");
            let told = || (true, Some("{\"id\": int} # as documented".to_owned()));
            assert_eq!(shown(100), [told(), told()]);
            file.clear().expect("forgotten");
            assert_eq!(shown(200), [(true, None), (true, None)]);
        }
        assert!(!file.of_role("red").path().exists(), "what is shown to everyone is not copied");
    }

    #[tokio::test]
    async fn what_is_stored_by_itself_changes_nothing_that_is_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let namespace = namespace();
        let tool = namespace.server("crm").expect("a server").tool("untold").expect("a tool");
        let own = Arc::new(AnswerShapes::kept_in(ShapeFile::new(folder.path().join("shapes.json"))));
        own.observe(&ToolName::new("crm", "untold"), tool, &Json::parse("{\"id\": 1}").expect("JSON"));
        own.settled().await;
        let before = (own.version(), own.shape("crm", tool));
        for (place, seconds) in [100, 200].into_iter().enumerate() {
            own.refresh_at(Instant::now() + Duration::from_secs(seconds));
            assert_eq!((own.version(), own.shape("crm", tool)), before, "{place}");
            own.store();
        }
    }

    #[tokio::test]
    async fn shapes_of_many_roles_are_stored_and_leave_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let namespace = namespace();
        let tool = namespace.server("crm").expect("a server").tool("untold").expect("a tool");
        let own = Arc::new(AnswerShapes::kept_in(ShapeFile::new(folder.path().join("shapes.json"))));
        let first = own.of_role("first");
        first.observe(&ToolName::new("crm", "untold"), tool, &Json::parse("1").expect("JSON"));
        own.settled().await;
        drop(first);
        (0..2 * ROLES).for_each(|role| drop(own.of_role(&role.to_string())));
        assert!(own.of_roles().len() <= ROLES);
        assert_eq!(own.of_role("first").shape("crm", tool).as_deref(), Some("int # seen once"));
    }
}
