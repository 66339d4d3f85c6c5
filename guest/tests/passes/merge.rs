//! The merger of core modules, on components that are small enough to read.

use crate::merge::{self, Roles};
use wasmparser::{Parser, Payload};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

/// Two libraries as a linker of shared libraries makes them: the first has memory, table, stack pointer, and a trampoline to
/// what the second puts into the table.
const LIBRARIES: &str = r#"
    (core module $env
        (memory (export "memory") 1)
        (table (export "table") 8 funcref)
        (global (export "sp") (mut i32) (i32.const 1024))
        (global (export "lib:memory_base") i32 (i32.const 64))
        (global (export "lib:table_base") i32 (i32.const 3))
        (global (export "unread") (mut i64) (i64.const 5))
        (type $unary (func (param i32) (result i32)))
        (func (export "twice") (param i32) (result i32) (call_indirect (type $unary) (local.get 0) (i32.const 4)))
        (func (export "dead") (param i32) (result i32) (global.set 0 (local.get 0)) (local.get 0)))
    (core module $lib
        (import "env" "memory" (memory 1))
        (import "env" "table" (table 8 funcref))
        (import "env" "memory_base" (global $memory_base i32))
        (import "env" "table_base" (global $table_base i32))
        (func $one (param i32) (result i32) (i32.load8_u (i32.add (global.get $memory_base) (i32.const 1))))
        (func $twice (param i32) (result i32) (i32.mul (local.get 0) (i32.load8_u (global.get $memory_base))))
        (elem (global.get $table_base) func $one $twice)
        (data (global.get $memory_base) "\02\01"))
    (core module $main
        (import "env" "memory" (memory 1))
        (import "env" "sp" (global $sp (mut i32)))
        (import "env" "twice" (func $twice (param i32) (result i32)))
        (func (export "run") (param i32) (result i32)
            (global.set $sp (i32.sub (global.get $sp) (i32.const 16)))
            (i32.add (global.get $sp) (call $twice (local.get 0)))))
    (core instance $env (instantiate $env))
    (alias core export $env "memory" (core memory $memory))
    (alias core export $env "table" (core table $table))
    (alias core export $env "sp" (core global $sp))
    (alias core export $env "lib:memory_base" (core global $memory_base))
    (alias core export $env "lib:table_base" (core global $table_base))
    (alias core export $env "twice" (core func $twice))
    (core instance $of_lib
        (export "memory" (memory $memory)) (export "table" (table $table))
        (export "memory_base" (global $memory_base)) (export "table_base" (global $table_base)))
    (core instance $lib (instantiate $lib (with "env" (instance $of_lib))))
    (core instance $of_main
        (export "memory" (memory $memory)) (export "sp" (global $sp)) (export "twice" (func $twice)))
    (core instance $main (instantiate $main (with "env" (instance $of_main))))
    (func (export "run") (param "number" u32) (result u32) (canon lift (core func $main "run")))
"#;

/// A text that goes to the host: `canon lower` needs the memory of the module that calls, which is why wit-component puts a
/// shim before it and fills the shim's table afterwards.
const WITH_SHIM: &str = r#"
    (import "say" (func $say (param "text" string)))
    (core module $shim
        (type $said (func (param i32 i32)))
        (table (export "$imports") 1 1 funcref)
        (func (export "0") (param i32 i32) (call_indirect (type $said) (local.get 0) (local.get 1) (i32.const 0))))
    (core module $main
        (import "host" "say" (func $say (param i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 8) "hello")
        (func (export "run") (param i32) (result i32) (call $say (i32.const 8) (i32.const 5)) (local.get 0)))
    (core module $fixup
        (import "" "$imports" (table 1 1 funcref))
        (import "" "0" (func $say (param i32 i32)))
        (elem (i32.const 0) func $say))
    (core instance $shim (instantiate $shim))
    (alias core export $shim "0" (core func $shim_say))
    (core instance $host (export "say" (func $shim_say)))
    (core instance $main (instantiate $main (with "host" (instance $host))))
    (alias core export $main "memory" (core memory $memory))
    (alias core export $shim "$imports" (core table $imports))
    (core func $lowered (canon lower (func $say) (memory $memory) string-encoding=utf8))
    (core instance $for_fixup (export "$imports" (table $imports)) (export "0" (func $lowered)))
    (core instance (instantiate $fixup (with "" (instance $for_fixup))))
    (func (export "run") (param "number" u32) (result u32) (canon lift (core func $main "run")))
"#;

fn merge(component: &[u8]) -> anyhow::Result<Vec<u8>> {
    merge::merge(component, |module, _: &Roles| Ok(module))
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).expect("a component")
}

