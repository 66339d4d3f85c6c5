//! The loop.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::mutate::{Random, mutate};

/// What one input may take, on any machine and in any build.
const DEADLINE: Duration = Duration::from_secs(20);
/// The inputs that further ones are made of, beside the corpus.
const POOL: usize = 256;
/// How much of an input is shown.
const SHOWN_BYTES: usize = 2_000;

/// A function to be fuzzed.
#[derive(Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Panics when something is wrong.
    pub run: fn(&[u8]),
    /// Where its corpus is, from the folder of the package whose test runs it: files, folders of files, and `.jsonl` files, each of
    /// whose rows has an input as its `code`.
    pub corpus: &'static [&'static str],
    /// What is put into inputs: the words of the grammar.
    pub scraps: &'static [&'static str],
}

/// The input that runs, and since when.
struct Running(Vec<u8>, Instant);

/// Feeds the target its corpus and mutations of it. How many inputs that were.
///
/// # Errors
///
/// An input made it panic, or did not end; the message says where the input is.
pub fn fuzz(target: &'static Target) -> Result<u64, String> {
    let corpus = corpus(target)?;
    let seconds = number("EXUVIA_FUZZ_SECONDS").unwrap_or(0.2);
    let random = Random::new(number("EXUVIA_FUZZ_SEED").unwrap_or(1.0) as u64);
    let running = Arc::new(Mutex::new(Running(Vec::new(), Instant::now())));
    let (done, ended) = mpsc::channel();
    let kept = Arc::clone(&running);
    let feeding = move || {
        let _ = done.send(feed(target, corpus, random, Duration::from_secs_f64(seconds), &kept));
    };
    thread::Builder::new().name(target.name.to_owned()).spawn(feeding).map_err(|error| error.to_string())?;
    loop {
        match ended.recv_timeout(Duration::from_millis(100)) {
            Ok(inputs) => return Ok(inputs),
            Err(RecvTimeoutError::Disconnected) => return Err(failure(target, "panicked", &locked(&running).0)),
            Err(RecvTimeoutError::Timeout) => {
                let running = locked(&running);
                if running.1.elapsed() > DEADLINE {
                    return Err(failure(target, "did not end in 20 s", &running.0));
                }
            }
        }
    }
}

fn feed(
    target: &Target,
    corpus: Vec<Vec<u8>>,
    mut random: Random,
    duration: Duration,
    running: &Mutex<Running>,
) -> u64 {
    let start = Instant::now();
    let mut inputs = 0;
    let mut run = |data: &[u8]| {
        *locked(running) = Running(data.to_vec(), Instant::now());
        (target.run)(data);
        inputs += 1;
    };
    corpus.iter().for_each(|data| run(data));
    let first = corpus.len();
    let mut pool = corpus;
    while start.elapsed() < duration {
        let (one, other) = (random.below(pool.len()), random.below(pool.len()));
        let data = mutate(&pool[one], &pool[other], target.scraps, &mut random);
        run(&data);
        // Mutations of mutations reach further; the corpus itself stays.
        if pool.len() < first + POOL {
            pool.push(data);
        } else {
            pool[first + random.below(POOL)] = data;
        }
    }
    inputs
}

fn corpus(target: &Target) -> Result<Vec<Vec<u8>>, String> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo does not run this")?);
    let mut all = Vec::new();
    for path in target.corpus {
        let path = here.join(path);
        add(&path, &mut all).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if all.is_empty() { Err(format!("{} has no corpus", target.name)) } else { Ok(all) }
}

fn add(path: &Path, all: &mut Vec<Vec<u8>>) -> std::io::Result<()> {
    if path.is_dir() {
        let mut files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        // So that the same seed makes the same inputs.
        files.sort();
        return files.iter().filter(|file| file.is_file()).try_for_each(|file| add(file, all));
    }
    let data = fs::read(path)?;
    if path.extension().is_none_or(|extension| extension != "jsonl") {
        all.push(data);
        return Ok(());
    }
    for row in data.split(|&byte| byte == b'\n').filter(|row| !row.is_empty()) {
        let row: serde_json::Value = serde_json::from_slice(row)?;
        all.extend(row["code"].as_str().map(|code| code.as_bytes().to_vec()));
    }
    Ok(())
}

/// Keeps the input, and says where.
fn failure(target: &Target, what: &str, data: &[u8]) -> String {
    let mut digest = DefaultHasher::new();
    data.hash(&mut digest);
    let file = env::temp_dir().join(format!("exuvia-fuzz-{}-{:016x}", target.name, digest.finish()));
    let place = match fs::write(&file, data) {
        Ok(()) => format!("the input is in {}; once it is mended, it belongs to the corpus", file.display()),
        Err(error) => format!("the input could not be written to {}: {error}", file.display()),
    };
    let shown = String::from_utf8_lossy(&data[..data.len().min(SHOWN_BYTES)]);
    format!("{} {what}; {place}. It begins with {shown:?}", target.name)
}

fn number(variable: &str) -> Option<f64> {
    env::var(variable).ok()?.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

fn locked(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
