//! Which request to the files of a run this is.

use exuvia_journal::FileAsked;
use exuvia_tool::{FileHandle, FileRequest};
use sha2::{Digest as _, Sha256};

/// A digest of a request. It is part of what is recorded: the form must not change.
pub(crate) fn digest(request: &FileRequest) -> FileAsked {
    let mut digest = Fields(Sha256::new());
    match request {
        FileRequest::Open { at, path, how } => {
            let how = [how.create, how.exclusive, how.truncate, how.directory, how.read, how.write];
            digest.text("open").file(*at).text(path).bytes(&how.map(u8::from));
        }
        FileRequest::Read { file, offset, length } => {
            digest.text("read").file(*file).number(*offset).number(u64::from(*length));
        }
        FileRequest::Write { file, offset, bytes } => {
            digest.text("write").file(*file).number(offset.unwrap_or(u64::MAX)).bytes(bytes);
        }
        FileRequest::SetSize { file, size } => {
            digest.text("set-size").file(*file).number(*size);
        }
        FileRequest::Sync { file } => {
            digest.text("sync").file(*file);
        }
        FileRequest::Stat { file } => {
            digest.text("stat").file(*file);
        }
        FileRequest::StatAt { at, path } => {
            digest.text("stat-at").file(*at).text(path);
        }
        FileRequest::SetModified { at, path, modified } => {
            let (seconds, nanos) = (modified.as_secs(), u64::from(modified.subsec_nanos()));
            digest.text("set-modified").file(*at).text(path).number(seconds).number(nanos);
        }
        FileRequest::List { directory } => {
            digest.text("list").file(*directory);
        }
        FileRequest::CreateDirectory { at, path } => {
            digest.text("create-directory").file(*at).text(path);
        }
        FileRequest::RemoveDirectory { at, path } => {
            digest.text("remove-directory").file(*at).text(path);
        }
        FileRequest::RemoveFile { at, path } => {
            digest.text("remove-file").file(*at).text(path);
        }
        FileRequest::Rename { at, path, to, new_path } => {
            digest.text("rename").file(*at).text(path).file(*to).text(new_path);
        }
    }
    let whole: [u8; 32] = digest.0.finalize().into();
    let (half, _) = whole.split_at(size_of::<FileAsked>());
    half.try_into().unwrap_or_default()
}

/// Fields of a request, each in a form that says where it ends.
struct Fields(Sha256);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(number.to_be_bytes());
        self
    }

    fn file(&mut self, file: FileHandle) -> &mut Self {
        self.number(u64::from(file.0))
    }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::{FileHandle, FileRequest};

    use super::digest;

    #[test]
    fn requests_that_differ_in_anything_differ_in_their_digest() {
        let write = |file, offset, bytes: &[u8]| {
            digest(&FileRequest::Write { file: FileHandle(file), offset, bytes: bytes.to_vec() })
        };
        let path = |path: &str, new_path: &str| {
            let (path, new_path) = (path.to_owned(), new_path.to_owned());
            digest(&FileRequest::Rename { at: FileHandle::ROOT, path, to: FileHandle::ROOT, new_path })
        };
        let all = [
            write(1, Some(0), b"a"),
            write(2, Some(0), b"a"),
            write(1, Some(1), b"a"),
            write(1, None, b"a"),
            write(1, Some(0), b"b"),
            path("a", "bc"),
            path("ab", "c"),
        ];
        for (number, one) in all.iter().enumerate() {
            assert!(!all[..number].contains(one), "{number}");
        }
    }
}
