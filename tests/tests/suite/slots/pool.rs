//! Slots of an engine, and a guest that writes to every place it can reach: under the settings of the engine itself.

use std::fs::File;
use std::hint::black_box;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, OnceLock};

use exuvia_runtime::{DirtyPages, EngineConfig, Slots, counting_faults};
use exuvia_tests::pages::{PAGE, Swapper, make_huge, mappings, own_pages, page_out, swapped_pages};
use exuvia_tests::this_thread::{cores, move_to_core};
use wasmtime::{Caller, Engine, Extern, Instance, InstancePre, Linker, Memory, Module, Store, TypedFunc};

/// Sizes of the module, in bytes: about those of the guest.
pub(super) const MEMORY: usize = 40 << 20;
pub(super) const GROWTH: usize = 56 << 20;
const TEXT: Range<usize> = 1 << 20..9 << 20;
const WORD: &[u8; 16] = b"image-of-memory-";

/// How deep the stack of the module gets: a page takes 12 to 16 frames.
pub(super) const FRAMES: i32 = 40_000;

const TABLE: u64 = 10_000;
const TABLE_GROWTH: u64 = 20_000;

/// Writes a canary into both ends of every 4 KiB page of memory or of every so many, every element of the table, and every page of
/// the stack down to a depth, and sleeps there.
const MODULE: &str = r#"(module
  (import "host" "sleep" (func $sleep))
  (memory (export "memory") MEMORY 65536)
  (table $table (export "table") TABLE 40000 funcref)
  (elem declare func $nothing)
  (func $nothing)
  (func (export "fill") (param $canary i64) (param $first i32) (param $step i32) (param $frames i32) (result i64)
    (local $end i32)
    (table.fill $table (i32.const 0) (ref.func $nothing) (table.size $table))
    (local.set $end (i32.mul (memory.size) (i32.const 65536)))
    CANARIES
    (loop $pages
      (i64.store (local.get $first) (local.get $canary))
      (i64.store offset=4088 (local.get $first) (local.get $canary))
      (local.set $first (i32.add (local.get $first) (local.get $step)))
      (br_if $pages (i32.lt_u (local.get $first) (local.get $end))))
    (call $deeper (local.get $frames)))
  (func $deeper (param $left i32) (result i64)
    LOCALS
    LOADS
    (if (i32.eqz (local.get $left))
      (then (call $sleep))
      (else (drop (call $deeper (i32.sub (local.get $left) (i32.const 1))))))
    (i64.const 0)
    XORS)
  (func (export "look") (result i32) (local $at i32) (local $found i32)
    (drop (table.grow $table (ref.null func) (i32.const TABLE_GROWTH)))
    (loop $elements
      (local.set $found (i32.add (local.get $found) (i32.eqz (ref.is_null (table.get $table (local.get $at))))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $elements (i32.lt_u (local.get $at) (table.size $table))))
    (call $sleep)
    (local.get $found)))"#;

/// The canaries that a frame of `$deeper` keeps over its call. Loaded from memory, they cannot be computed again.
const KEPT: usize = 24;

fn module() -> String {
    let each = |text: &dyn Fn(usize) -> String| (0..KEPT).map(text).collect::<String>();
    [
        ("LOCALS", each(&|n| format!("(local $kept{n} i64)"))),
        ("CANARIES", each(&|n| format!("(i64.store (i32.const {}) (local.get $canary))", n * 8))),
        ("LOADS", each(&|n| format!("(local.set $kept{n} (i64.load (i32.const {})))", n * 8))),
        ("XORS", each(&|n| format!("(i64.xor (local.get $kept{n}))"))),
        ("TABLE_GROWTH", TABLE_GROWTH.to_string()),
        ("TABLE ", format!("{TABLE} ")),
        ("MEMORY", (MEMORY >> 16).to_string()),
    ]
    .into_iter()
    .fold(MODULE.to_owned(), |text, (name, value)| text.replace(name, &value))
}

/// The memory as it begins: zeros, some text, and zeros.
fn image() -> &'static [u8] {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut image = vec![0; MEMORY];
        image[TEXT].as_chunks_mut().0.fill(*WORD);
        image
    })
}

