//! The meter of the merged module, on modules that are small enough to count by hand.

use crate::merge::Roles;
use crate::meter;
use wasmtime::{Caller, Engine, Instance, Linker, Module, Store};

/// What a host knows of a guest's fuel.
#[derive(Default)]
struct Host {
    slice: i64,
    given: i64,
    used: i64,
    limit: i64,
    slices: u32,
}

/// A module of these functions, after the import that gives slices (function 0). Exported are `run`, which is lifted, and
/// `realloc`, in this order: functions 1 and 2.
fn module(run: &str, realloc: &str, rest: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (type $number (func (param i32) (result i32)))
            (import "" "0" (func $next (param i64) (result i64)))
            (memory (export "memory") 1 10)
            (global $stack_pointer (mut i32) (i32.const 0))
            (func $run (export "run") (param i32) (result i32) {run})
            (func $realloc (export "realloc") (param i32) (result i32) {realloc})
            {rest})"#
    );
    wat::parse_str(text).expect("a module")
}

fn roles() -> Roles {
    let imports = [(("exuvia:sandbox/meter@0.3.0".into(), "next-slice".into()), 0)].into();
    Roles { imports, without_imports: [2].into(), lifted: [1].into() }
}

/// Meters a module.
fn metered(run: &str, realloc: &str, rest: &str) -> Vec<u8> {
    let metered = meter::meter(&module(run, realloc, rest), &roles()).expect("metered");
    meter::verify(&metered, &roles()).expect("complete");
    metered
}

/// An instance under a limit, which gets its fuel in slices.
fn instance(module: &[u8], limit: i64, slice: i64) -> (Store<Host>, Instance) {
    let engine = Engine::default();
    let module = Module::new(&engine, module).expect("valid");
    let mut linker = Linker::<Host>::new(&engine);
    let next = |mut caller: Caller<'_, Host>, balance: i64| {
        let host = caller.data_mut();
        host.used += host.given - balance;
        host.slices += 1;
        wasmtime::ensure!(balance >= 0 || host.used <= host.limit, "out of fuel");
        host.given = host.slice.min(host.limit - host.used);
        Ok(host.given)
    };
    linker.func_wrap("", "0", next).expect("a new name");
    let mut store = Store::new(&engine, Host { slice, limit, ..Host::default() });
    let instance = linker.instantiate(&mut store, &module).expect("its imports");
    (store, instance)
}

/// Calls an export. What it answers, and the fuel that the host knows to be used afterwards.
fn call((store, instance): &mut (Store<Host>, Instance), name: &str, argument: i32) -> (Result<i32, String>, i64) {
    let function = instance.get_typed_func::<i32, i32>(&mut *store, name).expect("an export");
    let answer = function.call(&mut *store, argument).map_err(|error| format!("{error:#}"));
    (answer, store.data().used)
}

/// What `run` answers and uses.
fn run(module: &[u8], argument: i32) -> (i32, i64) {
    let (answer, used) = call(&mut instance(module, 1 << 60, 1 << 40), "run", argument);
    // The same in small slices.
    let (again, in_slices) = call(&mut instance(module, 1 << 60, 3), "run", argument);
    let answer = answer.expect("enough fuel");
    assert_eq!((again.expect("enough fuel"), in_slices), (answer, used));
    (answer, used)
}

const SAME: &str = "(local.get 0)";

/// Counts its argument down in a loop: six instructions each turn, `loop` itself being none.
const DOWN: &str = "(loop $again (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
    (br_if $again (local.get 0))) (i32.const 7)";

#[test]
fn each_turn_of_a_loop_is_charged_by_its_instructions() {
    let module = metered(DOWN, SAME, "");
    assert_eq!(run(&module, 1), (7, 6));
    assert_eq!(run(&module, 1_000), (7, 6_000));
}

