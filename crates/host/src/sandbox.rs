//! The state of one run, as its store holds it.

use std::sync::Arc;

use exuvia_tool::{ActiveTime, Limits, LogStream, RunIo, ToolHost};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use crate::call_log::CallLog;
use crate::calls::{Calls, PendingCall};
use crate::events::EventSink;
use crate::files::ScriptFiles;
use crate::log::Log;
use crate::meter::{Meter, SharedFuel};
use crate::no_io::{NoIo, NoTools};

/// The largest number of resources (streams, pollables, pending calls) that one guest may hold. Started calls are the only
/// ones that a well-behaved guest makes many of.
const RESOURCES_BESIDE_CALLS: usize = 1_000;

/// How many searches a run may make: their work is not counted as fuel.
pub(crate) const MAX_SEARCHES: u32 = 100;

/// The state of one run: what a store's data holds, and what the imports of the guest work on.
pub struct Sandbox {
    pub(crate) table: ResourceTable,
    pub(crate) wasi: WasiCtx,
    pub(crate) io: Box<dyn RunIo>,
    /// None: the script has no files.
    pub(crate) files: Option<Arc<ScriptFiles>>,
    pub(crate) calls: Calls,
    pub(crate) log: Log,
    pub(crate) meter: Meter,
    /// How many searches the run may still make.
    pub(crate) searches: u32,
}

/// Gives access to the [`Sandbox`] in a store's data.
pub trait SandboxView: Send + 'static {
    /// The sandbox of this store.
    fn sandbox(&mut self) -> &mut Sandbox;
}

impl SandboxView for Sandbox {
    fn sandbox(&mut self) -> &mut Sandbox {
        self
    }
}

impl Sandbox {
    /// The state of a run that is about to start.
    #[must_use]
    pub fn new(tools: Arc<dyn ToolHost>, mut io: Box<dyn RunIo>, limits: &Limits, events: EventSink) -> Self {
        let files = io.files().map(ScriptFiles::new);
        let log = Log::new(limits.log_bytes, Arc::clone(&events));
        let mut table = ResourceTable::new();
        let pending_calls = usize::try_from(limits.tool_calls).unwrap_or(usize::MAX);
        table.set_max_capacity(pending_calls.saturating_add(RESOURCES_BESIDE_CALLS));
        let wasi = WasiCtx::builder()
            .stdout(log.native_stream(LogStream::Stdout))
            .stderr(log.native_stream(LogStream::Stderr))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        let (calls, meter) = (Calls::new(tools, limits, events), Meter::new(limits.fuel));
        Self { table, wasi, io, files, calls, log, meter, searches: MAX_SEARCHES }
    }

    /// Counts time by `active`, which whoever answers its calls may let stand still.
    #[must_use]
    pub fn with_active_time(mut self, active: Arc<ActiveTime>) -> Self {
        self.calls.active = active;
        self
    }

    /// The script has ended, and its guest is kept for a further one: what it has started and not taken is given up, and its files are let go.
    pub fn end_script(&mut self) {
        for entry in self.table.iter_mut() {
            if let Some(pending) = entry.downcast_mut::<PendingCall>() {
                pending.give_up();
            }
        }
        if let Some(files) = &self.files {
            files.give_back();
        }
        // Whoever follows the script waits until nobody can tell more of it.
        self.log.silence();
        self.calls = self.calls.further(Arc::new(NoTools::default()), &Limits::default(), Arc::new(|_| {}));
        self.io = Box::new(NoIo);
    }

    /// The state of a further script of the same guest: with all limits of its own but that on memory.
    pub fn begin_again(
        &mut self,
        tools: Arc<dyn ToolHost>,
        mut io: Box<dyn RunIo>,
        limits: &Limits,
        events: EventSink,
    ) {
        if let Some(files) = io.files() {
            self.files.get_or_insert_default().take_over(files);
        }
        let pending_calls = usize::try_from(limits.tool_calls).unwrap_or(usize::MAX);
        self.table.set_max_capacity(pending_calls.saturating_add(RESOURCES_BESIDE_CALLS));
        self.log.begin_again(limits.log_bytes, Arc::clone(&events));
        self.calls = self.calls.further(tools, limits, events);
        self.meter = self.meter.after(limits.fuel);
        (self.io, self.searches) = (io, MAX_SEARCHES);
    }

    /// Counts time by `active` from now on.
    pub fn set_active_time(&mut self, active: Arc<ActiveTime>) {
        self.calls.active = active;
    }

    /// Counts what the guest uses as used by several runs together, and stops it where those have used up what they have.
    pub fn share_fuel(&mut self, shared: Arc<SharedFuel>) {
        self.meter.shared = Some(shared);
    }

    /// The log. A clone of it outlives the store.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The fuel that the guest has used. Exact when `run` has returned or ran out of fuel; of a guest that ended in another
    /// way, up to one [slice](crate::FUEL_SLICE) may be missing.
    #[must_use]
    pub fn fuel_used(&self) -> u64 {
        self.meter.used()
    }

    /// The record of the calls. A clone of it outlives the store.
    #[must_use]
    pub fn call_log(&self) -> &CallLog {
        self.calls.log()
    }
}
