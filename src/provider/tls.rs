//! Which servers are believed to be who they say: the certificate authorities that are trusted (RFC 5280 §6).

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::oauth::dialect::{NetworkOptions, Roots};
use crate::secret::text::BOM;

/// Largest file of certificates, in bytes.
const CA_FILE: u64 = 1024 * 1024;

/// The client's side of TLS, with the authorities that `reach` trusts, for servers that speak one of `protocols`
/// (RFC 7301). Blocks while it reads certificates. The error is one clause.
pub(super) fn client_config(reach: &NetworkOptions, protocols: &[&str]) -> Result<ClientConfig, String> {
    let own = reach.ca_file.as_deref().map_or(Ok(Vec::new()), certificates)?;
    let crypto = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&crypto));
    let builder = builder.with_protocol_versions(rustls::ALL_VERSIONS).map_err(|error| text(&error))?;
    let builder = match reach.roots {
        Roots::System => with_system(builder, own, crypto)?,
        Roots::None if own.is_empty() => {
            return Err("`roots` is `none`, and there is no `ca_file`: no certificate would be trusted".into());
        }
        Roots::None => builder.with_root_certificates(store(own)?),
        Roots::Bundled => {
            let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
            builder.with_root_certificates(store(bundled.chain(own))?)
        }
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(config)
}

type Verified = ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

/// By the system's own rules, which on some systems are more than a list of authorities.
fn with_system(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    own: Vec<CertificateDer<'static>>,
    crypto: Arc<CryptoProvider>,
) -> Result<Verified, String> {
    let verifier = if own.is_empty() { Verifier::new(crypto) } else { Verifier::new_with_extra_roots(own, crypto) };
    let verifier = verifier.map_err(|error| text(&error))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
}

fn store(trusted: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    trusted.into_iter().try_for_each(|certificate| store.add(certificate)).map_err(|error| text(&error))?;
    Ok(store)
}

fn text(error: &rustls::Error) -> String {
    error.to_string()
}

/// Whether a `ca_file` can be read and has a certificate in it; blocks while it reads the small file. The error is one
/// clause.
pub(crate) fn check_ca_file(path: &Path) -> Result<(), String> {
    certificates(path).map(drop)
}

/// The certificates of a `ca_file`. A byte order mark in front would hide the first.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unfit = |why: &str| format!("ca_file {}: {why}", path.display());
    let mut pem = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| unfit(&error.to_string()))?;
    file.take(CA_FILE).read_to_end(&mut pem).map_err(|error| unfit(&error.to_string()))?;
    let pem = pem.strip_prefix(BOM).unwrap_or(&pem);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|_| unfit("it is not PEM"))?;
    if found.is_empty() { Err(unfit("there is no certificate in it")) } else { Ok(found) }
}
