//! Work on a large CSV file in a workspace, beside the machine's own Python.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use exuvia_runtime::{Engine, Limits, Script, SystemIo};
use exuvia_workspace::{Access, Quota, Registry, WorkspaceFiles};

use crate::native::NativePython;
use crate::{BenchTools, returned};

/// The memory that a script has, in bytes.
pub const MEMORY_BYTES: u64 = 256 << 20;

/// The size of the file unless `EXUVIA_CSV_MB` says otherwise, in megabytes.
const MEGABYTES: u32 = 200;
/// About as many lines make a megabyte.
const LINES_PER_MEGABYTE: u32 = 25_000;
const REGIONS: u32 = 7;
const TOTALS: u32 = 1_000;

/// Scripts on the file. `PATH` is the directory that it is in.
const SCRIPTS: [(&str, &str); 3] = [
    (
        "sum of a column, line by line",
        "total = 0\nwith open('PATH/orders.csv') as file:\n    next(file)\n    for line in file:\n        \
         total += int(line.split(',')[2])\nresult = total",
    ),
    (
        "the same by csv",
        "import csv\nwith open('PATH/orders.csv', newline='') as file:\n    \
         result = sum(int(row[2]) for row in csv.reader(file) if row[2] != 'total')",
    ),
    (
        "into sqlite3 on a file, and grouped",
        "import csv, os, sqlite3\nif os.path.exists('PATH/orders.db'):\n    os.remove('PATH/orders.db')\n\
         db = sqlite3.connect('PATH/orders.db')\ndb.execute('create table orders (id, region, total integer, note)')\n\
         with open('PATH/orders.csv', newline='') as file:\n    rows = csv.reader(file)\n    next(rows)\n    \
         db.executemany('insert into orders values (?, ?, ?, ?)', rows)\ndb.commit()\n\
         result = db.execute('select region, sum(total) from orders group by region order by region').fetchall()\ndb.close()",
    ),
];

/// What one script took.
#[derive(Debug)]
pub struct Measured {
    /// What it does.
    pub name: &'static str,
    /// From the opening of the workspace to the report.
    pub time: Duration,
    /// The most memory that it had, in bytes.
    pub peak_bytes: u64,
    /// What it takes in the machine's own Python, if there is one.
    pub native: Option<Duration>,
}

impl Measured {
    /// How many times longer it takes than natively.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        self.native.map(|native| self.time.as_secs_f64() / native.as_secs_f64())
    }
}

/// What a run takes its files from, opened as a gateway opens it.
///
/// # Errors
///
/// The directory cannot be opened.
pub async fn files(registry: &Arc<Registry>, directory: &Path) -> Result<SystemIo> {
    let quota = Quota { bytes: 4 << 30, ..Quota::default() };
    let workspace = registry.open(directory.to_owned(), quota, Access::ReadWrite).await?;
    Ok(SystemIo::new().with_files(Arc::new(WorkspaceFiles::new(workspace, Access::ReadWrite))))
}

/// Runs each script in the sandbox and natively, and checks what it found. Returns the size of the file, in bytes, and what each took.
///
/// # Errors
///
/// A script does not return, or finds something else.
pub async fn measure(engine: &Engine, directory: &Path, native: Option<&NativePython>) -> Result<(u64, Vec<Measured>)> {
    let lines = lines();
    let size = write(&directory.join("orders.csv"), lines)?;
    let limits = Limits { fuel: i64::MAX as u64, wall_ms: 1_800_000, memory_bytes: MEMORY_BYTES, ..Limits::default() };
    let (registry, sum, groups) = (Arc::<Registry>::default(), sum(lines).to_string(), groups(lines));
    let mut measured = Vec::new();
    for (name, source) in SCRIPTS {
        let expected = if name.contains("grouped") { &groups } else { &sum };
        let began = Instant::now();
        let io = files(&registry, directory).await?;
        let run =
            engine.run(Script::new(source.replace("PATH", "/workspace")), limits.clone(), BenchTools::new(1).host());
        let report = run.with_io(Box::new(io)).execute().await;
        let time = began.elapsed();
        ensure!(returned(&report)? == expected, "{name}: {} instead of {expected}", returned(&report)?);
        let checked = format!(
            "{}\nimport json\nassert json.dumps(result, separators=(',', ':')) == {expected:?}",
            source.replace("PATH", &directory.display().to_string())
        );
        let native = native.map(|native| native.time(&checked)).transpose()?;
        measured.push(Measured { name, time, peak_bytes: report.usage.memory_bytes_peak, native });
    }
    Ok((size, measured))
}

fn lines() -> u32 {
    let megabytes = std::env::var("EXUVIA_CSV_MB").ok().and_then(|megabytes| megabytes.parse().ok());
    megabytes.unwrap_or(MEGABYTES) * LINES_PER_MEGABYTE
}

/// Writes orders, and returns the size of the file in bytes.
fn write(path: &Path, lines: u32) -> Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "id,region,total,note")?;
    for id in 0..lines {
        writeln!(file, "{id},region-{},{},a note of order {id}", id % REGIONS, id % TOTALS)?;
    }
    file.flush()?;
    Ok(file.get_ref().metadata()?.len())
}

fn sum(lines: u32) -> u64 {
    (0..lines).map(|id| u64::from(id % TOTALS)).sum()
}

/// The sums of the regions, as JSON.
fn groups(lines: u32) -> String {
    let mut sums = vec![0_u64; REGIONS as usize];
    (0..lines).for_each(|id| sums[(id % REGIONS) as usize] += u64::from(id % TOTALS));
    let groups = sums.iter().enumerate().map(|(region, sum)| format!("[\"region-{region}\",{sum}]"));
    format!("[{}]", groups.collect::<Vec<_>>().join(","))
}
