//! `wasi:filesystem` 0.2 over the files of a run ([`RunFiles`]).
//!
//! The guest finds one directory, [`MOUNT`], if its run has files, and none otherwise. There are no links: making one is refused,
//! and so is reading one.

mod codes;
mod descriptor;
mod directory;
mod script_files;
mod streams;

use std::sync::Arc;

use exuvia_tool::{FileAnswer, FileHandle, FileKind, FileRequest, RunFiles};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{self, Descriptor, ErrorCode, Host};

pub(crate) use script_files::ScriptFiles;

use crate::Sandbox;

/// Where a script finds its files.
pub const MOUNT: &str = "/workspace";

/// An open file or directory of the guest, as the table of resources holds it. The bindings call it by a type of
/// wasmtime-wasi's, [`Descriptor`], of which none is ever made.
pub(crate) struct OpenFile {
    files: Arc<dyn RunFiles>,
    handle: FileHandle,
    kind: FileKind,
    /// What it was opened for.
    flags: types::DescriptorFlags,
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.files.close(self.handle);
    }
}

impl Sandbox {
    fn open_file(&self, descriptor: &Resource<Descriptor>) -> wasmtime::Result<&OpenFile> {
        Ok(self.table.get(&Resource::<OpenFile>::new_borrow(descriptor.rep()))?)
    }

    fn push_file(&mut self, file: OpenFile) -> wasmtime::Result<Resource<Descriptor>> {
        let file = self.table.push(file)?;
        Ok(Resource::new_own(file.rep()))
    }

    /// Asks something of the file or directory of a descriptor.
    async fn ask(
        &mut self,
        descriptor: &Resource<Descriptor>,
        request: impl FnOnce(FileHandle) -> FileRequest,
    ) -> wasmtime::Result<FileAnswer> {
        let file = self.open_file(descriptor)?;
        let answer = file.files.ask(request(file.handle));
        Ok(answer.await)
    }
}

impl preopens::Host for Sandbox {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let Some(files) = self.files.clone() else { return Ok(Vec::new()) };
        let flags = types::DescriptorFlags::READ | types::DescriptorFlags::MUTATE_DIRECTORY;
        let top = OpenFile { files, handle: FileHandle::ROOT, kind: FileKind::Directory, flags };
        Ok(vec![(self.push_file(top)?, MOUNT.to_owned())])
    }
}

impl Host for Sandbox {
    fn convert_error_code(&mut self, error: wasmtime_wasi::p2::FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref().map(codes::of))
    }
}

/// What a file operation that answers nothing came to.
fn done(answer: wasmtime::Result<FileAnswer>) -> FsResult<()> {
    codes::value(answer).map(drop)
}
