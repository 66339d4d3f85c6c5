//! A call blocks unless the script asks for parallelism: effects happen in the order of the text.

use exuvia_tests::store::{Pace, effects};
use exuvia_tests::twins::twins;
use tokio::task::JoinSet;

/// Pairs of scripts. Each takes some 50 ms.
const PAIRS: u64 = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_with_awaits_have_the_effects_of_their_plain_twins() {
    let mut running = JoinSet::new();
    let mut returned = 0;
    for seed in 0..PAIRS {
        running.spawn(async move {
            let twins = twins(seed);
            let (plain, _) = effects(&twins.plain, Pace::Varied(seed)).await;
            let (asynchronous, most) = effects(&twins.asynchronous, Pace::Varied(seed + 1)).await;
            assert_eq!(asynchronous, plain, "seed {seed}:\n{}", twins.asynchronous);
            assert_eq!(most.max(1), 1, "seed {seed}:\n{}", twins.asynchronous);
            u64::from(plain.outcome.starts_with('['))
        });
        if running.len() == 8 {
            returned += running.join_next().await.expect("one runs").expect("twins are equal");
        }
    }
    while let Some(done) = running.join_next().await {
        returned += done.expect("twins are equal");
    }
    assert!(returned * 10 > PAIRS * 9, "{returned} of {PAIRS} return: the others show little");
}

/// Runs a script under several timings: its result, always the same, and whether calls overlapped in one of them.
async fn result_of(source: &str) -> (String, bool) {
    let mut results = Vec::new();
    let mut most = 0;
    for pace in (1..4).map(Pace::Varied) {
        let (effects, overlapping) = effects(source, pace).await;
        most = most.max(overlapping);
        results.push(effects.outcome);
    }
    results.dedup();
    assert_eq!(results.len(), 1, "{results:?}\n{source}");
    (results.remove(0), most > 1)
}

