//! TLS on the connections of clients: certificate, key, and handshake.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use exuvia_config::{ConfigFile, TlsFiles};
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::tls_error::{TlsError, TlsErrorKind};

/// The largest file that is read, in bytes.
const FILE_BYTES: u64 = 1 << 20;

/// How handshakes are answered. Clones are the same: what one of them [replaces](Self::replace) holds for all.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<ServedCertificate>>);

/// What clients are shown.
#[derive(Clone)]
struct ServedCertificate {
    certificates: Vec<CertificateDer<'static>>,
    config: Arc<ServerConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads both. TLS 1.2 and 1.3, for HTTP/1.1.
    ///
    /// # Errors
    ///
    /// One of them cannot be read or used, or they do not belong together.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let certificates = certificates(&files.certificate)?;
        let config = Arc::new(config(files, certificates.clone())?);
        Ok(Self(Arc::new(RwLock::new(ServedCertificate { certificates, config }))))
    }

    /// Answers further handshakes with what another one shows. Connections that are open stay as they are. Tells whether it is
    /// another certificate; if not, everything stays, and clients resume what they have.
    pub fn replace(&self, with: &Self) -> bool {
        let with = with.shown();
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = shown.certificates != with.certificates;
        if is_other {
            *shown = with;
        }
        is_other
    }

    /// For one handshake.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.shown().config.into()
    }

    fn shown(&self) -> ServedCertificate {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn config(files: &TlsFiles, certificates: Vec<CertificateDer<'static>>) -> Result<ServerConfig, TlsError> {
    let key = private_key(&files.key)?;
    rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|error| TlsError::new(TlsErrorKind::Key, &files.key, error))?;
    let wrong = |error: rustls::Error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            let what = format!("is not the key of {}", files.certificate.display());
            TlsError::new(TlsErrorKind::Mismatch, &files.key, what)
        }
        error => TlsError::new(TlsErrorKind::Certificate, &files.certificate, error),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(wrong)?.with_no_client_auth();
    let mut config = builder.with_single_cert(certificates, key).map_err(wrong)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    ConfigFile::open(file)
        .and_then(|file| file.bytes(FILE_BYTES))
        .map_err(|error| TlsError::new(TlsErrorKind::Unreadable, file, error))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = read(file)?;
    let certificates: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&read).collect();
    let wrong = |what: Box<dyn Error + Send + Sync>| TlsError::new(TlsErrorKind::Certificate, file, what);
    let certificates = certificates.map_err(|error| wrong(error.into()))?;
    if certificates.is_empty() {
        return Err(wrong("contains no PEM certificate (BEGIN CERTIFICATE)".into()));
    }
    Ok(certificates)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    const ENCRYPTED: &[u8] = b"ENCRYPTED";
    let read = read(file)?;
    PrivateKeyDer::from_pem_slice(&read).map_err(|error| {
        let what: Box<dyn Error + Send + Sync> = match error {
            PemError::NoItemsFound if read.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) => {
                "the private key is encrypted; remove its passphrase: openssl pkey -in KEY -out NEW_KEY".into()
            }
            PemError::NoItemsFound => "contains no PEM private key (BEGIN PRIVATE KEY)".into(),
            error => error.into(),
        };
        TlsError::new(TlsErrorKind::Key, file, what)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tempfile::TempDir;

    use super::*;

    fn folder() -> (TempDir, TlsFiles) {
        let folder = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        fs::write(&files.certificate, cert.pem()).unwrap();
        fs::write(&files.key, signing_key.serialize_pem()).unwrap();
        (folder, files)
    }

    #[test]
    fn an_unusable_certificate_is_an_error_with_the_file_and_without_the_key() {
        let (here, files) = folder();
        let (_there, others) = folder();
        let told = |files: &TlsFiles| {
            let error = Tls::load(files).unwrap_err();
            let message = format!("{error}: {}", error.source().unwrap());
            message.replace(here.path().to_str().unwrap(), "HERE")
        };
        assert!(Tls::load(&files).is_ok());
        let missing = TlsFiles { key: here.path().join("nowhere.pem"), ..files.clone() };
        assert_eq!(told(&missing), "HERE/nowhere.pem: No such file or directory (os error 2)");
        assert_eq!(Tls::load(&missing).unwrap_err().kind(), TlsErrorKind::Unreadable);
        let swapped = TlsFiles { certificate: files.key.clone(), key: files.certificate.clone() };
        assert!(told(&swapped).starts_with("HERE/key.pem: contains no PEM certificate"));
        let both_certificates = TlsFiles { key: files.certificate.clone(), ..files.clone() };
        assert!(told(&both_certificates).starts_with("HERE/cert.pem: contains no PEM private key"));
        let others = TlsFiles { key: others.key, ..files.clone() };
        assert!(told(&others).ends_with("is not the key of HERE/cert.pem"), "{}", told(&others));
        assert_eq!(Tls::load(&others).unwrap_err().kind(), TlsErrorKind::Mismatch);
        for (text, part) in [
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\ns3cret\n-----END ENCRYPTED PRIVATE KEY-----\n", "its passphrase"),
            ("-----BEGIN PRIVATE KEY-----\ns3cret!\n-----END PRIVATE KEY-----\n", "key.pem: "),
            ("-----BEGIN PRIVATE KEY-----\ns3cretss\n-----END PRIVATE KEY-----\n", "key.pem: "),
            (&"s3cret".repeat(1 << 20), "larger than 1 MiB"),
        ] {
            fs::write(&files.key, text).unwrap();
            let message = told(&files);
            assert!(message.contains(part) && !message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn a_certificate_that_is_replaced_holds_for_all_clones() {
        let ((_a, tls), (_b, other)) = (folder(), folder());
        let (tls, other) = (Tls::load(&tls).unwrap(), Tls::load(&other).unwrap());
        let clone = tls.clone();
        assert!(!Arc::ptr_eq(&clone.shown().config, &other.shown().config));
        assert!(tls.replace(&other));
        assert!(Arc::ptr_eq(&clone.shown().config, &other.shown().config));
        assert!(!tls.replace(&clone));
    }
}
