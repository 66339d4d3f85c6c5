//! Views: what the clients of one profile see at one moment.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use exuvia_catalog::LearnedAnswers;
use exuvia_catalog::files::StubFiles;
use exuvia_config::{Mode, Profile};
use exuvia_policy::Policy;
use exuvia_tool::{Absent, Json, Namespace, ToolDescriptor, ToolName};
use exuvia_upstream::ServerStatus;

use crate::answer::AnswerRoom;
use crate::functions::RunFunctions;
use crate::kept_view::KeptView;
use crate::meta;
use crate::plain_items;
use crate::public_names::{self, NameOwners};
use crate::settings::{RunView, Settings, UpstreamState};

/// What the clients of one profile see. Whoever started with it keeps it.
#[derive(Debug)]
pub struct View {
    /// Of the profile; none for clients that name none.
    name: Option<Arc<str>>,
    /// Whose view it is; none for the operator's.
    role: Option<Arc<str>>,
    profile: Profile,
    scripts: Arc<RunView>,
    direct: Arc<RunView>,
    tools: Vec<DirectTool>,
    by_name: HashMap<String, usize>,
    /// The tools that clients would call by these names if they were not withheld.
    withheld: HashMap<String, ToolName>,
    names: Arc<NameOwners>,
    tools_digest: u64,
}

/// A tool that clients call themselves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DirectTool {
    /// Its name for clients: `server__tool`, or the tool's own name, as far as models take that; at most 64 letters, digits, `_`
    /// and `-`.
    pub name: String,
    /// Whose tool it is, by its own name.
    pub tool: ToolName,
    /// The tool as its server listed it, its texts as clients are shown them.
    pub written: Json,
}

impl View {
    /// What a role shows of a profile, where `upstream_state` has the policy of the role.
    pub(crate) fn of_role(
        role: &str,
        name: Option<&str>,
        profile: &Profile,
        upstream_state: &UpstreamState,
        names: Option<&NameOwners>,
    ) -> Self {
        let shown = profile.narrowed(|server| upstream_state.settings.policy.shows_server(server));
        let files = upstream_state.settings.roles.get(role).and_then(|role| role.files).or(profile.files());
        Self { role: Some(role.into()), ..Self::new(name, &shown.with_files(files), upstream_state, names) }
    }

    /// What the policy shows of the servers, without what is withheld. `names`: those that clients were given before who see the same.
    pub(crate) fn new(
        name: Option<&str>,
        profile: &Profile,
        upstream_state: &UpstreamState,
        names: Option<&NameOwners>,
    ) -> Self {
        let UpstreamState { servers, routes, settings, answer_shapes, pins, withheld, functions } = upstream_state;
        let policy = &settings.policy;
        if let Some(answer_shapes) = answer_shapes {
            answer_shapes.look_at(servers);
        }
        let of = |mode| {
            let chosen = profile.servers().iter().filter(move |&&(_, other)| other == mode);
            chosen.filter_map(|(name, _)| servers.iter().find(|server| server.name == *name))
        };
        let run_view = |mode| {
            let listed = |server: &ServerStatus| match server.absence() {
                None => (server.name.clone(), Ok(shown(server, policy))),
                Some(why) => (server.name.clone(), Err(why)),
            };
            let is_shown = mode == Mode::Code && profile.mode(exuvia_functions::SERVER).is_some();
            let functions = functions.as_ref().filter(|_| is_shown);
            let tools = functions.and_then(|functions| functions.tools(policy));
            let functions = functions.filter(|_| tools.is_some());
            let why = |server: &str, tool: &str| {
                withheld.why(server, tool).or_else(|| functions.and_then(|functions| functions.why(server, tool)))
            };
            let of_functions = tools.map(|tools| (exuvia_functions::SERVER.to_owned(), Ok(tools)));
            let all = of(mode).map(listed).chain(of_functions).collect();
            let namespace = Arc::new(exuvia_catalog::build_withholding(all, why));
            let mut stubs = StubFiles::new(Arc::clone(&namespace), settings.layouts.clone());
            if let Some(answer_shapes) = answer_shapes {
                stubs = stubs.with_answers(Arc::clone(answer_shapes) as Arc<dyn LearnedAnswers>);
            }
            Arc::new(RunView {
                namespace,
                stubs: Arc::new(stubs),
                routes: routes.clone(),
                settings: Arc::clone(settings),
                answer_shapes: answer_shapes.clone(),
                pins: pins.clone(),
                functions: functions.cloned().map(RunFunctions::new),
                kept: KeptView::default(),
            })
        };
        let scripts = run_view(Mode::Code);
        let mut view = Self {
            name: name.map(Arc::from),
            role: None,
            profile: profile.clone(),
            scripts,
            direct: run_view(Mode::Direct),
            tools: Vec::new(),
            by_name: HashMap::new(),
            withheld: HashMap::new(),
            names: Arc::default(),
            tools_digest: 0,
        };
        let mut names = names.cloned().unwrap_or_default();
        for server in of(Mode::Direct) {
            for (tool, written) in server.tools.iter().zip(server.written.iter()) {
                let tool = ToolName::new(server.name.as_str(), tool.name.as_str());
                if policy.shows(&tool) {
                    let is_withheld = withheld.why(&tool.server, &tool.tool).is_some();
                    view.add(tool, (!is_withheld).then_some(written), &mut names);
                }
            }
            let known = withheld.known(&server.name).map(|tool| ToolName::new(server.name.as_str(), tool));
            known.filter(|tool| policy.shows(tool)).for_each(|tool| view.reserve(&tool, &mut names));
        }
        view.names = Arc::new(names);
        // Here, where time may be taken, and not when a client asks.
        view.tools_digest = view.digest();
        view
    }

