//! Descriptors: open files and directories.

use std::sync::Arc;
use std::time::Duration;

use exuvia_tool::{FileKind, FileRequest, FileStat, FileValue, OpenHow};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::wall_clock;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntryStream, ErrorCode, Filesize,
    HostDescriptor, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::directory::Listing;
use super::streams::{CHUNK_BYTES, Reader, Writer};
use super::{OpenFile, codes, done};
use crate::Sandbox;

impl HostDescriptor for Sandbox {
    async fn advise(&mut self, _: Resource<Descriptor>, _: Filesize, _: Filesize, _: Advice) -> FsResult<()> {
        Ok(())
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.sync(fd).await
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        done(self.ask(&fd, |file| FileRequest::Sync { file }).await)
    }

    async fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        Ok(self.open_file(&fd).map_err(FsError::trap)?.flags)
    }

    async fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        Ok(codes::kind(self.open_file(&fd).map_err(FsError::trap)?.kind))
    }

    async fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        done(self.ask(&fd, |file| FileRequest::SetSize { file, size }).await)
    }

    async fn set_times(&mut self, _: Resource<Descriptor>, _: NewTimestamp, _: NewTimestamp) -> FsResult<()> {
        Err(ErrorCode::Unsupported.into())
    }

    async fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        _: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let modified = match modified {
            NewTimestamp::NoChange => return Ok(()),
            NewTimestamp::Now => self.io.wall_clock(),
            NewTimestamp::Timestamp(wall_clock::Datetime { seconds, nanoseconds }) => {
                Duration::from_secs(seconds).saturating_add(Duration::from_nanos(u64::from(nanoseconds)))
            }
        };
        done(self.ask(&fd, |at| FileRequest::SetModified { at, path, modified }).await)
    }

    async fn read(
        &mut self,
        fd: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        let length = u32::try_from(length.min(CHUNK_BYTES as u64)).unwrap_or(u32::MAX);
        match codes::value(self.ask(&fd, |file| FileRequest::Read { file, offset, length }).await)? {
            FileValue::Bytes(bytes) => {
                let is_end = bytes.is_empty() && length > 0;
                Ok((bytes.to_vec(), is_end))
            }
            _ => Err(codes::unexpected()),
        }
    }

    async fn write(&mut self, fd: Resource<Descriptor>, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let offset = Some(offset);
        match codes::value(self.ask(&fd, |file| FileRequest::Write { file, offset, bytes }).await)? {
            FileValue::Written(bytes) => Ok(bytes),
            _ => Err(codes::unexpected()),
        }
    }

    async fn read_directory(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>> {
        match codes::value(self.ask(&fd, |directory| FileRequest::List { directory }).await)? {
            FileValue::Entries(entries) => {
                let listing = self.table.push(Listing(entries.into_iter()))?;
                Ok(Resource::new_own(listing.rep()))
            }
            _ => Err(codes::unexpected()),
        }
    }

    async fn create_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        done(self.ask(&fd, |at| FileRequest::CreateDirectory { at, path }).await)
    }

    async fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.described(&fd).await.map(|stat| codes::stat(&stat))
    }

    async fn stat_at(&mut self, fd: Resource<Descriptor>, _: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.described_at(&fd, path).await.map(|stat| codes::stat(&stat))
    }

    async fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.described(&fd).await.map(|stat| MetadataHashValue { lower: stat.identity, upper: 0 })
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.described_at(&fd, path).await.map(|stat| MetadataHashValue { lower: stat.identity, upper: 0 })
    }

    async fn link_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: Resource<Descriptor>,
        _: String,
    ) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn symlink_at(&mut self, _: Resource<Descriptor>, _: String, _: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn readlink_at(&mut self, _: Resource<Descriptor>, _: String) -> FsResult<String> {
        // What is no link. Those that another process made are not followed either.
        Err(ErrorCode::Invalid.into())
    }

    async fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let how = OpenHow {
            create: open.contains(OpenFlags::CREATE),
            exclusive: open.contains(OpenFlags::EXCLUSIVE),
            truncate: open.contains(OpenFlags::TRUNCATE),
            directory: open.contains(OpenFlags::DIRECTORY),
            read: flags.contains(DescriptorFlags::READ),
            write: flags.contains(DescriptorFlags::WRITE),
        };
        let files = Arc::clone(&self.open_file(&fd).map_err(FsError::trap)?.files);
        match codes::value(self.ask(&fd, |at| FileRequest::Open { at, path, how }).await)? {
            FileValue::Opened { file, kind } => {
                let opened = OpenFile { files, handle: file, kind, flags };
                self.push_file(opened).map_err(FsError::trap)
            }
            _ => Err(codes::unexpected()),
        }
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<OpenFile>::new_own(fd.rep()))?;
        Ok(())
    }

    async fn remove_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        done(self.ask(&fd, |at| FileRequest::RemoveDirectory { at, path }).await)
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        done(self.ask(&fd, |at| FileRequest::RemoveFile { at, path }).await)
    }

    async fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let to = self.open_file(&new_fd).map_err(FsError::trap)?.handle;
        done(self.ask(&fd, |at| FileRequest::Rename { at, path, to, new_path }).await)
    }

    fn read_via_stream(&mut self, fd: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let file = self.regular(&fd)?;
        let reader: DynInputStream = Box::new(Reader::new(Arc::clone(&file.files), file.handle, offset));
        Ok(self.table.push(reader)?)
    }

    fn write_via_stream(&mut self, fd: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        self.writer(&fd, Some(offset))
    }

    fn append_via_stream(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        self.writer(&fd, None)
    }

    async fn is_same_object(&mut self, a: Resource<Descriptor>, b: Resource<Descriptor>) -> wasmtime::Result<bool> {
        let (one, other) = (self.described(&a).await, self.described(&b).await);
        Ok(matches!((one, other), (Ok(one), Ok(other)) if one.identity == other.identity))
    }
}

impl Sandbox {
    async fn described(&mut self, fd: &Resource<Descriptor>) -> FsResult<FileStat> {
        stat(codes::value(self.ask(fd, |file| FileRequest::Stat { file }).await)?)
    }

    async fn described_at(&mut self, fd: &Resource<Descriptor>, path: String) -> FsResult<FileStat> {
        stat(codes::value(self.ask(fd, |at| FileRequest::StatAt { at, path }).await)?)
    }

    fn regular(&self, fd: &Resource<Descriptor>) -> FsResult<&OpenFile> {
        let file = self.open_file(fd).map_err(FsError::trap)?;
        match file.kind {
            FileKind::File => Ok(file),
            _ => Err(ErrorCode::IsDirectory.into()),
        }
    }

    fn writer(&mut self, fd: &Resource<Descriptor>, offset: Option<u64>) -> FsResult<Resource<DynOutputStream>> {
        let file = self.regular(fd)?;
        if !file.flags.contains(DescriptorFlags::WRITE) {
            return Err(ErrorCode::BadDescriptor.into());
        }
        let writer: DynOutputStream = Box::new(Writer::new(Arc::clone(&file.files), file.handle, offset));
        Ok(self.table.push(writer)?)
    }
}

fn stat(value: FileValue) -> FsResult<FileStat> {
    match value {
        FileValue::Stat(stat) => Ok(stat),
        _ => Err(codes::unexpected()),
    }
}
