//! Files of a run that is brought back: from its record, then live.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, FileAnswer, FileError, FileHandle, FileRequest, FileValue, OpenHow, RunFiles, locked};

use crate::file_digest::digest;
use crate::resuming::Resuming;
use crate::source::Kind;

/// The [`RunFiles`] of a resumed run. What the script had open is opened again by its path when it is first used after the end of the
/// record, without making or emptying it: a file that is gone by then is not found.
pub(crate) struct ResumeFiles(Arc<Shared>);

struct Shared {
    resuming: Arc<Resuming>,
    live: Arc<dyn RunFiles>,
    handles: Mutex<Handles>,
}

/// What the script has open, by the handles that it has.
#[derive(Default)]
struct Handles {
    open: HashMap<FileHandle, Open>,
    given: u32,
}

#[derive(Clone)]
struct Open {
    at: FileHandle,
    path: String,
    how: OpenHow,
    /// The handle of the live files. None: it was not needed yet.
    live: Option<FileHandle>,
}

impl ResumeFiles {
    pub(crate) fn new(resuming: Arc<Resuming>, live: Arc<dyn RunFiles>) -> Self {
        Self(Arc::new(Shared { resuming, live, handles: Mutex::default() }))
    }
}

impl RunFiles for ResumeFiles {
    fn ask(&self, request: FileRequest) -> BoxFuture<'static, FileAnswer> {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { shared.answer(request).await })
    }

    fn close(&self, file: FileHandle) {
        let closed = locked(&self.0.handles).open.remove(&file);
        if let Some(live) = closed.and_then(|open| open.live) {
            self.0.live.close(live);
        }
    }
}

impl Shared {
    async fn answer(&self, request: FileRequest) -> FileAnswer {
        let opens = match &request {
            FileRequest::Open { at, path, how } => Some(Open { at: *at, path: path.clone(), how: *how, live: None }),
            _ => None,
        };
        if let Some(Reading::File { answer, .. }) = self.resuming.reading(Kind::File(digest(&request))) {
            if let (Some(open), Ok(FileValue::Opened { file, .. })) = (opens, &answer) {
                self.insert(*file, open);
            }
            return answer;
        }
        if !self.resuming.is_live() {
            // It has departed, and is being stopped.
            return Err(FileError::Io);
        }
        let answer = self.live.ask(self.as_live(request).await?).await?;
        Ok(match (opens, answer) {
            (Some(open), FileValue::Opened { file, kind }) => {
                let given = locked(&self.handles).given + 1;
                self.insert(FileHandle(given), Open { live: Some(file), ..open });
                FileValue::Opened { file: FileHandle(given), kind }
            }
            (_, answer) => answer,
        })
    }

    fn insert(&self, file: FileHandle, open: Open) {
        let mut handles = locked(&self.handles);
        handles.given = handles.given.max(file.0);
        handles.open.insert(file, open);
    }

    /// The request with the handles of the live files.
    async fn as_live(&self, mut request: FileRequest) -> Result<FileRequest, FileError> {
        match &mut request {
            FileRequest::Open { at: file, .. }
            | FileRequest::Read { file, .. }
            | FileRequest::Write { file, .. }
            | FileRequest::SetSize { file, .. }
            | FileRequest::Sync { file }
            | FileRequest::Stat { file }
            | FileRequest::StatAt { at: file, .. }
            | FileRequest::SetModified { at: file, .. }
            | FileRequest::List { directory: file }
            | FileRequest::CreateDirectory { at: file, .. }
            | FileRequest::RemoveDirectory { at: file, .. }
            | FileRequest::RemoveFile { at: file, .. } => *file = self.live_handle(*file).await?,
            FileRequest::Rename { at, to, .. } => {
                (*at, *to) = (self.live_handle(*at).await?, self.live_handle(*to).await?);
            }
        }
        Ok(request)
    }

    async fn live_handle(&self, file: FileHandle) -> Result<FileHandle, FileError> {
        // From the file to the top of the workspace, then back: each directory on the way may have to be opened as well.
        let mut way = Vec::new();
        let mut at = file;
        let mut live = loop {
            if at == FileHandle::ROOT {
                break at;
            }
            let open = locked(&self.handles).open.get(&at).cloned().ok_or(FileError::BadDescriptor)?;
            if let Some(live) = open.live {
                break live;
            }
            let above = open.at;
            way.push((at, open));
            at = above;
        };
        while let Some((handle, open)) = way.pop() {
            let how = OpenHow { create: false, exclusive: false, truncate: false, ..open.how };
            let request = FileRequest::Open { at: live, path: open.path.clone(), how };
            let FileValue::Opened { file, .. } = self.live.ask(request).await? else { return Err(FileError::Io) };
            self.insert(handle, Open { live: Some(file), ..open });
            live = file;
        }
        Ok(live)
    }
}