#[test]
fn loops_inside_count_for_themselves() {
    let nested = "(local $inner i32)
        (loop $outer
            (local.set $inner (i32.const 10))
            (loop $inside (br_if $inside (local.tee $inner (i32.sub (local.get $inner) (i32.const 1)))))
            (br_if $outer (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (i32.const 7)";
    // Outside: 2 + 5 instructions; inside 5.
    assert_eq!(run(&metered(nested, SAME, ""), 3), (7, 3 * (7 + 10 * 5)));
}

#[test]
fn a_turn_that_branches_costs_32_at_most_and_a_straight_one_all_of_it() {
    let long = "(drop (i32.const 1)) ".repeat(100);
    let straight = format!(
        "(loop $again {long} (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 7)"
    );
    assert_eq!(run(&metered(&straight, SAME, ""), 10), (7, 10 * 205));
    let branching = format!(
        "(loop $again (if (local.get 0) (then {long})) (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 7)"
    );
    assert_eq!(run(&metered(&branching, SAME, ""), 10), (7, 10 * 32));
}

#[test]
fn functions_that_can_call_themselves_are_charged_when_they_begin() {
    // Directly, and by the table.
    let direct =
        "(if (result i32) (local.get 0) (then (call $run (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 7)))";
    assert_eq!(run(&metered(direct, SAME, ""), 9), (7, 10 * 7));
    let by_table = "(if (result i32) (local.get 0)
        (then (call_indirect (type $number) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))) (else (i32.const 7)))";
    let table = "(table 1 funcref) (elem (i32.const 0) func $run)";
    assert_eq!(run(&metered(by_table, SAME, table), 9), (7, 10 * 8));
    // Others are not.
    let straight = "(call $leaf (call $leaf (local.get 0)))";
    assert_eq!(run(&metered(straight, SAME, "(func $leaf (param i32) (result i32) (local.get 0))"), 9), (9, 0));
}

#[test]
fn bulk_operations_are_charged_by_length() {
    let fill = "(memory.fill (i32.const 0) (i32.const 1) (local.get 0)) (i32.const 7)";
    assert_eq!(run(&metered(fill, SAME, ""), 65_536), (7, 16_384));
    let copy = "(memory.copy (i32.const 0) (i32.const 1) (local.get 0)) (i32.const 7)";
    assert_eq!(run(&metered(copy, SAME, ""), 160), (7, 40));
    let grow = "(memory.grow (local.get 0))";
    assert_eq!(run(&metered(grow, SAME, ""), 2), (1, 8_192));
    assert_eq!(run(&metered(grow, SAME, ""), 1_000), (-1, 4_096_000));
}

#[test]
fn what_has_no_end_ends_with_the_fuel() {
    let endless = [
        ("(loop $again (br $again)) (unreachable)", ""),
        ("(call $run (local.get 0))", ""),
        ("(return_call $run (local.get 0))", ""),
        (
            "(return_call_indirect (type $number) (local.get 0) (i32.const 0))",
            "(table 1 funcref) (elem (i32.const 0) func $run)",
        ),
        ("(loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br $again)) (unreachable)", ""),
    ];
    for (run, rest) in endless {
        let (answer, used) = call(&mut instance(&metered(run, SAME, rest), 5_000, 100), "run", 0);
        assert!(answer.as_ref().is_err_and(|error| error.contains("out of fuel")), "{run}: {answer:?}");
        assert!(used > 5_000, "{run}: {used}");
    }
}

#[test]
fn no_slice_is_asked_for_while_the_host_allocates() {
    let module = metered(SAME, DOWN, "");
    let mut guest = instance(&module, 1_000, 10);
    // It owes afterwards.
    assert_eq!(call(&mut guest, "realloc", 100), (Ok(7), 0));
    assert_eq!(guest.0.data().slices, 0);
    assert_eq!(call(&mut guest, "run", 1), (Ok(1), 600));
    // As much as it likes it does not get.
    let (answer, _) = call(&mut guest, "realloc", 100_000_000);
    assert!(answer.is_err_and(|error| error.contains("out of fuel")));
}

#[test]
fn what_would_escape_is_found() {
    let charge = |amount: i64| {
        format!(
            "(global.set $balance (i64.sub (global.get $balance) (i64.const {amount})))
             (if (i64.lt_s (global.get $balance) (i64.const 0)) (then (call $refill)))"
        )
    };
    let owing = |sign: &str| format!("(global.set $balance (i64.{sign} (global.get $balance) (i64.const 100000000)))");
    // A metered module, written by hand: what is exported, the body of `run`, of `realloc`, of the refill, and of what the host
    // calls.
    let by_hand = |change: &str, instead: &str| {
        let text = format!(
            r#"(module
            (type $number (func (param i32) (result i32)))
            (import "" "0" (func $next (param i64) (result i64)))
            (memory 1)
            (global $balance (mut i64) (i64.const 0))
            (table 1 funcref)
            (elem (i32.const 0) func $run)
            (func $run (param i32) (result i32) {entry} (loop $again {turn} (br_if $again (local.get 0)))
                (call_indirect (type $number) (local.get 0) (i32.const 0)))
            (func $realloc (param i32) (result i32) (local.get 0))
            (func $refill (global.set $balance (call $next (global.get $balance))))
            (func (export "run") (param i32) (result i32) (call $run (local.get 0)) (call $refill))
            (func (export "realloc") (param i32) (result i32) {add} (call $realloc (local.get 0)) {sub}))"#,
            entry = charge(11),
            turn = charge(4),
            add = owing("add"),
            sub = owing("sub"),
        );
        assert!(text.contains(change), "{change}");
        let module = wat::parse_str(text.replacen(change, instead, 1)).expect("a module");
        meter::verify(&module, &roles()).map_err(|error| format!("{error:#}"))
    };
    assert_eq!(by_hand("(memory 1)", "(memory 1)"), Ok(()));
    let cases = [
        (charge(11), "", "a cycle of calls without a charge"),
        (charge(4), "", "a loop without a charge"),
        (charge(4), "(nop)", "a loop without a charge"),
        (charge(4), &charge(0), "a loop without a charge"),
        (charge(4), &charge(-4), "a loop without a charge"),
        ("(br_if $again".into(), "(global.set $balance (i64.const 9)) (br_if $again", "the balance is written"),
        (
            "(br_if $again".into(),
            "(memory.fill (i32.const 0) (i32.const 1) (i32.const 9)) (br_if $again",
            "a bulk operation without a charge",
        ),
        ("(br_if $again".into(), "(drop (table.grow (ref.null func) (i32.const 9))) (br_if $again", "has no charge"),
        ("(i64.const 0))\n".into(), "(i64.const 1))\n", "does not begin at 0"),
        ("(global $balance".into(), r#"(global $balance (export "balance")"#, "a global is exported"),
        ("(func $run (param".into(), r#"(func $run (export "f1") (param"#, "is exported itself"),
        ("(call $next (global.get $balance))".into(), "(call $next (i64.const -1))", "does something else"),
        ("(call $run (local.get 0)) (call $refill)".into(), "(call $run (local.get 0))", "not settled"),
        (owing("sub"), "", "not balanced"),
        (owing("add"), &owing("sub"), "not balanced"),
    ];
    for (change, instead, says) in cases {
        let error = by_hand(&change, instead).expect_err(says);
        assert!(error.contains(says), "{error} instead of {says}");
    }
}
