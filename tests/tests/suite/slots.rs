//! What one run leaves in the pool, and what the next one finds there: with a module that writes to every page it can reach,
//! under the settings of the engine itself.

use std::fs::File;
use std::hint::black_box;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use exuvia_runtime::{EngineConfig, wasmtime_config};
use exuvia_tests::pages::{PAGE, Swapper, can_swap, make_huge, mappings, own_pages, page_out, swapped_pages};
use wasmtime::{Caller, Engine, Extern, Instance, InstancePre, Linker, Module, Store, TypedFunc};

/// Sizes of the module, in bytes: about those of the guest.
const MEMORY: usize = 40 << 20;
const GROWTH: usize = 56 << 20;
const IMAGE: Range<usize> = 1 << 20..9 << 20;
const IMAGE_WORD: &str = "image-of-memory-";

/// How deep the stack of the module gets: a page takes 12 to 16 frames.
const FRAMES: i32 = 40_000;

const TABLE: u64 = 10_000;
const TABLE_GROWTH: u64 = 20_000;

/// Writes a canary into both ends of every 4 KiB page of memory, every element of the table, and every page of the stack down
/// to a depth, and sleeps there.
const MODULE: &str = r#"(module
  (import "host" "sleep" (func $sleep))
  (memory (export "memory") MEMORY 65536)
  (table $table (export "table") TABLE 40000 funcref)
  (data (i32.const IMAGE_START) "IMAGE_TEXT")
  (elem declare func $nothing)
  (func $nothing)
  (func (export "fill") (param $canary i64) (result i64) (local $at i32) (local $end i32)
    (drop (memory.grow (i32.const GROWTH)))
    (drop (table.grow $table (ref.null func) (i32.const TABLE_GROWTH)))
    (table.fill $table (i32.const 0) (ref.func $nothing) (table.size $table))
    (local.set $end (i32.mul (memory.size) (i32.const 65536)))
    (loop $pages
      (i64.store (local.get $at) (local.get $canary))
      (i64.store offset=4088 (local.get $at) (local.get $canary))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $pages (i32.lt_u (local.get $at) (local.get $end))))
    (call $deeper (i32.const FRAMES)))
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
    let image = IMAGE_WORD.repeat(IMAGE.len() / IMAGE_WORD.len());
    [
        ("LOCALS", each(&|n| format!("(local $kept{n} i64)"))),
        ("LOADS", each(&|n| format!("(local.set $kept{n} (i64.load (i32.const {})))", n * PAGE))),
        ("XORS", each(&|n| format!("(i64.xor (local.get $kept{n}))"))),
        ("IMAGE_START", IMAGE.start.to_string()),
        ("IMAGE_TEXT", image),
        ("TABLE_GROWTH", TABLE_GROWTH.to_string()),
        ("TABLE ", format!("{TABLE} ")),
        ("MEMORY", (MEMORY >> 16).to_string()),
        ("GROWTH", (GROWTH >> 16).to_string()),
        ("FRAMES", FRAMES.to_string()),
    ]
    .into_iter()
    .fold(MODULE.to_owned(), |text, (name, value)| text.replace(name, &value))
}

/// What happens around the runs.
#[derive(Debug, Clone, Copy, Default)]
struct Scene {
    /// Pages are swapped out while the first run sleeps.
    asleep: bool,
    /// Pages are swapped out while the first run ends and the second one begins.
    ending: bool,
    /// Pages are swapped out between the two runs.
    idle: bool,
    /// The kernel may back memory with huge pages.
    huge: bool,
}

/// What a run found otherwise than the first one of all does: pages of memory, elements of tables, words of the canary on the
/// stack.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    memory: usize,
    table: usize,
    stack: usize,
}

struct State {
    swaps: bool,
    inverted_canary: u64,
    /// Words of the canary on the stack, as the host function saw them.
    on_stack: usize,
    /// Pages of memory that were swapped out meanwhile.
    swapped: usize,
}

struct Pool {
    engine: Engine,
    pre: InstancePre<State>,
    /// Kept inverted, so that the canary itself stands nowhere but where the guest wrote it.
    inverted_canary: u64,
}

