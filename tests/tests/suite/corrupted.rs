//! Guests whose interpreter has been broken: bytecode that reads constants out of bounds makes a bytearray of all memory, with which a
//! script reads and writes where it likes. It gets no more fuel, no more time and nobody else's memory for that.

use exuvia_runtime::{Limits, Report};
use exuvia_tests::{returned, run, stopped_by};
use serde_json::json;

/// What makes `memory`: bytes from address 0 on.
const FORGE: &str = r#"
import opcode, struct, types

def forge(size):
    """A bytearray of the first bytes of the address space, by a constant that is none."""
    fake = struct.pack("<7I", 1 << 20, id(bytearray), size, size, 0, 0, 0)
    pointer = struct.pack("<I", id(fake) + bytes.__basicsize__ - 1)
    def code_of(): return 1
    code = code_of.__code__
    distance = id(pointer) + bytes.__basicsize__ - 1 - id(code.co_consts) - tuple.__basicsize__
    index = distance // 4 & (1 << 30) - 1
    extended, load = opcode.opmap["EXTENDED_ARG"], opcode.opmap["LOAD_CONST"]
    steps = [(opcode.opmap["RESUME"], 0)]
    steps += [(extended, index >> shift & 0xFF) for shift in (24, 16, 8)]
    steps += [(load, index & 0xFF), (opcode.opmap["RETURN_VALUE"], 0)]
    broken = code.replace(co_code=bytes(byte for step in steps for byte in step), co_stacksize=8)
    return types.FunctionType(broken, {})(), fake, pointer

memory, *_kept = forge((1 << 31) - 1)
"#;

const FUEL: u64 = 2_000_000_000;

fn limits() -> Limits {
    Limits { fuel: FUEL, wall_ms: 60_000, ..Limits::default() }
}

async fn corrupted(then: &str) -> Report {
    run(&format!("{FORGE}{then}"), limits()).await
}

/// However it went on, it ended by its limits or by itself, and the next script starts anew.
async fn is_contained(what: &str, report: &Report) {
    assert!(report.usage.fuel <= FUEL && report.usage.wall_ms < 60_000, "{what}: {report:?}");
    let ended = report.outcome.name();
    assert!(ended != "stopped" || stopped_by(report) == "fuel", "{what}: {report:?}");
    let next = run("import json, re\nresult = json.loads('[1]') + [len(re.sub('a', 'b', 'aaa'))]", limits()).await;
    assert_eq!(next.outcome.name(), "returned", "after {what}: {next:?}");
}

#[tokio::test]
async fn a_script_can_write_all_memory() {
    let report = corrupted(
        "mark = bytearray(b'before')\n\
         start, = struct.unpack('<I', memory[id(mark) + 20 : id(mark) + 24])\n\
         memory[start : start + 6] = b'behind'\n\
         result = [mark.decode(), struct.unpack('<I', memory[id(forge) + 4 : id(forge) + 8])[0] == id(type(forge))]",
    )
    .await;
    assert_eq!(returned(&report), json!(["behind", true]));
}

/// Every word of memory that could be what is left of a slice of fuel, a number from 65,536 to 131,071, becomes 2^62 and more.
#[tokio::test]
async fn no_word_of_memory_is_its_fuel() {
    let report = corrupted(
        r#"
middle = b"\x01\0\0\0\0\0"
at, places = 8, []
for piece in bytes(memory[8 : 34 << 20]).split(middle)[:-1]:
    at += len(piece)
    if at % 8 == 2:
        places.append(at)
    at += len(middle)
for place in places:
    memory[place + 5] = 0x40
print(len(places) > 100)
while True: pass
"#,
    )
    .await;
    assert_eq!((report.logs.text.as_str(), stopped_by(&report)), ("True\n", "fuel"), "{report:?}");
    is_contained("looking for its fuel", &report).await;
}

/// Every part of memory in turn is overwritten, and what is left of the interpreter goes on.
#[tokio::test]
async fn memory_that_is_overwritten_gives_no_fuel() {
    for value in [0x00, 0x7f, 0xff] {
        for part in 0..9 {
            let what = format!("{value:#x} in part {part}");
            let overwrites =
                format!("part = bytes([{value}]) * (4 << 20)\nmemory[{part} << 22 : {part} + 1 << 22] = part");
            is_contained(&what, &corrupted(&format!("{overwrites}\nwhile True: pass")).await).await;
        }
    }
}