/// What blocks, with what it gives.
const BLOCK: &[(&str, &str)] = &[
    (
        "x = await asyncio.gather(fs.sum())
fs.write(path='m', content='1')
b = fs.read(path='m')
fs.write(path='m', content='2')
d = fs.read(path='m')
result = [b['content'], d['content']]",
        r#"["1","2"]"#,
    ),
    (
        "async def main():
    fs.add(n=1); fs.add(n=2)
    return [fs.sum(), fs.add(n=3), fs.sum()]
result = await main()",
        "[5,18,18]",
    ),
    (
        "def insert(n):
    fs.add(n=n)
    return fs.sum()
async def main():
    await asyncio.sleep(0)
    return [insert(n) for n in (1, 2, 3)]
result = asyncio.run(main())",
        "[1,5,18]",
    ),
    // A value that blocked is the plain value, and can still be awaited or gathered.
    (
        "t = fs.add(n=1)
u = fs.read(path='none')
result = [type(t) is int, u is None, t, await t, await u, await asyncio.wait_for(t, 1), (await asyncio.gather(t, u))]",
        "[true,true,1,1,null,1,[1,null]]",
    ),
    (
        "def get(n):\n    r = fs.add(n=n)\n    return r\nresult = [await get(1), await asyncio.create_task(get(2))]",
        "[1,5]",
    ),
    // A plain helper under gather, a call that is used before it is awaited, a variable that is used for something else.
    ("def get(n):\n    return fs.add(n=n)\nresult = await asyncio.gather(*[get(n) for n in (1, 2)])", "[1,5]"),
    (
        "async def one(n):
    r = fs.add(n=n)
    return r + 0
result = await asyncio.gather(one(1), one(2))",
        "[1,5]",
    ),
    ("xs = [fs.add(n=n) for n in (1, 2)]\nprint(xs[0])\nresult = await asyncio.gather(*xs)", "[1,5]"),
    // Awaited one by one: as coroutines would have run.
    ("xs = [fs.add(n=n) for n in (1, 2)]\nresult = [await x for x in xs]", "[1,5]"),
    // Gathered later: what comes between waits for it.
    (
        "t = fs.write(path='m', content='1')
b = fs.read(path='m')
await asyncio.gather(t)
result = b['content']",
        r#""1""#,
    ),
    ("a = fs.add(n=1)\nb = fs.add(n=2)\nresult = [await asyncio.gather(a), await asyncio.gather(b)]", "[[1],[5]]"),
    // A name that is asyncio's elsewhere, and one of a server's tools.
    (
        "def gather(*xs):\n    return list(xs)\nawait asyncio.sleep(0)\nresult = gather(fs.add(n=1), fs.add(n=2))",
        "[1,5]",
    ),
    ("await asyncio.sleep(0)\nresult = eval('[fs.add(n=1), fs.add(n=2)]')", "[1,5]"),
    ("result = asyncio.run(asyncio.gather(fs.add(n=1), fs.add(n=2)))", "[1,5]"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_script_does_not_hand_to_anything_blocks() {
    for (source, expected) in BLOCK {
        let (result, overlapped) = result_of(&format!("import asyncio\n{source}")).await;
        assert_eq!((result.as_str(), overlapped), (*expected, false), "{source}");
    }
}

/// What runs side by side.
const PARALLEL: &[&str] = &[
    "await asyncio.gather(fs.add(n=1), fs.add(n=2), fs.add(n=3))",
    "t = fs.add(n=1)\nu = fs.add(n=2)\nawait asyncio.gather(t, u)",
    "tasks = []\nfor n in range(4):\n    tasks.append(fs.add(n=n))\nawait asyncio.gather(*tasks)",
    "tasks = []\nfor n in range(4):\n    t = fs.add(n=n)\n    tasks.append(t)\nawait asyncio.gather(*tasks)",
    "tasks = [fs.add(n=n) for n in range(4)]\nawait asyncio.gather(*tasks, return_exceptions=True)",
    "tasks = {n: fs.add(n=n) for n in range(4)}\nd = dict(zip(tasks, await asyncio.gather(*tasks.values())))",
    "tasks = {}\nfor n in range(4):\n    tasks[n] = fs.add(n=n)\nd = dict(zip(tasks.keys(), await asyncio.gather(*tasks.values())))",
    "async def one(n):\n    return await fs.add(n=n)\nawait asyncio.gather(*[one(n) for n in range(4)])",
    "await asyncio.gather(*map(fs.add, range(4)))",
    "await asyncio.gather(*map(lambda n: fs.add(n=n), range(4)))",
    "await asyncio.gather(*(fs.add(n=n) for n in range(4)))",
    "await asyncio.gather(*[fs.add(n=1)] + [fs.add(n=n) for n in (2, 3)])",
    "async with asyncio.TaskGroup() as group:\n    for n in range(4):\n        group.create_task(fs.add(n=n))",
    "tasks = [asyncio.create_task(fs.add(n=n)) for n in range(4)]\nfor t in tasks:\n    await t",
    "for x in asyncio.as_completed([fs.add(n=n) for n in range(4)]):\n    await x",
    "tasks = [fs.add(n=n) for n in range(4)]\ndone, _ = await asyncio.wait(tasks)\nassert len([t.result() for t in done]) == len(tasks)",
    "from asyncio import gather as together\nadd = fs.add\nawait together(add(n=1), add(n=2))",
    "from functools import partial\nadd = partial(fs.add, n=1)\nawait asyncio.gather(add(), add(), add())",
    "async def main():\n    jobs = []\n    jobs += [fs.add(n=n) for n in (1, 2)]\n    jobs.extend(fs.add(n=n) for n in (3, 4))\n    if jobs:\n        await asyncio.wait_for(asyncio.gather(*jobs), 10)\nawait main()",
    "await asyncio.gather(*[asyncio.to_thread(fs.add, n=n) for n in range(4)])",
    "from concurrent.futures import ThreadPoolExecutor\nawait asyncio.sleep(0)\nwith ThreadPoolExecutor(4) as pool:\n    list(pool.map(fs.add, range(4)))",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_script_hands_to_something_runs_side_by_side() {
    for source in PARALLEL {
        let source = format!("import asyncio\n{source}\nresult = 1");
        let (effects, most) = effects(&source, Pace::Together).await;
        assert_eq!(effects.outcome, "1", "{source}");
        assert!(most > 1, "{source}");
    }
}
