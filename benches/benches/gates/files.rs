//! Scripts on a file that is larger than their memory may be.

use anyhow::{Result, ensure};
use exuvia_benches::native::NativePython;
use exuvia_benches::{engine, orders, seconds};

/// A CSV file of 200 MB, or as `EXUVIA_CSV_MB` says, is aggregated with 256 MiB of memory, by streaming and by sqlite3 on a file, to the same result as
/// natively.
pub(crate) async fn larger_than_memory() -> Result<String> {
    let (directory, native) = (tempfile::tempdir()?, NativePython::find());
    let (size, measured) = orders::measure(&engine()?, directory.path(), native.as_ref()).await?;
    let mut found = vec![format!("{} MB of CSV in {} MiB of memory", size / 1_000_000, orders::MEMORY_BYTES >> 20)];
    for script in measured {
        ensure!(script.peak_bytes <= orders::MEMORY_BYTES, "{}: {} bytes of memory", script.name, script.peak_bytes);
        let native = match (script.ratio(), &native) {
            (Some(ratio), Some(native)) => format!(", {ratio:.1} times {}", native.version),
            _ => ", no python3 to compare with".to_owned(),
        };
        found.push(format!("{}: {}{native}", script.name, seconds(script.time)));
    }
    Ok(found.join("; "))
}
