//! Scripts in which calls are meant to run side by side and do not, and scripts in which they do.

use exuvia_analysis::{MAX_NOTES, analyze};
use exuvia_test_support::descriptor;
use exuvia_tool::Namespace;
use serde_json::json;

fn namespace() -> Namespace {
    let tool = |name: &str| descriptor(&json!({"name": name, "inputSchema": {"type": "object"}}));
    exuvia_catalog::build(vec![("crm".into(), vec![tool("get"), tool("put")])])
}

/// The notes on a script, as `line: message`.
fn notes(script: &str) -> Vec<String> {
    let analysis = analyze(&format!("import asyncio\n{script}"), &namespace());
    assert!(analysis.findings.is_empty(), "{:?}", analysis.findings);
    analysis.notes.iter().map(|note| format!("{}: {}", note.line, note.message)).collect()
}

#[test]
fn a_call_in_a_gathered_function_that_is_not_awaited_is_noted() {
    let script =
        "async def one(i):\n    r = crm.get(id=i)\n    return r['x']\nawait asyncio.gather(*[one(i) for i in (1, 2)])";
    assert_eq!(
        notes(script),
        ["3: crm.get is not awaited in one, so it runs while nothing else does: write `await crm.get(...)`"]
    );
    assert!(notes(&script.replace("= crm", "= await crm")).is_empty());
    // Nothing is meant to run beside it.
    assert!(notes(&script.replace("asyncio.gather(*[one(i) for i in (1, 2)])", "one(1)")).is_empty());
}

#[test]
fn a_plain_function_that_is_gathered_is_noted() {
    let script = "def one(i):\n    return mcp.crm.get(id=i)\nawait asyncio.gather(one(1), one(2))";
    assert_eq!(
        notes(script),
        ["3: one is gathered, but its calls run one after the other: write `async def one` and `await crm.get(...)`"]
    );
}

#[test]
fn a_list_that_is_gathered_and_used_otherwise_is_noted() {
    let script = "calls = [crm.get(id=i) for i in (1, 2)]\nprint(calls[0])\nawait asyncio.gather(*calls)";
    let expected = "calls is used for more than gathering it, so its calls run one after the other: hand each to \
                    `asyncio.create_task`";
    assert_eq!(notes(script), [format!("2: {expected}")]);
    let script =
        "calls = []\nfor i in (1, 2):\n    calls.append(crm.get(id=i))\nfirst = calls\nawait asyncio.gather(*calls)";
    assert_eq!(notes(script), [format!("4: {expected}")]);
}

#[test]
fn calls_that_run_in_parallel_or_need_not_get_no_note() {
    for script in [
        "await asyncio.gather(crm.get(id=1), crm.get(id=2))",
        "calls = [crm.get(id=i) for i in (1, 2)]\nprint(len(calls))\nawait asyncio.gather(*calls)",
        "calls = []\nfor i in (1, 2):\n    calls.append(crm.get(id=i))\nawait asyncio.gather(*calls)",
        "a = crm.get(id=1)\nb = crm.get(id=2)\nawait asyncio.gather(a, b)",
        "async with asyncio.TaskGroup() as group:\n    tasks = [group.create_task(crm.get(id=i)) for i in (1, 2)]",
        "async def one(i):\n    return await crm.get(id=i)\nawait asyncio.gather(*(one(i) for i in (1, 2)))",
        "async def one(i):\n    crm.put(id=i)\nawait one(1)",
        "x = crm.get(id=1)\nawait asyncio.sleep(0)\nprint(x)",
        "def gather(*given): pass\nx = crm.get(id=1)\ngather(x, x)",
        "crm.put(id=1)\ncrm.get(id=1)",
    ] {
        assert_eq!(notes(script), Vec::<String>::new(), "{script}");
    }
}

#[test]
fn notes_are_few_and_never_the_same_twice() {
    let mut script = String::new();
    for n in 0..50 {
        script.push_str(&format!("async def f{n}():\n    crm.get(id=1)\n    crm.get(id=2)\n"));
    }
    let calls: Vec<String> = (0..50).map(|n| format!("f{n}()")).collect();
    script.push_str(&format!("await asyncio.gather({})", calls.join(", ")));
    let notes = notes(&script);
    assert_eq!(notes.len(), MAX_NOTES);
    assert!(notes[0].starts_with("3: ") && notes[1].starts_with("6: "), "{notes:?}");
}
