//! WASI for the snapshot, the same in every build: no randomness, no time, no metadata of files. Two builds of one source
//! are then the same bytes, and fuel and digests can be compared across builds.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use componentize_py::Ctx;
use wasmtime::bail;
use wasmtime::component::{HasData, Linker, Resource, ResourceType};
use wasmtime_wasi::clocks::{WasiClocksCtxView, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystemCtxView, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    ErrorCode, Filesize, Host, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, FsError, FsResult, add_to_linker_async};

/// What the guest imports beside WASI. Called only once the snapshot runs.
const CONTRACT: [(&str, &[&str]); 3] = [
    (
        "exuvia:sandbox/tools@0.3.0",
        &[
            "servers",
            "list-tools",
            "describe",
            "search",
            "call",
            "start",
            "script-ended",
            "wait",
            "[method]pending-call.id",
            "[method]pending-call.take",
        ],
    ),
    ("exuvia:sandbox/output@0.3.0", &["write"]),
    ("exuvia:sandbox/meter@0.3.0", &["next-slice"]),
];

/// Adds WASI, and stubs for the contract.
pub(crate) fn add_to_linker(linker: &mut Linker<Ctx>) -> Result<()> {
    add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    random::add_to_linker::<Ctx, Still>(linker, |_| Still)?;
    insecure::add_to_linker::<Ctx, Still>(linker, |_| Still)?;
    insecure_seed::add_to_linker::<Ctx, Still>(linker, |_| Still)?;
    wall_clock::add_to_linker::<Ctx, Still>(linker, |_| Still)?;
    monotonic_clock::add_to_linker::<Ctx, SlowClock>(linker, |ctx| Ticks(ctx.clocks()))?;
    types::add_to_linker::<Ctx, SteadyFiles>(linker, |ctx| Files(ctx.filesystem()))?;
    preopens::add_to_linker::<Ctx, SteadyFiles>(linker, |ctx| Files(ctx.filesystem()))?;
    for (name, functions) in CONTRACT {
        let mut instance = linker.instance(name)?;
        for function in functions {
            instance.func_new(function, move |_, _, _, _| bail!("{name} {function} was called before the snapshot"))?;
        }
        if name.contains("tools") {
            instance.resource("pending-call", ResourceType::host::<()>(), |_, _| Ok(()))?;
        }
    }
    Ok(())
}

/// Time that stands still, and randomness that is none. The hash seed of the interpreter is drawn from it: one
/// artifact has one seed in any case.
struct Still;

impl HasData for Still {
    type Data<'a> = Still;
}

impl random::Host for Still {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        // Not all equal: a hash seed of zero would turn hash randomisation off.
        Ok((0..length).map(|at| (at as u8).wrapping_mul(37).wrapping_add(11)).collect())
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(0x9e37_79b9_7f4a_7c15)
    }
}

impl insecure::Host for Still {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        random::Host::get_random_bytes(self, length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        random::Host::get_random_u64(self)
    }
}

impl insecure_seed::Host for Still {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((1, 2))
    }
}

impl wall_clock::Host for Still {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        // The first day of 2026.
        Ok(wall_clock::Datetime { seconds: 1_767_225_600, nanoseconds: 0 })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: 1 })
    }
}

struct SlowClock;

impl HasData for SlowClock {
    type Data<'a> = Ticks<'a>;
}

/// A clock that moves by a microsecond whenever it is read.
struct Ticks<'a>(WasiClocksCtxView<'a>);

impl monotonic_clock::Host for Ticks<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        static NANOSECONDS: AtomicU64 = AtomicU64::new(1_000_000_000);
        Ok(NANOSECONDS.fetch_add(1_000, Ordering::Relaxed))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, _when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_duration(0)
    }

    /// Any wait is over at once: only `selectors` asks, whether it can poll.
    fn subscribe_duration(&mut self, _duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.0.subscribe_duration(0)
    }
}

struct SteadyFiles;

impl HasData for SteadyFiles {
    type Data<'a> = Files<'a>;
}

/// The files of the standard library and of the guest, without their times and inode numbers: these would stay behind in
/// the snapshot's memory.
struct Files<'a>(WasiFilesystemCtxView<'a>);

/// FNV-1a: only its being the same each time matters. The C library takes inode numbers from it.
fn hash(path: &str) -> MetadataHashValue {
    let lower = path
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    MetadataHashValue { lower, upper: 0 }
}

