//! Certificates for servers on this machine, made for one test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// An authority that no system knows, and what it signed: `ca.pem`, `cert.pem` and `key.pem` in a folder of its own.
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// For `localhost`, 127.0.0.1, and two names that are nowhere: `crm.example` and `as.example`.
    ///
    /// # Panics
    ///
    /// They cannot be made.
    #[must_use]
    pub fn new() -> Self {
        Self::for_names(&[])
    }

    /// For these as well.
    ///
    /// # Panics
    ///
    /// They cannot be made.
    #[must_use]
    pub fn for_names(more: &[&str]) -> Self {
        let mut authority = CertificateParams::new([]).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let names = ["localhost", "127.0.0.1", "crm.example", "as.example"].iter().chain(more);
        let names: Vec<String> = names.map(|&name| name.to_owned()).collect();
        let leaf = CertificateParams::new(names).expect("names").signed_by(&key, &authority).expect("a certificate");
        let made = Self { folder: tempfile::tempdir().expect("a folder") };
        for (file, text) in [("ca.pem", authority.pem()), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())] {
            fs::write(made.path(file), text).expect("a file");
        }
        made
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One of its files.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}
