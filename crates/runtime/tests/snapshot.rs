//! The snapshot is taken out of a component, on components that are small enough to read.

#[path = "../src/snapshot.rs"]
mod snapshot;

use snapshot::split;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

const PAGE: usize = 64 << 10;

/// A module with a memory that answers with two of its bytes, beside one without a memory.
fn component(data: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $none (func (export "nothing")))
            (core instance (instantiate $none))
            (core module $main
                (memory (export "memory") 2)
                (func (export "run") (result i32)
                    (i32.add (i32.load8_u (i32.const 8)) (i32.load8_u (i32.const 131071))))
                {data})
            (core instance $main (instantiate $main))
            (func (export "run") (result u32) (canon lift (core func $main "run"))))"#
    );
    wat::parse_str(text).expect("a component")
}

fn run(component: &[u8]) -> u32 {
    let engine = Engine::default();
    let component = Component::new(&engine, component).expect("valid");
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &component).expect("no imports");
    instance
        .get_typed_func::<(), (u32,)>(&mut store, "run")
        .expect("an export")
        .call(&mut store, ())
        .expect("no trap")
        .0
}

#[test]
fn the_image_is_the_memory_and_the_rest_is_the_component_without_it() {
    let whole =
        component(r#"(data (i32.const 8) "\02xyz") (data (i32.const 131071) "\28") (data (i32.const 9) "abc")"#);
    let split = split(&whole).expect("it can be split");
    assert_eq!(split.image.len(), 2 * PAGE);
    assert_eq!(&split.image[7..14], b"\0\x02abc\0\0", "later segments are written over earlier ones");
    assert_eq!(split.image[131_071], 0x28);
    assert_eq!(split.image.iter().filter(|byte| **byte != 0).count(), 5);
    assert_eq!((run(&whole), run(&split.component)), (42, 0));
}

#[test]
fn what_is_not_put_at_a_fixed_place_is_refused() {
    let refused = |data: &str| format!("{:#}", split(&component(data)).expect_err("it cannot be split"));
    assert!(refused(r#"(data "passive")"#).contains("when the module is instantiated"));
    assert!(refused(r#"(data (i32.const 131070) "end")"#).contains("ends behind the memory"));
    assert!(refused(r#"(data (i32.const -1) "end")"#).contains("ends behind the memory"));
    assert!(refused(r#"(data (i32.add (i32.const 1) (i32.const 2)) "x")"#).contains("computed place"));
    let none = wat::parse_str("(component (core module))").expect("a component");
    assert!(format!("{:#}", split(&none).expect_err("nothing to split")).contains("no module has a memory"));
    let two = wat::parse_str("(component (core module (memory 1)) (core module (memory 1)))").expect("a component");
    assert!(format!("{:#}", split(&two).expect_err("two images")).contains("two modules"));
}

#[test]
fn the_image_of_the_guest_is_that_of_its_artifact() {
    let split = split(exuvia_guest::COMPONENT).expect("the guest can be split");
    assert_eq!(split.image.len() % PAGE, 0);
    // The interpreter is in it, and its component is left as code.
    assert!(split.image.len() > 30 << 20 && split.component.len() < exuvia_guest::COMPONENT.len() - (20 << 20));
}
