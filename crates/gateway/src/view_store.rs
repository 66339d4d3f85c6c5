//! What scripts, models and clients see, as the servers list it and the policy shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use exuvia_config::{FunctionsConfig, Profile, RoleConfig};
use exuvia_policy::Policy;
use exuvia_upstream::Upstreams;
use tokio::sync::watch;

use crate::answer_shapes::AnswerShapes;
use crate::functions::{FunctionLibrary, ShownFunctions};
use crate::role_views::RoleViews;
use crate::run_runtime::RunRuntime;
use crate::settings::{Settings, UpstreamState};
use crate::tool_pins::{POLL, ToolPins, WithheldTools};
use crate::view::View;

/// The views of the moment. A run keeps the one that it was started with.
#[derive(Debug)]
pub(crate) struct ViewStore {
    views: RwLock<Views>,
    sources: ViewSources,
    /// Held while views are made: of two changes the later one begins with the names that the earlier one gave out.
    making: Mutex<()>,
    /// Servers and settings change together, so that no reader sees one without the other. Locked for the change only:
    /// rendering views of large tool lists takes long, and happens afterwards on blocking threads.
    settings: Mutex<Current>,
    changed: watch::Sender<()>,
}

/// What views are made from, beside settings.
#[derive(Debug)]
pub(crate) struct ViewSources {
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) answer_shapes: Option<Arc<AnswerShapes>>,
    pub(crate) pins: Option<Arc<ToolPins>>,
    pub(crate) functions: Option<Arc<FunctionLibrary>>,
}

#[derive(Debug)]
struct Current {
    settings: Settings,
    /// How often servers or settings have changed.
    changes: u64,
}

#[derive(Debug)]
struct Views {
    /// The change that they are of.
    of: u64,
    default: Arc<View>,
    named: BTreeMap<String, Arc<View>>,
    upstream_state: UpstreamState,
    of_roles: Arc<RoleViews>,
}

/// What there is to be seen after a change, and which change that is.
pub(crate) struct Changed {
    upstream_state: UpstreamState,
    number: u64,
}

impl ViewStore {
    /// What there is to see now, kept up to date for as long as the servers and the store exist.
    pub(crate) fn following(sources: ViewSources, settings: Settings, threads: &RunRuntime) -> Arc<Self> {
        let mut changes = sources.upstreams.changes();
        let views = RwLock::new(Views::of(sources.state(&settings), 0, None));
        let settings = Mutex::new(Current { settings, changes: 0 });
        let (changed, making) = (watch::Sender::new(()), Mutex::default());
        let view_store = Arc::new(Self { views, sources, making, settings, changed });
        let followed = Arc::downgrade(&view_store);
        threads.spawn(async move {
            while changes.changed().await.is_ok() {
                if !renew(&followed).await {
                    return;
                }
            }
        });
        if let Some(pins) = &view_store.sources.pins {
            threads.spawn(follow_pins(Arc::downgrade(&view_store), Arc::clone(pins)));
        }
        view_store
    }

    pub(crate) fn default_view(&self) -> Arc<View> {
        Arc::clone(&self.views.read().unwrap_or_else(PoisonError::into_inner).default)
    }

    /// What the clients of this profile see now. Without a name: those that name none.
    pub(crate) fn view(&self, profile: Option<&str>) -> Option<Arc<View>> {
        self.views.read().unwrap_or_else(PoisonError::into_inner).get(profile).cloned()
    }

    /// What those who have this role see now of a profile, or without a name: of the one for clients that name none. Made at the first
    /// use after a change, which takes processor time where servers list much.
    pub(crate) fn role_view(&self, profile: Option<&str>, role: &str) -> Option<Arc<View>> {
        let key = (profile.map(str::to_owned), role.to_owned());
        let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
        let (shown, role_config) = views.of_role(profile, role)?;
        if let Some(view) = views.of_roles.kept(&key) {
            return Some(view);
        }
        let upstream_state = views.upstream_state.of_role(role, role_config);
        let (shown, of_roles) = (shown.clone(), Arc::clone(&views.of_roles));
        // Made without the lock: a change of servers waits for nobody's view.
        drop(views);
        Some(of_roles.get_or_make(&key, |names| View::of_role(role, profile, &shown, &upstream_state, names)))
    }