impl Pool {
    fn new() -> Self {
        let config = EngineConfig { concurrent_runs: 1, ..EngineConfig::default() };
        let engine = Engine::new(&wasmtime_config(&config).expect("settings")).expect("an engine");
        let module = Module::new(&engine, wat::parse_str(module()).expect("a module")).expect("a module");
        let mut linker = Linker::new(&engine);
        linker
            .func_wrap_async("host", "sleep", |caller: Caller<'_, State>, ()| Box::new(async { sleep(caller) }))
            .expect("it works");
        Self {
            pre: linker.instantiate_pre(&module).expect("a linked module"),
            engine,
            inverted_canary: 0x6d1e_93c4_0b57_a2f8,
        }
    }

    async fn instance(&self, swaps: bool) -> (Store<State>, Instance) {
        let state = State { swaps, inverted_canary: self.inverted_canary, on_stack: 0, swapped: 0 };
        let mut store = Store::new(&self.engine, state);
        let instance = self.pre.instantiate_async(&mut store).await.expect("it works");
        (store, instance)
    }

    /// A run that fills whatever it can reach. The addresses of its memory.
    async fn fill(&self, scene: Scene) -> Range<usize> {
        let (mut store, instance) = self.instance(scene.asleep).await;
        let memory = instance.get_memory(&mut store, "memory").expect("it works");
        let start = memory.data_ptr(&store).addr();
        let range = start..start + MEMORY + GROWTH;
        if scene.huge {
            make_huge(range.clone());
        }
        let fill: TypedFunc<u64, u64> = instance.get_typed_func(&mut store, "fill").expect("it works");
        fill.call_async(&mut store, !self.inverted_canary).await.expect("it works");
        assert_eq!(memory.data_size(&store), range.len());
        let State { on_stack, swapped, .. } = *store.data();
        assert!(on_stack > FRAMES as usize * KEPT / 2, "{on_stack} words of the canary on the stack");
        if scene.asleep {
            assert!(swapped > range.len() / PAGE / 2, "{swapped} pages were swapped out");
        }
        range
    }

    /// What the next run finds.
    async fn look(&self) -> Found {
        let (mut store, instance) = self.instance(false).await;
        let look: TypedFunc<(), i32> = instance.get_typed_func(&mut store, "look").expect("it works");
        let table = look.call_async(&mut store, ()).await.expect("it works");
        let memory = instance.get_memory(&mut store, "memory").expect("it works");
        memory.grow_async(&mut store, (GROWTH >> 16) as u64).await.expect("it works");
        let image = IMAGE_WORD.repeat(PAGE / IMAGE_WORD.len());
        let is_other = |(number, page): &(usize, &[u8])| match IMAGE.contains(&(number * PAGE)) {
            true => *page != image.as_bytes(),
            false => page.iter().any(|byte| *byte != 0),
        };
        let pages = memory.data(&store).chunks_exact(PAGE).enumerate();
        Found {
            memory: pages.filter(is_other).count(),
            table: usize::try_from(table).expect("a count"),
            stack: store.data().on_stack,
        }
    }

    /// What a run finds after one that filled everything.
    async fn second_after_first(&self, scene: Scene) -> Found {
        let swapper = scene.ending.then(Swapper::start);
        self.fill(scene).await;
        if scene.idle {
            page_out();
        }
        let found = self.look().await;
        drop(swapper);
        found
    }
}

/// What the host does while a run sleeps.
fn sleep(mut caller: Caller<'_, State>) {
    caller.data_mut().on_stack = words_on_stack(caller.data().inverted_canary);
    if caller.data().swaps {
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
    words
}

#[tokio::test]
async fn the_first_run_finds_the_image_and_nothing_else() {
    assert_eq!(Pool::new().look().await, Found::default());
}

#[tokio::test]
async fn what_a_run_wrote_is_given_back_to_the_system() {
    let pool = Pool::new();
    let range = pool.fill(Scene::default()).await;
    assert_eq!(own_pages(range).len(), 0, "pages that the next run would get as they are");
}

#[tokio::test]
async fn no_run_finds_what_another_left() {
    for huge in [false, true] {
        let pool = Pool::new();
        for _ in 0..3 {
            assert_eq!(
                pool.second_after_first(Scene { huge, ..Scene::default() }).await,
                Found::default(),
                "huge: {huge}"
            );
        }
    }
}

#[tokio::test]
async fn no_run_finds_what_another_left_in_swapped_pages() {
    if !can_swap("that runs do not meet when pages are swapped out") {
        return;
    }
    let when = [
        Scene { asleep: true, ..Scene::default() },
        Scene { ending: true, ..Scene::default() },
        Scene { idle: true, ..Scene::default() },
        Scene { asleep: true, ending: true, idle: true, ..Scene::default() },
    ];
    for huge in [false, true] {
        let pool = Pool::new();
        for scene in when.map(|scene| Scene { huge, ..scene }) {
            assert_eq!(pool.second_after_first(scene).await, Found::default(), "{scene:?}");
        }
    }
}
