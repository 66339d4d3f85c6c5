//! Bytes that are embedded in the program, as a part of a file that can be mapped.

use std::borrow::Cow;
use std::fs::File;
use std::io;

use rustix::param::page_size;

use crate::sealed;
use crate::space::rest_constant;

/// Bytes as this process has them anyway, and a part of a file that holds the same.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) bytes: Cow<'static, [u8]>,
    pub(crate) file: File,
    pub(crate) offset: u64,
}

impl Embedded {
    /// Those of these bytes, which begin at a page: in the file of the program, or of the shared library that this is a part of, if it can
    /// be opened, and otherwise in a copy in memory of this name.
    #[cfg(all(test, feature = "embedded-guest"))]
    pub(crate) fn new(name: &str, bytes: &'static [u8]) -> io::Result<Self> {
        let [embedded] = Self::all([(name, bytes)])?;
        Ok(embedded)
    }

    /// The same for several.
    #[cfg(feature = "embedded-guest")]
    pub(crate) fn all<const N: usize>(parts: [(&str, &'static [u8]); N]) -> io::Result<[Self; N]> {
        let places = crate::program_file::in_program(parts.map(|(_, bytes)| bytes));
        let mut all = Vec::with_capacity(N);
        for ((name, bytes), place) in parts.into_iter().zip(places) {
            all.push(match place {
                Some((file, offset)) => Self { bytes: bytes.into(), file, offset },
                None => Self::copied(name, bytes)?,
            });
        }
        all.try_into().map_err(|_| io::ErrorKind::Other.into())
    }

    /// Bytes that are not in the program: in a copy in memory of this name.
    pub(crate) fn copied(name: &str, bytes: impl Into<Cow<'static, [u8]>>) -> io::Result<Self> {
        let bytes = bytes.into();
        Ok(Self { file: sealed::file(name, &bytes)?, bytes, offset: 0 })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the pages at its address out of this process until they are used, if they come from the program's file.
    pub(crate) fn rest(&self) {
        if let Cow::Borrowed(bytes) = self.bytes
            && self.offset > 0
        {
            rest_constant(bytes);
        }
    }

    /// Its length in whole pages, in bytes.
    pub(crate) fn mapped_len(&self) -> usize {
        self.bytes.len().next_multiple_of(page_size())
    }
}

#[cfg(all(test, feature = "embedded-guest"))]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn what_is_embedded_is_mapped_from_the_program() {
        use std::os::unix::fs::MetadataExt as _;

        let program = File::open("/proc/self/exe").expect("the program");
        let inode = |file: &File| file.metadata().map(|file| (file.dev(), file.ino())).expect("metadata");
        for bytes in [crate::artifact::CODE, crate::artifact::IMAGE] {
            let embedded = Embedded::new("test", bytes).expect("a file");
            assert!(embedded.offset > 0 && inode(&embedded.file) == inode(&program), "it was copied");
            let mut read = vec![0; bytes.len()];
            embedded.file.read_exact_at(&mut read, embedded.offset).expect("the bytes");
            assert!(read == bytes, "the file holds something else");
        }
    }

    #[test]
    fn what_is_not_in_the_program_is_copied() {
        let bytes: &'static [u8] = Box::leak(vec![7; 64 << 10].into_boxed_slice());
        let embedded = Embedded::new("test", bytes).expect("a file");
        assert_eq!(embedded.offset, 0);
        let mut read = vec![0; bytes.len()];
        embedded.file.read_exact_at(&mut read, 0).expect("the copy");
        assert_eq!(read, bytes);
    }
}