    /// Whether that view is there already.
    pub(crate) fn has_role_view(&self, profile: Option<&str>, role: &str) -> bool {
        let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
        let is_kept = || views.of_roles.kept(&(profile.map(str::to_owned), role.to_owned())).is_some();
        views.of_role(profile, role).is_some() && is_kept()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Changes servers or settings. Nobody sees it before it is [shown](Self::show).
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Settings) -> T) -> (T, Changed) {
        let mut current = self.current();
        let changed = change(&mut current.settings);
        current.changes += 1;
        let number = current.changes;
        let upstream_state = self.sources.state(&current.settings);
        (changed, Changed { upstream_state, number })
    }

    /// Makes what is seen after a change and shows it, unless a later change is shown already. Takes as long as servers list
    /// much: not for the threads that serve others.
    pub(crate) fn show(&self, changed: Changed) {
        let making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = self.views.read().unwrap_or_else(PoisonError::into_inner);
        if changed.number < shown.of {
            return;
        }
        let views = Views::of(changed.upstream_state, changed.number, Some(&shown));
        drop(shown);
        let before = {
            let mut shown = self.views.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *shown, views)
        };
        drop(making);
        drop(before);
        self.changed.send_replace(());
    }

    /// What is withheld of the servers, as it is shown.
    pub(crate) fn withheld(&self) -> Arc<WithheldTools> {
        Arc::clone(&self.views.read().unwrap_or_else(PoisonError::into_inner).upstream_state.withheld)
    }

    /// Puts another policy in force for what scripts see, and for what they are granted at their start.
    pub(crate) fn set_policy(&self, policy: Arc<Policy>) {
        let ((), changed) = self.change(|settings| settings.policy = policy);
        self.show(changed);
    }

    /// What is configured of functions now.
    pub(crate) fn functions_config(&self) -> Option<Arc<FunctionsConfig>> {
        self.current().settings.functions.clone()
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ViewSources {
    fn state(&self, settings: &Settings) -> UpstreamState {
        let exuvia_upstream::UpstreamSnapshot { servers, routes, .. } = self.upstreams.snapshot();
        let (settings, answer_shapes, pins) =
            (Arc::new(settings.clone()), self.answer_shapes.clone(), self.pins.clone());
        let functions = self.functions.as_ref().zip(settings.functions.as_ref()).map(|(library, config)| {
            let (library, config) = (Arc::clone(library), Arc::clone(config));
            ShownFunctions { set: library.set(), library, config }
        });
        UpstreamState { servers, routes, settings, answer_shapes, pins, withheld: Arc::default(), functions }
    }
}

/// Makes what is seen anew. Whether there is anybody to see it.
pub(crate) async fn renew(followed: &Weak<ViewStore>) -> bool {
    let Some(view_store) = followed.upgrade() else { return false };
    let renewed = tokio::task::spawn_blocking(move || {
        let changed = view_store.change(|_| {}).1;
        view_store.show(changed);
    });
    if renewed.await.is_err() {
        tracing::error!("catalog rebuild failed; the previous catalog stays in use");
    }
    true
}

/// Makes what is seen anew when an operator accepted tools for which something waits. Looks at files only while something does.
async fn follow_pins(followed: Weak<ViewStore>, pins: Arc<ToolPins>) {
    let mut waiting = pins.waiting();
    while waiting.wait_for(|waits| *waits).await.is_ok() {
        tokio::time::sleep(POLL).await;
        let pins = Arc::clone(&pins);
        let has_changed = tokio::task::spawn_blocking(move || pins.has_changed()).await.unwrap_or_default();
        if followed.strong_count() == 0 || (has_changed && !renew(&followed).await) {
            return;
        }
    }
}

impl Views {
    /// `before`: what was seen before, whose names are not given to other tools.
    fn of(mut upstream_state: UpstreamState, number: u64, before: Option<&Self>) -> Self {
        let UpstreamState { servers, settings, pins, .. } = &upstream_state;
        let profiles = &settings.profiles;
        let needs_known = [&profiles.default].into_iter().chain(profiles.named.values()).any(Profile::has_bare_names);
        let withheld = pins.as_ref().map(|pins| pins.screen(servers, &settings.pins, needs_known));
        upstream_state.withheld = withheld.unwrap_or_default();
        let view = |name: Option<&str>, profile| {
            let before = before.and_then(|before| before.get(name)).map(|view| &**view.names());
            Arc::new(View::new(name, profile, &upstream_state, before))
        };
        let profiles = &upstream_state.settings.profiles;
        let named =
            profiles.named.iter().map(|(name, profile)| (name.clone(), view(Some(name.as_str()), profile))).collect();
        let default = view(None, &profiles.default);
        let of_roles = Arc::new(RoleViews::after(before.map(|before| &*before.of_roles)));
        Self { of: number, default, named, upstream_state, of_roles }
    }

    /// What a view of a role is made of. None: there is no such profile or role.
    fn of_role(&self, profile: Option<&str>, role: &str) -> Option<(&Profile, &RoleConfig)> {
        let settings = &self.upstream_state.settings;
        Some((settings.profiles.get(profile)?, settings.roles.get(role)?))
    }

    fn get(&self, profile: Option<&str>) -> Option<&Arc<View>> {
        match profile {
            None => Some(&self.default),
            Some(name) => self.named.get(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exuvia_config::UpstreamLimits;
    use exuvia_policy::PolicySource;
    use exuvia_runtime::Limits;

    use super::*;
    use crate::{OnDisconnect, Profiles, QueueLimits};

    #[tokio::test]
    async fn the_latest_change_wins_in_whatever_order_views_are_made() {
        let upstreams = Arc::new(Upstreams::start(Vec::new(), UpstreamLimits::default()).await);
        let settings = Settings {
            layouts: Default::default(),
            profiles: Profiles::default(),
            policy: Arc::default(),
            roles: Arc::default(),
            limits: Limits::default(),
            queue: QueueLimits::default(),
            answer_bytes: 1,
            preview_tokens: 2_000,
            on_disconnect: OnDisconnect::Cancel,
            repair_age: Duration::ZERO,
            workspaces: Arc::default(),
            sessions: None,
            functions: None,
            pins: BTreeMap::new(),
        };
        let threads = RunRuntime::new().unwrap();
        let view_store = ViewStore::following(
            ViewSources { upstreams, answer_shapes: None, pins: None, functions: None },
            settings,
            &threads,
        );
        let policy = || Arc::new(Policy::compile(PolicySource::default(), []).unwrap());
        let seen = |policy: &Arc<Policy>| Arc::ptr_eq(&view_store.default_view().scripts().settings.policy, policy);
        let (older, newer) = (policy(), policy());
        let ((), first) = view_store.change(|settings| settings.policy = Arc::clone(&older));
        // A change is made at once, and seen when it is shown.
        assert!(!seen(&older));
        let ((), second) = view_store.change(|settings| settings.policy = Arc::clone(&newer));
        view_store.show(second);
        assert!(seen(&newer));
        view_store.show(first);
        assert!(seen(&newer));
    }
}
