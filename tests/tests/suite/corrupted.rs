//! Guests whose interpreter has been broken: bytecode that reads constants out of bounds makes a bytearray of all memory, with which a
//! script reads and writes where it likes. It gets no more fuel, no more time and nobody else's memory for that.

use exuvia_runtime::{Limits, Report};
use exuvia_tests::{run, stopped_by};

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

const FUEL: u64 = 3_000_000_000;

fn limits() -> Limits {
    Limits { fuel: FUEL, wall_ms: 60_000, ..Limits::default() }
}

async fn corrupted(then: &str) -> Report {
    run(&format!("{FORGE}{then}"), limits()).await
}

/// However it went on, it ended by its limits or by itself, and the next script starts anew.
async fn is_contained(what: &str, report: &Report) {
    assert!(report.usage.fuel <= FUEL, "{what}: {report:?}");
    let ended = report.outcome.name();
    assert!(ended != "stopped" || stopped_by(report) == "fuel", "{what}: {report:?}");
    let next = run("import json, re\nresult = json.loads('[1]') + [len(re.sub('a', 'b', 'aaa'))]", limits()).await;
    assert_eq!(next.outcome.name(), "returned", "after {what}: {next:?}");
}

#[tokio::test]
async fn a_script_can_write_all_memory() {
    let report = corrupted("mark = bytearray(b'before it')\nat = memory.find(b'before it')\nmemory[at : at + 6] = b'behind'\nresult = [mark.decode(), bytes(memory[id(forge) + 4 : id(forge) + 8]) == struct.pack('<I', id(type(forge)))]").await;
    println!("{report:?}");
    assert_eq!(report.outcome.name(), "returned", "{report:?}");
}

/// Every word of memory that could be what is left of a slice of fuel, or of the limit, becomes a large one.
#[tokio::test]
async fn no_word_of_memory_is_its_fuel() {
    let report = corrupted(
        r#"
import sys
found = 0
for start in range(0, 40 << 20, 1 << 16):
    words = memoryview(memory)[start : start + (1 << 16)].cast("q")
    for place in [place for place, word in enumerate(words) if 50_000 < word < 4_000_000_000]:
        words[place] = 1 << 62
        found += 1
while True: pass
"#,
    )
    .await;
    println!("{report:?}");
    is_contained("hunting its fuel", &report).await;
}

/// Every part of memory in turn is overwritten, and what is left of the interpreter goes on.
#[tokio::test]
async fn memory_that_is_overwritten_gives_no_fuel() {
    for value in [0x00, 0x01, 0x7f, 0xff] {
        for part in 0..32 {
            let what = format!("{value:#x} in part {part}");
            let report = corrupted(&format!(
                "part = bytes([{value}]) * (1 << 20)\nmemory[{part} << 20 : {part} + 1 << 20] = part\nwhile True: pass"
            ))
            .await;
            println!("{what}: {} {}", report.outcome.name(), report.usage.fuel);
            is_contained(&what, &report).await;
        }
    }
}
