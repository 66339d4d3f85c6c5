//! Files from a record.

use std::sync::{Arc, Mutex};

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, FileAnswer, FileError, FileHandle, FileRequest, RunFiles, locked};

use crate::file_digest::digest;
use crate::open_files::{Opening, SessionFiles};
use crate::progress::Progress;
use crate::read_files::ReadFiles;
use crate::source::Kind;

/// The [`RunFiles`] of a replay: no file is touched.
pub(crate) struct ReplayFiles {
    pub(crate) progress: Arc<Progress>,
    /// What is compared afterwards. None: nothing is.
    pub(crate) read: Option<Arc<Mutex<ReadFiles>>>,
    /// What the scripts of its session have open.
    pub(crate) open: SessionFiles,
}

impl RunFiles for ReplayFiles {
    fn ask(&self, request: FileRequest) -> BoxFuture<'static, FileAnswer> {
        let answer = match self.progress.reading(Kind::File(digest(&request))) {
            Some(Reading::File { answer, .. }) => answer,
            // The replay has ended.
            _ => Err(FileError::Io),
        };
        if let Some(read) = &self.read {
            locked(read).note(&request, &answer);
        }
        self.open.0.answered(Opening::of(&request), &answer);
        Box::pin(std::future::ready(answer))
    }

    fn close(&self, file: FileHandle) {
        self.open.0.closed(file);
    }
}