/// What happens around the runs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scene {
    /// Pages are swapped out while the first run sleeps.
    pub(super) asleep: bool,
    /// Pages are swapped out while the first run ends and the second one begins.
    pub(super) ending: bool,
    /// Pages are swapped out between the two runs.
    pub(super) idle: bool,
    /// The kernel may back memory with huge pages.
    pub(super) huge: bool,
    /// The first run is moved from core to core while it sleeps: within a poll.
    pub(super) moves: bool,
}

/// What a run writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fill {
    /// The first page of memory, and every so many from there.
    pub(super) first: usize,
    pub(super) step: usize,
    /// How much its memory grows before that, in bytes.
    pub(super) growth: usize,
    /// How deep its stack gets.
    pub(super) frames: i32,
}

/// Everything.
pub(super) const ALL: Fill = Fill { first: 0, step: 1, growth: GROWTH, frames: FRAMES };

/// What a run found otherwise than the first one of all does: pages of memory, elements of tables, words of the canary on the
/// stack.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    memory: usize,
    table: usize,
    stack: usize,
}

struct State {
    scene: Scene,
    inverted_canary: u64,
    /// Words of the canary on the stack, as the host function saw them.
    on_stack: usize,
    /// Pages of memory that were swapped out meanwhile.
    swapped: usize,
}

#[derive(Clone)]
pub(super) struct Pool {
    engine: Engine,
    pre: InstancePre<State>,
    slots: Arc<Slots>,
    /// Kept inverted, so that the canary itself stands nowhere but where the guest wrote it.
    inverted_canary: u64,
}

impl Pool {
    /// One slot, and dirty pages found as this system does it best.
    pub(super) fn new() -> Self {
        Self::of(1, None)
    }

