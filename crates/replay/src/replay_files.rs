//! Files from a record.

use std::sync::Arc;

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, FileAnswer, FileError, FileHandle, FileRequest, RunFiles};

use crate::file_digest::digest;
use crate::open_files::{Opening, SessionFiles};
use crate::progress::Progress;
use crate::source::Kind;

/// The [`RunFiles`] of a replay: no file is touched.
pub(crate) struct ReplayFiles {
    pub(crate) progress: Arc<Progress>,
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
        self.open.0.answered(Opening::of(&request), &answer);
        Box::pin(std::future::ready(answer))
    }

    fn close(&self, file: FileHandle) {
        self.open.0.closed(file);
    }
}
