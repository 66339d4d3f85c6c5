//! Trusted certificate authorities.

use reqwest::Certificate;
use rustls::pki_types::CertificateDer;

/// For a client's builder.
///
/// # Errors
///
/// A sentence for the operator: one of them is no certificate.
pub fn roots(certificates: &[CertificateDer<'static>]) -> Result<Vec<Certificate>, String> {
    let root = |certificate: &CertificateDer<'_>| Certificate::from_der(certificate).map_err(|error| error.to_string());
    certificates.iter().map(root).collect()
}
