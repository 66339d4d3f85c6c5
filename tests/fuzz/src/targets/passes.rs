//! The passes over the guest's core modules: the meter, on programs made of a tape, and the merger, on changed components.

use std::fmt::Write as _;

use wasmtime::{Caller, Engine, Linker, Module, Store};

use crate::merge::{self, Roles};
use crate::meter;

/// How many statements a program has at most, and how deep they nest.
const STATEMENTS: usize = 60;
const DEPTH: usize = 4;

/// The fuel of a run, and the sizes of the slices that it is given in.
const FUEL: i64 = 200_000;
const SLICES: [i64; 2] = [1_000, 1 << 30];

/// A program that the meter takes is valid, and passes the second look; it comes to the same answer and uses the same fuel however
/// large the slices are.
pub(super) fn metered(data: &[u8]) {
    let module = wat::parse_str(program(data)).expect("a module");
    let imports = [(("exuvia:sandbox/meter@0.3.0".into(), "next-slice".into()), 0)].into();
    let roles = Roles { imports, without_imports: [4].into(), lifted: [1].into() };
    let metered = meter::meter(&module, &roles).expect("metered");
    meter::verify(&metered, &roles).expect("complete");
    assert!(meter::verify(&module, &roles).is_err(), "what is not metered is not complete");
    let engine = Engine::default();
    let module = Module::new(&engine, &metered).expect("valid");
    let [one, two] = SLICES.map(|slice| run(&engine, &module, slice));
    assert_eq!(one, two);
}

pub(super) const SCRAPS: &[&str] = &[
    "(core module $more)",
    "(core instance (instantiate $more))",
    "(func (export \"more\") (param i32) (result i32) (local.get 0))",
    "(import \"env\" \"sp\" (global (mut i32)))",
    "(global (mut i64) (i64.const 1))",
    "(elem (i32.const 0) func 0)",
    "(data (i32.const 0) \"a\")",
    "(call 0 (local.get 0))",
    "(memory 1)",
    "(table 1 funcref)",
];

/// A component that can be merged is valid afterwards, if it was valid before.
pub(super) fn merged(data: &[u8]) {
    let Ok(component) = wat::parse_bytes(data) else { return };
    if wasmparser::validate(&component).is_err() {
        return;
    }
    if let Ok(merged) = merge::merge(&component, |module, _: &Roles| Ok(module)) {
        wasmparser::validate(&merged).expect("valid");
    }
}

/// What the host knows of the fuel.
struct Host {
    slice: i64,
    given: i64,
    used: i64,
}

/// The answer and the fuel used, where there was enough of it.
fn run(engine: &Engine, module: &Module, slice: i64) -> Option<(i32, i64)> {
    let mut linker = Linker::<Host>::new(engine);
    let next = |mut caller: Caller<'_, Host>, balance: i64| {
        let host = caller.data_mut();
        host.used += host.given - balance;
        wasmtime::ensure!(balance >= 0 || host.used <= FUEL, "out of fuel");
        host.given = host.slice.min((FUEL - host.used).max(0));
        Ok(host.given)
    };
    linker.func_wrap("", "0", next).expect("a new name");
    let mut store = Store::new(engine, Host { slice, given: 0, used: 0 });
    let instance = linker.instantiate(&mut store, module).expect("its import");
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").expect("an export");
    let answer = run.call(&mut store, 7).ok()?;
    Some((answer, store.data().used))
}

/// A module with the import that gives slices and three functions that call each other, made of the bytes of a tape.
fn program(tape: &[u8]) -> String {
    let mut tape = Tape { bytes: tape.iter().copied(), left: STATEMENTS };
    let locals: String = (0..=DEPTH).map(|depth| format!("(local $i{depth} i32)")).collect();
    let mut functions = String::new();
    for name in ["run", "one", "two"] {
        let body = tape.block(0);
        let _ = writeln!(functions, "(func ${name} (export \"{name}\") (type $number) {locals} {body} (local.get 0))");
    }
    format!(
        "(module
            (type $number (func (param i32) (result i32)))
            (import \"\" \"0\" (func (param i64) (result i64)))
            (memory (export \"memory\") 1 2)
            (global $stack_pointer (mut i32) (i32.const 0))
            (table 2 funcref) (elem (i32.const 0) func $one $two)
            {functions}
            (func $realloc (export \"realloc\") (type $number) (local.get 0)))"
    )
}

/// Bytes that decide what comes next; zeros at the end of them.
struct Tape<I> {
    bytes: I,
    left: usize,
}

impl<I: Iterator<Item = u8>> Tape<I> {
    fn next(&mut self, choices: u8) -> u8 {
        self.bytes.next().unwrap_or_default() % choices
    }

    fn block(&mut self, depth: usize) -> String {
        let count = 1 + self.next(4);
        (0..count).map(|_| self.statement(depth)).collect()
    }

    fn statement(&mut self, depth: usize) -> String {
        if self.left == 0 {
            return "(nop)".to_owned();
        }
        self.left -= 1;
        let number = self.next(8);
        match self.next(9) {
            0 if depth < DEPTH => self.counted_loop(depth, number),
            1 if depth < DEPTH => {
                format!("(if (local.get 0) (then {}) (else {}))", self.block(depth + 1), self.block(depth + 1))
            }
            2 if depth < DEPTH => format!("(block (br_if 0 (local.get 0)) {})", self.block(depth + 1)),
            // Endless, until there is no fuel.
            3 if depth < DEPTH && number == 7 => format!("(loop $again {} (br $again))", self.block(depth + 1)),
            4 => format!("(memory.fill (i32.const {number}) (i32.const 1) (i32.and (local.get 0) (i32.const 0xfff)))"),
            5 => "(drop (memory.grow (i32.const 0)))".to_owned(),
            6 => {
                let name = ["run", "one", "two"][usize::from(number % 3)];
                let less = "(i32.sub (local.get 0) (i32.const 1))";
                format!("(if (i32.gt_s (local.get 0) (i32.const 0)) (then (local.set 0 (call ${name} {less}))))")
            }
            7 => {
                let called = format!("(call_indirect (type $number) (i32.const {number}) (i32.const {}))", number % 2);
                format!("(if (i32.eqz (local.get 0)) (then (drop {called})))")
            }
            _ => format!("(local.set 0 (i32.xor (local.get 0) (i32.const {number})))"),
        }
    }

    fn counted_loop(&mut self, depth: usize, turns: u8) -> String {
        let (body, counter) = (self.block(depth + 1), format!("$i{depth}"));
        format!(
            "(local.set {counter} (i32.const {}))
            (loop $l{depth} {body} (br_if $l{depth} (local.tee {counter} (i32.sub (local.get {counter}) (i32.const 1)))))",
            turns + 1
        )
    }
}
