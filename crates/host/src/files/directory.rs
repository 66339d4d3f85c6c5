//! Listings.

use exuvia_tool::FileEntry;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{DirectoryEntry, DirectoryEntryStream, HostDirectoryEntryStream};

use super::codes;
use crate::Sandbox;

/// The entries of a directory that were not read yet.
pub(super) struct Listing(pub(super) std::vec::IntoIter<FileEntry>);

impl HostDirectoryEntryStream for Sandbox {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let listing = self.table.get_mut(&Resource::<Listing>::new_borrow(stream.rep()))?;
        Ok(listing.0.next().map(|entry| DirectoryEntry { type_: codes::kind(entry.kind), name: entry.name }))
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}