    fn digest(&self) -> u64 {
        let mut digest = DefaultHasher::new();
        for tool in meta::tools_of(&self.profile) {
            meta::description(tool, &self.profile).hash(&mut digest);
        }
        for tool in &self.tools {
            (&tool.name, tool.written.as_str()).hash(&mut digest);
        }
        for function in self.offered_functions() {
            (&function.name, &*function.tool.documentation).hash(&mut digest);
        }
        digest.finish()
    }

    /// A name that begins like those of a server with a longer name is that server's, whatever it lists today: else a name that a
    /// client has allowed would come to mean a tool of another server. Of two tools that come to the same name the first one keeps
    /// it, and the other has another name. So do the meta-tools, and whoever had a name before. A tool that is withheld, which is
    /// not `written`, keeps its name and is not shown.
    fn add(&mut self, tool: ToolName, written: Option<&Json>, owners: &mut NameOwners) {
        let names = public_names::names(&tool.server, &tool.tool, self.profile.has_bare_names());
        let metas = meta::tools_of(&self.profile);
        let longer = |other: &str| other.len() > tool.server.len();
        let others = || self.profile.servers().iter().map(|(other, _)| other.as_str()).filter(|other| longer(other));
        let is_free = |name: &&String| {
            let is_given = self.by_name.contains_key(*name) || self.withheld.contains_key(*name);
            let is_taken = is_given || metas.iter().any(|meta| meta.name == name.as_str());
            let is_of_another = !owners.is_free_for(name, &tool);
            !is_taken
                && !is_of_another
                && (**name != names[0] || !others().any(|other| public_names::is_of(name, other)))
        };
        let Some(name) = names.iter().find(is_free) else {
            tracing::warn!(tool.name = %tool, "tool omitted: its public name is taken");
            return;
        };
        if *name != names[0] {
            tracing::warn!(tool.name = %tool, wanted = names[0], name, "tool renamed: its public name is taken");
        }
        owners.keep(name, &tool);
        match written {
            Some(written) => {
                self.by_name.insert(name.clone(), self.tools.len());
                self.tools.push(DirectTool { name: name.clone(), tool, written: plain_items::tool(written) });
            }
            None => {
                self.withheld.insert(name.clone(), tool);
            }
        }
    }

    /// The name that a tool had or will have again is not given to another one.
    fn reserve(&self, tool: &ToolName, owners: &mut NameOwners) {
        let names = public_names::names(&tool.server, &tool.tool, self.profile.has_bare_names());
        owners.keep(&names[0], tool);
    }

    /// The names that clients were given, and whose they are.
    pub(crate) fn names(&self) -> &Arc<NameOwners> {
        &self.names
    }

    /// The name of the profile; none for clients that name none.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    /// The role whose view it is; none for the operator's.
    #[must_use]
    pub fn role(&self) -> Option<Arc<str>> {
        self.role.clone()
    }

