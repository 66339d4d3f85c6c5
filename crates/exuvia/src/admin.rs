//! The admin API of this process: where it listens, and what it reads.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::Result;
use exuvia_admin::{
    AdminHandle, AdminServer, BindError, EffectiveConfig, JournalReader, Journals, ReadError, RunningAdmin, SourceError,
};
use exuvia_config::{AdminConfig, Config, JournalConfig, JournalStore, Paths, Sources};
use exuvia_gateway::ApprovalLinks;
use exuvia_journal::{AccessStore, ApprovalStore, FunctionStore, Journal, SqliteArchive};
use exuvia_pins::PinFolder;
use exuvia_tool::{ApprovalId, BoxFuture, RunId, locked};

use crate::app::AppStartup;
use crate::file_threads::FileThreads;
use crate::journal::{FUNCTIONS_IN_MEMORY, OwnJournal, StorePlace, has_journal, siblings};
use crate::terminal::Terminal;

/// How long the journals of other processes are taken for all there are.
const SIBLINGS: Duration = Duration::from_secs(5);

/// The folder of the socket and the token: that of a configured journal, or the data directory of the user. None: there is no home.
pub(crate) fn folder(journal: &JournalConfig) -> Option<PathBuf> {
    match &journal.store {
        JournalStore::Sqlite(Some(folder)) | JournalStore::Postgres { folder: Some(folder), .. } => {
            Some(folder.clone())
        }
        _ => Some(Paths::of_user().journal_dir?.parent()?.to_owned()),
    }
}

/// The configuration in use, as the admin API shows it.
#[derive(Clone)]
pub(crate) struct EffectiveConfigs(Arc<RwLock<Arc<EffectiveConfig>>>);

impl EffectiveConfigs {
    pub(crate) fn new(config: &Config) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(EffectiveConfig::of(config)))))
    }

    /// Another one is in use.
    pub(crate) fn set(&self, config: &Config) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(EffectiveConfig::of(config));
    }

    fn get(&self) -> Arc<EffectiveConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Listeners of the admin API, if there are any.
pub(crate) struct BoundAdmin(Option<AdminServer>);

/// The pages of approvals in the console.
struct Links(AdminHandle);

impl ApprovalLinks for Links {
    fn link(&self, run: &RunId, approval: &ApprovalId) -> Option<String> {
        self.0.approval_link(run, approval.as_str())
    }

    fn page(&self, approval: &ApprovalId) -> Option<String> {
        self.0.approval_page(approval.as_str())
    }

    fn question_link(&self, run: &RunId, question: &str) -> Option<String> {
        self.0.question_link(run, question)
    }
}

/// The admin API while it is served.
pub(crate) struct ServedAdmin(Option<RunningAdmin>);

impl BoundAdmin {
    /// As the configuration says, for a daemon. What stands in the way of an address that is not configured is reported, and nothing more.
    ///
    /// # Errors
    ///
    /// The configured address cannot be listened on.
    pub(crate) async fn of_service(config: &Config, terminal: &Terminal) -> Result<Self> {
        let bound = bind(config.admin.clone(), folder(&config.journal), true).await;
        match bound {
            Ok(Some(server)) => {
                for notice in server.notices() {
                    tracing::info!(notice, "admin API");
                }
                if let Some(origin) = server.handle().origin() {
                    terminal.print_info(&format!("admin API at {origin}; `exuvia console` opens the console"));
                }
                Ok(Self(Some(server)))
            }
            Ok(None) => Ok(Self(None)),
            Err(error @ BindError::Address(..)) if config.admin.is_fixed => Err(error.into()),
            Err(error) => {
                tracing::info!(%error, "no admin API");
                Ok(Self(None))
            }
        }
    }

    /// For one client: on a port of its own, without a socket. The links of approvals lead there.
    pub(crate) async fn of_client(config: &Config) -> Self {
        let listen = SocketAddr::new(config.admin.listen.ip(), 0);
        let own = AdminConfig { listen, is_fixed: true, ..config.admin.clone() };
        let bound = bind(own, folder(&config.journal), false).await;
        Self(bound.inspect_err(|error| tracing::info!(%error, "no admin API")).ok().flatten())
    }

    /// Where approvals are answered. None: there is no page.
    pub(crate) fn links(&self) -> Option<Arc<dyn ApprovalLinks>> {
        self.0.as_ref().map(|server| Arc::new(Links(server.handle())) as _)
    }

    /// Begins to serve.
    pub(crate) fn serve(self, starting: &AppStartup, sources: Arc<AdminSources>) -> ServedAdmin {
        let running = self.0.map(|server| server.start(starting.gateway(), sources));
        ServedAdmin(
            running.and_then(|running| running.inspect_err(|error| tracing::error!(%error, "no admin API")).ok()),
        )
    }
}

impl ServedAdmin {
    pub(crate) async fn finish(self) {
        if let Some(running) = self.0 {
            running.finish().await;
        }
    }
}

