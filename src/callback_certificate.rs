//! The certificate of callback listeners that speak TLS: self-signed, and for names of this machine only. It is made when it
//! is first needed, and kept in the state folder, so that the exception which a browser remembers holds over restarts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::clock::Wall;
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;

/// The file in the state folder: when the certificate ends, in Unix seconds, and then PEM.
const FILE: &str = "callback.pem";
/// Where a file that can't be understood goes.
const DAMAGED: &str = "callback.pem.damaged";
/// The file has less than two KiB.
const LIMIT: usize = 64 * 1024;
const ENDS: &str = "ends = ";

/// The names that a redirect URI may have (RFC 8252 §7.3).
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Browsers take no longer one for good.
const LIFE: Duration = DAY.saturating_mul(397);
/// A new one is made this long before.
const AHEAD: Duration = DAY.saturating_mul(30);
/// It begins this long ago: a clock may have been set back since.
const BACKDATED: Duration = DAY;

/// A certificate and its key.
pub(crate) struct CallbackCertificate {
    /// The certificate alone: nobody else has signed it.
    pub(crate) certificate: CertificateDer<'static>,
    /// Its key.
    pub(crate) key: PrivatePkcs8KeyDer<'static>,
}

impl CallbackCertificate {
    /// Its SHA-256, as browsers show it.
    pub(crate) fn fingerprint(&self) -> String {
        let bytes = Sha256::digest(&self.certificate);
        bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// It can't be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// It can't be made.
    #[error("the certificate for https callbacks can't be made: {0}")]
    Unmade(#[from] rcgen::Error),
}

/// The certificate in a state folder.
#[derive(Debug, Clone)]
pub(crate) struct CallbackCertificates {
    folder: PathBuf,
}

impl CallbackCertificates {
    /// In this state folder, which is not touched before it is needed.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The current one; made now if there is none, or if it ends soon. One that ends later than one made now could has not
    /// begun: the clock was far ahead when it was made. Blocks while it reads or writes the small file.
    pub(crate) fn current(&self, now: Wall) -> Result<CallbackCertificate, CertificateError> {
        let folder = Folder::open(&self.folder)?;
        if let Some(text) = folder.read(FILE, LIMIT)? {
            match parsed(&text) {
                Some((ends, kept)) if is_good(ends.since(now)) => return Ok(kept),
                Some(_) => {}
                None => put_aside(&folder)?,
            }
        }
        let (text, made) = made(now)?;
        folder.write(FILE, text.as_bytes())?;
        Ok(made)
    }

    /// Puts aside a file that was understood, but whose certificate and key nobody can use. The next one is made anew.
    pub(crate) fn discard(&self) -> Result<(), CertificateError> {
        Ok(put_aside(&Folder::open(&self.folder)?)?)
    }
}

/// Whether a certificate that ends after so long is kept.
fn is_good(left: Duration) -> bool {
    left > AHEAD && left <= LIFE + BACKDATED
}

fn put_aside(folder: &Folder) -> Result<(), FolderError> {
    folder.move_file(FILE, folder, DAMAGED)
}

/// When it ends, and the certificate.
fn parsed(text: &[u8]) -> Option<(Wall, CallbackCertificate)> {
    let (first, pem) = std::str::from_utf8(text).ok()?.split_once('\n')?;
    let ends = first.strip_prefix(ENDS)?.parse().ok()?;
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    Some((Wall::of_unix_seconds(ends), CallbackCertificate { certificate, key }))
}

/// A new one, also as text.
fn made(now: Wall) -> Result<(Zeroizing<String>, CallbackCertificate), rcgen::Error> {
    let ends = now.plus(LIFE);
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "ringback on this machine");
    let moment = |since_1970: Duration| date_time_ymd(1970, 1, 1) + since_1970;
    params.not_before = moment(now.since(Wall(0)).saturating_sub(BACKDATED));
    params.not_after = moment(ends.since(Wall(0)));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let pair = KeyPair::generate()?;
    let certificate = CertificateDer::from(params.self_signed(&pair)?);
    let key = Zeroizing::new(pair.serialize_der());
    let text = [
        Zeroizing::new(format!("{ENDS}{}\n", ends.unix_seconds())),
        pem("CERTIFICATE", &certificate),
        pem("PRIVATE KEY", &key),
    ];
    let text = Zeroizing::new(text.iter().map(|part| part.as_str()).collect());
    Ok((text, CallbackCertificate { certificate, key: key.to_vec().into() }))
}

fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    let lines = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default());
    let body = Zeroizing::new(lines.collect::<Vec<_>>().join("\n"));
    Zeroizing::new(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", *body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_made_once_kept_private_and_renewed_before_it_ends() {
        let state = tempfile::tempdir().unwrap();
        let certificates = CallbackCertificates::in_folder(&state.path().join("ringback"));
        let (now, file) = (Wall(1_800_000_000_000), state.path().join("ringback/callback.pem"));
        let first = certificates.current(now).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let print = first.fingerprint();
        assert!(
            print.len() == 95 && print.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_lowercase() || b == b':')
        );
        let later = |days| certificates.current(now.plus(DAY.saturating_mul(days))).unwrap();
        let kept = later(366);
        assert_eq!((kept.fingerprint(), kept.key.secret_pkcs8_der()), (print.clone(), first.key.secret_pkcs8_der()));
        assert_ne!(later(367).fingerprint(), print, "a month before its end");
        assert_eq!(later(367 + 366).fingerprint(), later(367).fingerprint());
    }

    #[test]
    fn one_that_has_not_begun_is_made_anew() {
        let state = tempfile::tempdir().unwrap();
        let certificates = CallbackCertificates::in_folder(&state.path().join("ringback"));
        let now = Wall(1_800_000_000_000);
        let ahead = certificates.current(now.plus(DAY)).unwrap().fingerprint();
        assert_eq!(certificates.current(now).unwrap().fingerprint(), ahead, "it begins a day before it is made");
        let before = now.minus(Duration::from_secs(1));
        let fresh = certificates.current(before).unwrap().fingerprint();
        assert_ne!(fresh, ahead);
        assert_eq!(certificates.current(before).unwrap().fingerprint(), fresh);
    }

    #[test]
    fn a_damaged_file_is_put_aside() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("ringback");
        let certificates = CallbackCertificates::in_folder(&folder);
        let now = Wall(1_800_000_000_000);
        let first = certificates.current(now).unwrap().fingerprint();
        let text = std::fs::read_to_string(folder.join(FILE)).unwrap();
        for damaged in ["", "ends = x\n", &text.replace("BEGIN PRIVATE", "BEGIN"), &text.replace("ends", "Ends")] {
            let file = Folder::open(&folder).unwrap();
            file.write(FILE, damaged.as_bytes()).unwrap();
            assert_ne!(certificates.current(now).unwrap().fingerprint(), first);
            assert_eq!(std::fs::read_to_string(folder.join(DAMAGED)).unwrap(), damaged);
        }
    }
}
