//! Files of a run that is brought back: from its record, then live.

use std::sync::Arc;

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, FileAnswer, FileError, FileHandle, FileRequest, RunFiles};

use crate::file_digest::digest;
use crate::open_files::{OpenFiles, Opening};
use crate::resuming::Resuming;
use crate::source::Kind;

/// The [`RunFiles`] of a resumed run. What the script had open is [opened again](OpenFiles) after the end of the record.
pub(crate) struct ResumeFiles(Arc<Shared>);

struct Shared {
    resuming: Arc<Resuming>,
    live: Arc<dyn RunFiles>,
    open: OpenFiles,
}

impl ResumeFiles {
    pub(crate) fn new(resuming: Arc<Resuming>, live: Arc<dyn RunFiles>) -> Self {
        Self(Arc::new(Shared { resuming, live, open: OpenFiles::default() }))
    }
}

impl RunFiles for ResumeFiles {
    fn ask(&self, request: FileRequest) -> BoxFuture<'static, FileAnswer> {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { shared.answer(request).await })
    }

    fn close(&self, file: FileHandle) {
        if let Some(live) = self.0.open.closed(file) {
            self.0.live.close(live);
        }
    }
}

impl Shared {
    async fn answer(&self, request: FileRequest) -> FileAnswer {
        if let Some(Reading::File { answer, .. }) = self.resuming.reading(Kind::File(digest(&request))) {
            self.open.answered(Opening::of(&request), &answer);
            return answer;
        }
        if !self.resuming.may_act() {
            // It has departed, and is being stopped.
            return Err(FileError::Io);
        }
        self.open.ask(request, &*self.live).await
    }
}