/// What it says and answers, called twice.
fn run(component: &[u8]) -> (Vec<String>, [u32; 2]) {
    let engine = Engine::default();
    let component = Component::new(&engine, component).expect("valid");
    let mut linker = Linker::<Vec<String>>::new(&engine);
    let say = |mut store: wasmtime::StoreContextMut<'_, Vec<String>>, (text,): (String,)| {
        store.data_mut().push(text);
        Ok(())
    };
    linker.root().func_wrap("say", say).expect("a new name");
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &component).expect("its imports");
    let run = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "run").expect("an export");
    let answers = [20, 30].map(|number| run.call(&mut store, (number,)).expect("no trap").0);
    (store.into_data(), answers)
}

/// Core modules, and in all of them: imports, functions, globals, element segments.
fn counts(component: &[u8]) -> [u32; 5] {
    let mut counts = [0; 5];
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("valid") {
            Payload::ModuleSection { .. } => counts[0] += 1,
            Payload::ImportSection(section) => counts[1] += section.count(),
            Payload::FunctionSection(section) => counts[2] += section.count(),
            Payload::GlobalSection(section) => counts[3] += section.count(),
            Payload::ElementSection(section) => counts[4] += section.count(),
            _ => {}
        }
    }
    counts
}

#[test]
fn libraries_become_one_module_that_does_the_same() {
    let separate = component(LIBRARIES);
    let merged = merge(&separate).expect("merged");
    assert_eq!(run(&separate), (vec![], [1008 + 40, 992 + 60]));
    assert_eq!(run(&merged), run(&separate));
    // Left are run, one and twice: neither the trampoline nor what nobody calls. Of the globals the stack pointer is written.
    assert_eq!(counts(&separate), [3, 7, 5, 4, 1]);
    assert_eq!(counts(&merged), [1, 0, 3, 1, 1]);
}

#[test]
fn shims_for_lowered_functions_stay() {
    let separate = component(WITH_SHIM);
    let merged = merge(&separate).expect("merged");
    assert_eq!(run(&separate), (vec!["hello".to_owned(), "hello".to_owned()], [20, 30]));
    assert_eq!(run(&merged), run(&separate));
    assert_eq!(counts(&merged)[0], 3);
}

#[test]
fn merging_the_merged_changes_nothing() {
    for text in [LIBRARIES, WITH_SHIM] {
        let once = merge(&component(text)).expect("merged");
        assert_eq!(merge(&once).expect("merged again"), once);
    }
}

#[test]
fn what_would_be_another_thing_after_merging_is_refused() {
    let lib = |change: &str, instead: &str| LIBRARIES.replace(change, instead);
    let load = "(i32.load8_u (i32.add (global.get $memory_base) (i32.const 1)))";
    let cases = [
        (lib("(func $one", "(start $nothing) (func $nothing) (func $one"), "start function"),
        (lib("(data (global.get $memory_base)", "(data"), "passive data segment"),
        (lib("(elem (global.get $table_base)", "(elem"), "not active"),
        (lib(load, "(table.set (i32.const 1) (ref.null func)) (i32.const 1)"), "TableSet"),
        (lib("(func $one", "(memory 1) (func $one"), "memory"),
        (lib("(func $one", "(tag) (func $one"), "tag"),
    ];
    for (text, says) in cases {
        let error = format!("{:#}", merge(&component(&text)).expect_err(says));
        assert!(error.contains(says), "{error} instead of {says}");
    }
}
