//! What a script has open, by the handles that it has, for files that are opened again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use exuvia_tool::{BoxFuture, FileAnswer, FileError, FileHandle, FileRequest, FileValue, OpenHow, RunFiles, locked};

/// What a script has open. What is not open with the live files is opened there by its path when it is first used, without making or
/// emptying it: a file that is gone by then is not found.
#[derive(Debug, Default)]
pub(crate) struct OpenFiles(Mutex<Handles>);

#[derive(Debug, Default)]
struct Handles {
    open: HashMap<FileHandle, Open>,
    given: u32,
}

#[derive(Debug, Clone)]
struct Open {
    at: FileHandle,
    path: String,
    how: OpenHow,
    /// The handle of the live files. None: it was not needed yet.
    live: Option<FileHandle>,
}

impl OpenFiles {
    /// The script was answered this from a record.
    pub(crate) fn answered(&self, opening: Option<Opening>, answer: &FileAnswer) {
        if let (Some(Opening(open)), Ok(FileValue::Opened { file, .. })) = (opening, answer) {
            self.insert(*file, open);
        }
    }

    /// Asks the live files.
    pub(crate) async fn ask(&self, request: FileRequest, live: &dyn RunFiles) -> FileAnswer {
        let opening = Opening::of(&request);
        let answer = live.ask(self.as_live(request, live).await?).await?;
        Ok(match (opening, answer) {
            (Some(Opening(open)), FileValue::Opened { file, kind }) => {
                let given = FileHandle(locked(&self.0).given + 1);
                self.insert(given, Open { live: Some(file), ..open });
                FileValue::Opened { file: given, kind }
            }
            (_, answer) => answer,
        })
    }

    /// The script has closed this. Its handle with the live files, if it has one.
    pub(crate) fn closed(&self, file: FileHandle) -> Option<FileHandle> {
        locked(&self.0).open.remove(&file)?.live
    }

    /// The live files are others from now on.
    fn forget_live(&self) {
        locked(&self.0).open.values_mut().for_each(|open| open.live = None);
    }

    fn insert(&self, file: FileHandle, open: Open) {
        let mut handles = locked(&self.0);
        handles.given = handles.given.max(file.0);
        handles.open.insert(file, open);
    }

    /// The request with the handles of the live files.
    async fn as_live(&self, mut request: FileRequest, live: &dyn RunFiles) -> Result<FileRequest, FileError> {
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
            | FileRequest::RemoveFile { at: file, .. } => *file = self.live_handle(*file, live).await?,
            FileRequest::Rename { at, to, .. } => {
                (*at, *to) = (self.live_handle(*at, live).await?, self.live_handle(*to, live).await?);
            }
        }
        Ok(request)
    }

    async fn live_handle(&self, file: FileHandle, files: &dyn RunFiles) -> Result<FileHandle, FileError> {
        // From the file to the top of the workspace, then back: each directory on the way may have to be opened as well.
        let mut way = Vec::new();
        let mut at = file;
        let mut live = loop {
            if at == FileHandle::ROOT {
                break at;
            }
            let open = locked(&self.0).open.get(&at).cloned().ok_or(FileError::BadDescriptor)?;
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
            let FileValue::Opened { file, .. } = files.ask(request).await? else { return Err(FileError::Io) };
            self.insert(handle, Open { live: Some(file), ..open });
            live = file;
        }
        Ok(live)
    }
}

/// What a request is to open.
pub(crate) struct Opening(Open);

impl Opening {
    pub(crate) fn of(request: &FileRequest) -> Option<Self> {
        match request {
            FileRequest::Open { at, path, how } => {
                Some(Self(Open { at: *at, path: path.clone(), how: *how, live: None }))
            }
            _ => None,
        }
    }
}

/// What the scripts of a session have open. Each has files of its own, in which what earlier ones left open is opened again when it is used.
#[derive(Debug, Clone, Default)]
pub struct SessionFiles(pub(crate) Arc<OpenFiles>);

impl SessionFiles {
    /// The files of the next script, over those that are live for it.
    #[must_use]
    pub fn of_script(&self, live: Arc<dyn RunFiles>) -> Arc<dyn RunFiles> {
        self.0.forget_live();
        Arc::new(Scripts { open: Arc::clone(&self.0), live })
    }
}

struct Scripts {
    open: Arc<OpenFiles>,
    live: Arc<dyn RunFiles>,
}

impl RunFiles for Scripts {
    fn ask(&self, request: FileRequest) -> BoxFuture<'static, FileAnswer> {
        let (open, live) = (Arc::clone(&self.open), Arc::clone(&self.live));
        Box::pin(async move { open.ask(request, &*live).await })
    }

    fn close(&self, file: FileHandle) {
        if let Some(live) = self.open.closed(file) {
            self.live.close(live);
        }
    }
}
