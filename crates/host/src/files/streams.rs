//! Streams over an open file.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use exuvia_tool::{BoxFuture, FileAnswer, FileError, FileHandle, FileRequest, FileValue, RunFiles};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// The most that is read or written at a time, in bytes.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// What is read when the guest waits for a file without saying how much it wants, in bytes.
const AHEAD_BYTES: usize = 4 << 10;

/// Reads a file from a position on.
pub(super) struct Reader {
    files: Arc<dyn RunFiles>,
    file: FileHandle,
    offset: u64,
    state: Reading,
}

enum Reading {
    Idle,
    Waiting(BoxFuture<'static, FileAnswer>),
    Ready(Bytes),
    Failed(FileError),
    Ended,
}

impl Reader {
    pub(super) fn new(files: Arc<dyn RunFiles>, file: FileHandle, offset: u64) -> Self {
        Self { files, file, offset, state: Reading::Idle }
    }

    fn begin(&mut self, bytes: usize) {
        let length = u32::try_from(bytes.min(CHUNK_BYTES)).unwrap_or(u32::MAX);
        let request = FileRequest::Read { file: self.file, offset: self.offset, length };
        self.state = Reading::Waiting(self.files.ask(request));
    }

    async fn settle(&mut self) {
        if let Reading::Waiting(answer) = &mut self.state {
            self.state = match answer.await {
                Ok(FileValue::Bytes(bytes)) if bytes.is_empty() => Reading::Ended,
                Ok(FileValue::Bytes(bytes)) => Reading::Ready(Bytes::from_owner(bytes)),
                Ok(_) => Reading::Failed(FileError::Io),
                Err(error) => Reading::Failed(error),
            };
        }
    }
}

#[async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match &mut self.state {
            Reading::Idle if size > 0 => {
                self.begin(size);
                Ok(Bytes::new())
            }
            Reading::Idle | Reading::Waiting(_) => Ok(Bytes::new()),
            Reading::Ready(bytes) => {
                let chunk = bytes.split_to(bytes.len().min(size));
                if bytes.is_empty() {
                    self.state = Reading::Idle;
                }
                self.offset += chunk.len() as u64;
                Ok(chunk)
            }
            Reading::Failed(error) => {
                let error = *error;
                self.state = Reading::Idle;
                Err(StreamError::LastOperationFailed(error.into()))
            }
            Reading::Ended => {
                // The C library keeps the stream and reads from it again: the file may have grown since.
                self.state = Reading::Idle;
                Err(StreamError::Closed)
            }
        }
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size > 0 && matches!(self.state, Reading::Idle) {
            self.begin(size);
        }
        self.settle().await;
        self.read(size)
    }
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {
        if matches!(self.state, Reading::Idle) {
            self.begin(AHEAD_BYTES);
        }
        self.settle().await;
    }
}

/// Writes a file from a position on, or at its end. A write that failed wrote nothing, and is reported once: the C library keeps the
/// stream, so that the next write is one more attempt.
pub(super) struct Writer {
    files: Arc<dyn RunFiles>,
    file: FileHandle,
    /// None: at the end.
    offset: Option<u64>,
    state: Writing,
}

enum Writing {
    Idle,
    Waiting(BoxFuture<'static, FileAnswer>),
    Failed(FileError),
}

impl Writer {
    pub(super) fn new(files: Arc<dyn RunFiles>, file: FileHandle, offset: Option<u64>) -> Self {
        Self { files, file, offset, state: Writing::Idle }
    }

    /// The error of the last write, once.
    fn failure(&mut self) -> StreamResult<()> {
        match mem::replace(&mut self.state, Writing::Idle) {
            Writing::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
            other => {
                self.state = other;
                Ok(())
            }
        }
    }
}

#[async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if !matches!(self.state, Writing::Idle) || bytes.len() > CHUNK_BYTES {
            return Err(StreamError::trap("written without or beyond a permit"));
        }
        let request = FileRequest::Write { file: self.file, offset: self.offset, bytes: bytes.into() };
        self.state = Writing::Waiting(self.files.ask(request));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.failure()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.failure()?;
        Ok(if matches!(self.state, Writing::Waiting(_)) { 0 } else { CHUNK_BYTES })
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        let Writing::Waiting(answer) = &mut self.state else { return };
        self.state = match answer.await {
            Ok(FileValue::Written(bytes)) => {
                self.offset = self.offset.map(|offset| offset.saturating_add(bytes));
                Writing::Idle
            }
            Ok(_) => Writing::Failed(FileError::Io),
            Err(error) => Writing::Failed(error),
        };
    }
}