fn without_times(stat: DescriptorStat) -> DescriptorStat {
    DescriptorStat {
        link_count: 1,
        data_access_timestamp: None,
        data_modification_timestamp: None,
        status_change_timestamp: None,
        // What a file system says of a directory's size is its own affair.
        size: if stat.type_ == DescriptorType::Directory { 0 } else { stat.size },
        ..stat
    }
}

/// Where scripts find their files: the directory in which the snapshot is, so that relative paths lead there at no cost to a run.
const MOUNT: &str = "/workspace";

impl preopens::Host for Files<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut directories = preopens::Host::get_directories(&mut self.0)?;
        // Any directory: the interpreter only goes there. Which directories there are is asked anew after the snapshot.
        let stand_in = preopens::Host::get_directories(&mut self.0)?.into_iter().next();
        directories.extend(stand_in.map(|(directory, _)| (directory, MOUNT.to_owned())));
        Ok(directories)
    }
}

impl Host for Files<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.0.convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.0.filesystem_error_code(error)
    }
}

/// Directories that are being read, by their resource: all names at once, the last first.
static READING: Mutex<BTreeMap<u32, Vec<DirectoryEntry>>> = Mutex::new(BTreeMap::new());

impl HostDirectoryEntryStream for Files<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let key = stream.rep();
        let known = READING.lock().is_ok_and(|reading| reading.contains_key(&key));
        if !known {
            let mut entries = Vec::new();
            while let Some(entry) = self.0.read_directory_entry(Resource::new_borrow(key)).await? {
                entries.push(entry);
            }
            entries.sort_by(|a, b| b.name.cmp(&a.name));
            READING.lock().map(|mut reading| reading.insert(key, entries)).ok();
        }
        Ok(READING.lock().ok().and_then(|mut reading| reading.get_mut(&key)?.pop()))
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        READING.lock().map(|mut reading| reading.remove(&stream.rep())).ok();
        HostDirectoryEntryStream::drop(&mut self.0, stream)
    }
}

/// The methods that are passed on as they are.
macro_rules! pass_on {
    ($($name:ident($($argument:ident: $of:ty),*) -> $value:ty;)*) => {
        $(async fn $name(&mut self, file: Resource<Descriptor>, $($argument: $of),*) -> FsResult<$value> {
            self.0.$name(file, $($argument),*).await
        })*
    };
}

impl HostDescriptor for Files<'_> {
    async fn stat(&mut self, file: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.0.stat(file).await.map(without_times)
    }

    async fn stat_at(
        &mut self,
        file: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        self.0.stat_at(file, flags, path).await.map(without_times)
    }

    async fn metadata_hash(&mut self, _file: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        Ok(hash(""))
    }

    async fn metadata_hash_at(
        &mut self,
        _file: Resource<Descriptor>,
        _flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        Ok(hash(&path))
    }

    pass_on! {
        advise(offset: Filesize, length: Filesize, advice: Advice) -> ();
        sync_data() -> ();
        get_flags() -> DescriptorFlags;
        get_type() -> DescriptorType;
        set_size(size: Filesize) -> ();
        set_times(accessed: NewTimestamp, modified: NewTimestamp) -> ();
        read(length: Filesize, offset: Filesize) -> (Vec<u8>, bool);
        write(bytes: Vec<u8>, offset: Filesize) -> Filesize;
        read_directory() -> Resource<DirectoryEntryStream>;
        sync() -> ();
        create_directory_at(path: String) -> ();
        set_times_at(flags: PathFlags, path: String, accessed: NewTimestamp, modified: NewTimestamp) -> ();
        link_at(flags: PathFlags, path: String, to: Resource<Descriptor>, new_path: String) -> ();
        open_at(flags: PathFlags, path: String, how: OpenFlags, as_what: DescriptorFlags) -> Resource<Descriptor>;
        readlink_at(path: String) -> String;
        remove_directory_at(path: String) -> ();
        rename_at(path: String, to: Resource<Descriptor>, new_path: String) -> ();
        symlink_at(path: String, target: String) -> ();
        unlink_file_at(path: String) -> ();
    }

    fn read_via_stream(&mut self, file: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        self.0.read_via_stream(file, offset)
    }

    fn write_via_stream(
        &mut self,
        file: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.0.write_via_stream(file, offset)
    }

    fn append_via_stream(&mut self, file: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        self.0.append_via_stream(file)
    }

    async fn is_same_object(&mut self, a: Resource<Descriptor>, b: Resource<Descriptor>) -> wasmtime::Result<bool> {
        self.0.is_same_object(a, b).await
    }

    fn drop(&mut self, file: Resource<Descriptor>) -> wasmtime::Result<()> {
        HostDescriptor::drop(&mut self.0, file)
    }
}