    /// Whether there is nothing to call, now or later: the role hides every tool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_bare = |run_view: &RunView| {
            run_view.namespace.absent().is_empty()
                && run_view.namespace.servers().iter().all(|server| server.tools().is_empty())
        };
        is_bare(&self.scripts) && is_bare(&self.direct)
    }

    /// How many tools it shows, to scripts and to clients.
    pub(crate) fn tool_count(&self) -> usize {
        let count = |run_view: &RunView| run_view.namespace.servers().iter().map(|server| server.tools().len()).sum();
        let [scripts, direct]: [usize; 2] = [&self.scripts, &self.direct].map(|run_view| count(run_view));
        scripts + direct
    }

    /// Which servers it shows, and how.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The servers and tools that scripts see.
    #[must_use]
    pub fn namespace(&self) -> Arc<Namespace> {
        Arc::clone(&self.scripts.namespace)
    }

    /// The direct servers that are not there.
    #[must_use]
    pub fn absent_direct(&self) -> &[Absent] {
        self.direct.namespace.absent()
    }

    /// The direct server that is not there and whose tool could have this name for clients.
    #[must_use]
    pub fn absent_owner(&self, name: &str) -> Option<&Absent> {
        let owners = self.absent_direct().iter().filter(|absent| public_names::is_of(name, &absent.name));
        owners.max_by_key(|absent| absent.name.len())
    }

    /// The stub files of what scripts see.
    pub(crate) fn stubs(&self) -> Arc<StubFiles> {
        Arc::clone(&self.scripts.stubs)
    }

    /// The most that a model is shown of one answer, in bytes.
    pub(crate) fn answer_bytes(&self) -> usize {
        self.scripts.settings.answer_bytes
    }

    /// How much a model is shown of a result.
    pub(crate) fn answer_room(&self) -> AnswerRoom {
        let Settings { answer_bytes: bytes, preview_tokens, .. } = *self.scripts.settings;
        AnswerRoom { bytes, preview_tokens }
    }

    /// What scripts are started with.
    pub(crate) fn scripts(&self) -> &Arc<RunView> {
        &self.scripts
    }

    /// What clients' own calls are made with.
    pub(crate) fn direct(&self) -> &Arc<RunView> {
        &self.direct
    }

    /// The tools that clients call themselves, in the order of the profile and of their servers.
    #[must_use]
    pub fn tools(&self) -> &[DirectTool] {
        &self.tools
    }

    /// Another number for other tools, as clients see them.
    #[must_use]
    pub fn tools_digest(&self) -> u64 {
        self.tools_digest
    }

    /// The tool that clients know by this name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&DirectTool> {
        self.by_name.get(name).map(|&index| &self.tools[index])
    }

    /// The tool that clients know by this name and that is withheld: a call of it says so.
    #[must_use]
    pub fn withheld_tool(&self, name: &str) -> Option<&ToolName> {
        self.withheld.get(name)
    }

    /// How clients name a prompt of a direct server.
    #[must_use]
    pub fn exposed(&self, server: &str, name: &str) -> String {
        match self.profile.has_bare_prompts() {
            true => name.to_owned(),
            false => format!("{server}__{name}"),
        }
    }

    /// The server's own name of what clients know by `name`, if it can be one of this server.
    fn own_name<'a>(&self, server: &str, name: &'a str) -> Option<&'a str> {
        match self.profile.has_bare_prompts() {
            true => Some(name),
            false => name.strip_prefix(server)?.strip_prefix("__"),
        }
    }

    /// Whether clients may know that a server can be asked for this, one of the [`READS`](exuvia_policy::READS).
    #[must_use]
    pub fn shows_read(&self, server: &str, method: &str) -> bool {
        self.direct.settings.policy.shows(&ToolName::new(server, method))
    }

    /// The direct server that a name for clients belongs to, and the server's own name of it. Where several names of servers
    /// begin it, the longest counts.
    #[must_use]
    pub fn owner<'a>(&self, name: &'a str) -> Option<(&str, &'a str)> {
        let owned = |server| Some((server, self.own_name(server, name)?));
        self.direct_servers().filter_map(owned).max_by_key(|(server, _)| server.len())
    }

    /// The direct servers.
    pub fn direct_servers(&self) -> impl Iterator<Item = &str> {
        let direct = |&&(_, mode): &&(String, Mode)| mode == Mode::Direct;
        self.profile.servers().iter().filter(direct).map(|(name, _)| name.as_str())
    }
}

fn shown(server: &ServerStatus, policy: &Policy) -> Vec<Arc<ToolDescriptor>> {
    let shows = |tool: &&Arc<ToolDescriptor>| policy.shows(&ToolName::new(server.name.clone(), tool.name.clone()));
    server.tools.iter().filter(shows).cloned().collect()
}