    pub(super) fn of(concurrent_runs: u32, find: Option<DirtyPages>) -> Self {
        let config = EngineConfig { concurrent_runs, ..EngineConfig::default() };
        let slots = Slots::new(image(), concurrent_runs, config.runs_memory_bytes, find).expect("slots");
        let engine = Engine::new(&slots.wasmtime_config(&config).expect("settings")).expect("an engine");
        let module = Module::new(&engine, wat::parse_str(module()).expect("a module")).expect("a module");
        let mut linker = Linker::new(&engine);
        linker
            .func_wrap_async("host", "sleep", |caller: Caller<'_, State>, ()| Box::new(sleep(caller)))
            .expect("it works");
        let pre = linker.instantiate_pre(&module).expect("a linked module");
        Self { pre, engine, slots, inverted_canary: 0x6d1e_93c4_0b57_a2f8 }
    }

    async fn instance(&self, scene: Scene) -> (Store<State>, Instance) {
        let state = State { scene, inverted_canary: self.inverted_canary, on_stack: 0, swapped: 0 };
        let mut store = Store::new(&self.engine, state);
        let instance = self.pre.instantiate_async(&mut store).await.expect("it works");
        (store, instance)
    }

    /// A run that writes. The addresses of its memory. What it used is not clean yet.
    pub(super) async fn fill(&self, fill: Fill, scene: Scene) -> Range<usize> {
        let (mut store, instance) = self.instance(scene).await;
        let memory = instance.get_memory(&mut store, "memory").expect("it works");
        self.fill_in(&mut store, instance, memory, fill, scene).await
    }

    async fn fill_in(
        &self,
        store: &mut Store<State>,
        instance: Instance,
        memory: Memory,
        fill: Fill,
        scene: Scene,
    ) -> Range<usize> {
        let grown = MEMORY + fill.growth - memory.data_size(&mut *store);
        memory.grow_async(&mut *store, (grown >> 16) as u64).await.expect("it works");
        let start = memory.data_ptr(&mut *store).addr();
        let range = start..start + memory.data_size(&mut *store);
        assert_eq!(range.len(), MEMORY + fill.growth);
        if scene.huge {
            make_huge(range.clone());
        }
        let call: TypedFunc<(u64, i32, i32, i32), u64> =
            instance.get_typed_func(&mut *store, "fill").expect("it works");
        let [first, step] = [fill.first, fill.step].map(|pages| i32::try_from(pages * PAGE).expect("a place"));
        call.call_async(&mut *store, (!self.inverted_canary, first, step, fill.frames)).await.expect("it works");
        let State { on_stack, swapped, .. } = *store.data();
        assert!(on_stack > fill.frames as usize * KEPT / 2, "{on_stack} words of the canary on the stack");
        if scene.asleep {
            assert!(swapped > range.len() / PAGE / fill.step / 2, "{swapped} pages were swapped out");
        }
        range
    }

    /// What the next run finds.
    pub(super) async fn look(&self) -> Found {
        let (mut store, instance) = self.instance(Scene::default()).await;
        self.look_in(&mut store, instance, GROWTH).await.0
    }

    async fn look_in(&self, store: &mut Store<State>, instance: Instance, growth: usize) -> (Found, Memory) {
        let look: TypedFunc<(), i32> = instance.get_typed_func(&mut *store, "look").expect("it works");
        let table = look.call_async(&mut *store, ()).await.expect("it works");
        let memory = instance.get_memory(&mut *store, "memory").expect("it works");
        memory.grow_async(&mut *store, (growth >> 16) as u64).await.expect("it works");
        let zeros = [0; PAGE];
        let expected = image().chunks_exact(PAGE).chain(std::iter::repeat(&zeros[..]));
        let pages = memory.data(&*store).chunks_exact(PAGE).zip(expected);
        let found = Found {
            memory: pages.filter(|(page, expected)| page != expected).count(),
            table: usize::try_from(table).expect("a count"),
            stack: store.data().on_stack,
        };
        (found, memory)
    }

    /// A run that looks for what others left, and then writes.
    pub(super) async fn look_and_fill(&self, fill: Fill) -> Found {
        let (mut store, instance) = self.instance(Scene::default()).await;
        let (found, memory) = self.look_in(&mut store, instance, fill.growth).await;
        self.fill_in(&mut store, instance, memory, fill, Scene::default()).await;
        found
    }

    /// Cleans what one run has used.
    pub(super) fn clean(&self) {
        self.slots.clean();
    }

    /// A run that writes, whose page faults are counted. What it used is clean.
    pub(super) async fn fill_counted(&self, fill: Fill, scene: Scene) {
        counting_faults(self.fill(fill, scene)).await;
        self.clean();
    }

    /// How many memories needed no scan. None of them did need one.
    pub(super) fn unscanned(&self) -> u64 {
        assert!(self.slots.counts_faults_right(), "a page was written without a page fault");
        self.slots.unscanned()
    }

    /// What a run finds after one that wrote.
    pub(super) async fn second_after_first(&self, fill: Fill, scene: Scene) -> Found {
        let swapper = scene.ending.then(Swapper::start);
        self.fill(fill, scene).await;
        self.clean();
        if scene.idle {
            page_out();
        }
        let found = self.look().await;
        drop(swapper);
        self.clean();
        found
    }
}

/// What the host does while a run sleeps.
async fn sleep(mut caller: Caller<'_, State>) {
    let Scene { asleep, moves, .. } = caller.data().scene;
    if moves {
        cores().into_iter().for_each(move_to_core);
    }
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    caller.data_mut().on_stack = words_on_stack(caller.data().inverted_canary);
    if asleep {
        page_out();
        let memory = caller.get_export("memory").and_then(Extern::into_memory).expect("a memory");
        let start = memory.data_ptr(&caller).addr();
        caller.data_mut().swapped = swapped_pages(start..start + memory.data_size(&caller));
    }
}

/// Words of the canary on the stack that this runs on, which is that of the guest: those that stand beside another one, because a
/// single one may be a register that this very function has put there.
#[inline(never)]
fn words_on_stack(inverted: u64) -> usize {
    let local = black_box(0_u8);
    let here = (&raw const local).addr();
    let stack = mappings().into_iter().find(|mapping| mapping.range.contains(&here)).expect("a stack").range;
    let memory = File::open("/proc/self/mem").expect("/proc/self/mem");
    let (mut page, mut words) = (vec![0; PAGE], 0);
    for address in own_pages(stack) {
        memory.read_exact_at(&mut page, address as u64).expect("a page");
        let is_canary = |word: &[u8]| !u64::from_ne_bytes(word.try_into().expect("eight bytes")) == inverted;
        let pairs = page.chunks_exact(8).zip(page[8..].chunks_exact(8));
        words += pairs.filter(|(first, second)| is_canary(first) && is_canary(second)).count();
    }
    page.fill(0);
    black_box(&mut page);
    words
}