async fn bind(
    config: AdminConfig,
    folder: Option<PathBuf>,
    has_socket: bool,
) -> Result<Option<AdminServer>, BindError> {
    let Some(folder) = folder.filter(|_| config.is_on) else { return Ok(None) };
    let listen = config.listen;
    let bound = FileThreads::default().run(move || AdminServer::bind(&config, &folder, has_socket)).await;
    bound.unwrap_or_else(|error| Err(BindError::Address(listen, std::io::Error::other(error)))).map(Some)
}

/// What the admin API reads.
pub(crate) struct AdminSources {
    sources: Sources,
    journal: JournalConfig,
    effective: EffectiveConfigs,
    own: Arc<OnceLock<OwnJournal>>,
    store: Arc<dyn AccessStore>,
    functions: Arc<dyn FunctionStore>,
    store_id: OnceLock<Option<String>>,
    siblings: Mutex<Option<(Instant, Vec<JournalReader>)>>,
    threads: FileThreads,
}

impl AdminSources {
    pub(crate) fn new(
        sources: Sources,
        journal: JournalConfig,
        effective: EffectiveConfigs,
        starting: &AppStartup,
    ) -> Arc<Self> {
        let (own, store, functions) = (starting.journal(), starting.access_store(), starting.functions());
        let (store_id, siblings, threads) = Default::default();
        Arc::new(Self { sources, journal, effective, own, store, functions, store_id, siblings, threads })
    }

    /// The journals of other processes in the data directory.
    async fn others(&self, own: &OwnJournal) -> Result<Vec<JournalReader>, SourceError> {
        let (JournalStore::Sqlite(None), Some(own)) = (&self.journal.store, &own.folder) else { return Ok(Vec::new()) };
        if let Some((_, known)) = locked(&self.siblings).as_ref().filter(|(at, _)| at.elapsed() < SIBLINGS) {
            return Ok(known.clone());
        }
        let own = own.clone();
        let open = move || -> Result<Vec<JournalReader>, SourceError> {
            let Some(base) = Paths::of_user().journal_dir else { return Ok(Vec::new()) };
            let there = siblings(&base).filter(|folder| *folder != own && has_journal(folder));
            let reader = |folder: PathBuf| {
                let archive = SqliteArchive::open(&folder).map_err(SourceError::new)?;
                Ok(JournalReader::Stored(folder.display().to_string(), archive))
            };
            there.map(reader).collect()
        };
        let found = self.threads.run(open).await.map_err(SourceError::new)??;
        *locked(&self.siblings) = Some((Instant::now(), found.clone()));
        Ok(found)
    }
}

impl exuvia_admin::Sources for AdminSources {
    fn journals(&self) -> BoxFuture<'_, Result<Journals, SourceError>> {
        Box::pin(async move {
            let own = self.own.get().ok_or_else(|| SourceError::new("the journal is not open yet"))?;
            let mut readers = vec![own.reader.clone()];
            readers.extend(self.others(own).await?);
            Ok(Journals(readers))
        })
    }

    fn journal(&self) -> Option<Arc<dyn Journal>> {
        Some(Arc::clone(&self.own.get()?.entries))
    }

    fn access_store(&self) -> Result<Arc<dyn AccessStore>, SourceError> {
        match StorePlace::of(&self.journal).map_err(|error| SourceError::new(error.into_boxed_dyn_error()))? {
            StorePlace::Memory => Err(SourceError::new(
                "the journal is in memory: keys are not issued and budgets are not kept; set `path` or `url` in [journal]",
            )),
            _ => Ok(Arc::clone(&self.store)),
        }
    }

    fn counters(&self) -> Arc<dyn AccessStore> {
        Arc::clone(&self.store)
    }

    fn store_id(&self) -> Option<String> {
        self.store_id.get_or_init(|| StorePlace::of(&self.journal).ok()?.id()).clone()
    }

    fn approvals(&self) -> Result<Arc<dyn ApprovalStore>, SourceError> {
        let own = self.own.get().ok_or_else(|| SourceError::new("the journal is not open yet"))?;
        own.approvals.clone().ok_or_else(|| SourceError::new("nobody is asked for approval here"))
    }

    fn functions(&self) -> Result<Arc<dyn FunctionStore>, SourceError> {
        match StorePlace::of(&self.journal).map_err(|error| SourceError::new(error.into_boxed_dyn_error()))? {
            StorePlace::Memory => Err(SourceError::new(FUNCTIONS_IN_MEMORY)),
            _ => Ok(Arc::clone(&self.functions)),
        }
    }

    fn pin_folder(&self) -> Option<PinFolder> {
        Paths::of_user().pin_dir.map(PinFolder::new)
    }

    fn config(&self) -> Arc<EffectiveConfig> {
        self.effective.get()
    }

    fn read_config<'a>(&'a self, toml: &'a str) -> BoxFuture<'a, Result<Config, ReadError>> {
        let (sources, text) = (self.sources.clone(), toml.to_owned());
        Box::pin(async move {
            let read = self.threads.run(move || sources.load_with(&text, &Paths::of_user())).await;
            read.map_err(|error| ReadError::Unavailable(SourceError::new(error)))?.map_err(ReadError::Wrong)
        })
    }
}
