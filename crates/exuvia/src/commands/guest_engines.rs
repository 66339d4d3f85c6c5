//! Engines for replays: with the guest of this program, with those that runs were made with, or with one from a file.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use exuvia_admin::ReadJournal as _;
use exuvia_replay::{GuestError, NotReplayable};
use exuvia_runtime::{Engine, EngineConfig, EngineError, GUEST_DIGEST, Guest};

use crate::file_threads::FileThreads;
use crate::journal::Archives;
use crate::terminal::Terminal;

/// Engines with other guests that are kept at a time: each takes some 100 MB. A further one is compiled again.
const MAX_ENGINES: usize = 4;
/// The largest guest that is read, in bytes.
const MAX_GUEST_BYTES: u64 = 1 << 30;
/// What a file that zstd compressed begins with (RFC 8878, 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What WebAssembly begins with, in either form.
const WASM: [u8; 4] = *b"\0asm";

/// Engines by the guests that they have, made when they are needed.
#[derive(Default)]
pub(super) struct GuestEngines {
    own: Option<Engine>,
    /// For all runs.
    of_file: Option<Engine>,
    /// For runs of guests that the journals have kept.
    kept: Option<exuvia_replay::GuestEngines>,
}

impl GuestEngines {
    /// Replays all runs with the guest in this file.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no guest, or none of this program's engine.
    pub(super) async fn of_file(file: &Path, terminal: &Terminal) -> Result<Self> {
        let path = file.to_owned();
        let component = FileThreads::default().run(move || read(&path)).await?;
        let component = component.with_context(|| file.display().to_string())?;
        // The user's mistake and not one of this program.
        let engine = compiled(component, terminal).await?;
        let engine = engine.map_err(|error| anyhow!("{}: {error}", file.display()))?;
        Ok(Self { of_file: Some(engine), ..Self::default() })
    }

    /// The engine for a run of this guest: with that guest, unless it takes any. Or why there is none.
    ///
    /// # Errors
    ///
    /// A journal cannot be read, or this machine runs no guest.
    pub(super) async fn of_run(
        &mut self,
        sha256: &str,
        takes_any: bool,
        archives: &Archives,
        terminal: &Terminal,
    ) -> Result<Result<Engine, String>> {
        if let Some(engine) = &self.of_file {
            return Ok(Ok(engine.clone()));
        }
        let own = self.own().await?;
        if takes_any || sha256 == GUEST_DIGEST {
            return Ok(Ok(own));
        }
        let kept = self.kept.get_or_insert_with(|| exuvia_replay::GuestEngines::new(own, MAX_ENGINES));
        terminal.show_progress("compiling the guest");
        for found in &archives.0 {
            match kept.of(sha256, &found.archive).await {
                Ok(engine) => return Ok(Ok(engine)),
                Err(GuestError::NotReplayable(NotReplayable::GuestNotKept(_))) => {}
                Err(GuestError::NotReplayable(why)) => return Ok(Err(why.to_string())),
                Err(error) => return Err(error).with_context(|| found.place()),
            }
        }
        Ok(Err(format!(
            "not replayable: it was made with guest {sha256}, which no journal here has kept: name a file with it by --guest, or see \
             what another one changes with --any-guest"
        )))
    }

    async fn own(&mut self) -> Result<Engine> {
        if let Some(engine) = &self.own {
            return Ok(engine.clone());
        }
        let engine = tokio::task::spawn_blocking(|| Engine::new(&EngineConfig::default()));
        let engine = engine.await.context("mapping the guest")??;
        self.own = Some(engine.clone());
        Ok(engine)
    }
}

async fn compiled(component: Vec<u8>, terminal: &Terminal) -> Result<Result<Engine, EngineError>> {
    terminal.show_progress("compiling the guest");
    let made = move || Engine::with_guest(&EngineConfig::default(), Guest::compile(&component)?);
    tokio::task::spawn_blocking(made).await.context("compiling the guest")
}

/// A component, as it is or compressed.
fn read(file: &Path) -> Result<Vec<u8>> {
    let bounded = |file: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        file.take(MAX_GUEST_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_GUEST_BYTES {
            bail!("is larger than {} MiB", MAX_GUEST_BYTES >> 20);
        }
        Ok(bytes)
    };
    let mut bytes = bounded(&mut fs::File::open(file)?)?;
    if bytes.starts_with(&ZSTD) {
        bytes = bounded(&mut zstd::stream::read::Decoder::new(bytes.as_slice())?)?;
    }
    ensure!(bytes.starts_with(&WASM), "is no WebAssembly component");
    Ok(bytes)
}
