//! The files of the script that runs, for descriptors that outlive it.

use std::sync::{Arc, Mutex};

use exuvia_tool::{BoxFuture, FileAnswer, FileError, FileHandle, FileRequest, RunFiles, locked};

/// The files of whichever script of a guest runs: what one of them opened may be used by the next.
#[derive(Default)]
pub(crate) struct ScriptFiles(Mutex<Option<Arc<dyn RunFiles>>>);

impl ScriptFiles {
    pub(crate) fn new(files: Arc<dyn RunFiles>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(files))))
    }

    /// A further script has these.
    pub(crate) fn take_over(&self, files: Arc<dyn RunFiles>) {
        *locked(&self.0) = Some(files);
    }

    /// The script is over.
    pub(crate) fn give_back(&self) {
        *locked(&self.0) = None;
    }

    fn now(&self) -> Option<Arc<dyn RunFiles>> {
        locked(&self.0).clone()
    }
}

impl RunFiles for ScriptFiles {
    fn ask(&self, request: FileRequest) -> BoxFuture<'static, FileAnswer> {
        match self.now() {
            Some(files) => files.ask(request),
            None => Box::pin(std::future::ready(Err(FileError::Io))),
        }
    }

    fn close(&self, file: FileHandle) {
        if let Some(files) = self.now() {
            files.close(file);
        }
    }
}
