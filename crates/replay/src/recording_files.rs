//! Files of a run, recorded with what they answer.

use std::sync::Arc;

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, FileAnswer, FileHandle, FileRequest, RunFiles};

use crate::file_digest::digest;
use crate::pending_readings::PendingReadings;

/// Passes requests on, and records each with its answer.
pub(crate) struct RecordingFiles {
    pub(crate) files: Arc<dyn RunFiles>,
    pub(crate) pending: PendingReadings,
}

impl RunFiles for RecordingFiles {
    fn ask(&self, request: FileRequest) -> BoxFuture<'static, FileAnswer> {
        let (asked, pending) = (digest(&request), self.pending.clone());
        let answer = self.files.ask(request);
        Box::pin(async move {
            let answer = answer.await;
            let reading = Reading::File { asked, answer: answer.clone() };
            pending.record_file(reading);
            answer
        })
    }

    fn close(&self, file: FileHandle) {
        self.files.close(file);
    }
}
