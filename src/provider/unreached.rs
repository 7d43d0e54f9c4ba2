//! Why a host was not reached, in words that name the next step: what is wrong with its certificate (RFC 5280 §6).

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};
use tokio::time::error::Elapsed;

use crate::clock::Wall;
use crate::oauth::dialect::{NetworkOptions, Roots};
use crate::oauth::reply;

/// Why a connection to a host failed: one clause. An error of reqwest has to be without its URL.
pub(super) fn words(error: &(dyn Error + 'static), reach: &NetworkOptions) -> String {
    match cause::<rustls::Error>(error) {
        Some(tls) => of_tls(tls, reach).unwrap_or_else(|| format!("TLS failed: {}", reply::clean(&tls.to_string()))),
        None => innermost(error),
    }
}

/// The innermost cause, which is the informative one: a certificate, a name, a port.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    reply::clean(&cause.to_string())
}

/// Whether a time limit, of ours or of the system, is what ended it.
pub(super) fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    cause::<Elapsed>(error).is_some()
        || cause::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// The first error of this type among `error` and its causes.
pub(super) fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    // The `source()` of an I/O error leaves out the error that it wraps.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let inner = match wrapped {
        Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
        None => error.source(),
    };
    error.downcast_ref().or_else(|| cause(inner?))
}

fn of_tls(error: &rustls::Error, reach: &NetworkOptions) -> Option<String> {
    Some(match error {
        rustls::Error::InvalidCertificate(why) => of_certificate(why, reach)?,
        rustls::Error::InvalidMessage(_) => {
            "there is no TLS on this port: correct the scheme or the port of the URL, or the proxy in between".into()
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure) => {
            format!(
                "it ended the TLS handshake ({error}): it may ask for a client certificate, which ringback does not send"
            )
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "it supports no TLS version above 1.1: ask its operator for TLS 1.2 or 1.3".into()
        }
        _ => return None,
    })
}

fn of_certificate(error: &CertificateError, reach: &NetworkOptions) -> Option<String> {
    Some(match error {
        // A wrong signature is of an authority with the name of a known one, but another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => unknown_issuer(reach),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "its certificate is not valid yet: it begins at {}, and this machine's clock says {}; set the clock \
             (`timedatectl set-ntp true`)",
            utc(not_before.as_secs()),
            utc(time.as_secs())
        ),
        CertificateError::NotValidYet => {
            "its certificate is not valid yet by this machine's clock: set the clock (`timedatectl set-ntp true`)"
                .into()
        }
        CertificateError::ExpiredContext { time, not_after } => format!(
            "its certificate has expired: it ended at {}, and this machine's clock says {}; if the clock is right, \
             the server's operator must renew it",
            utc(not_after.as_secs()),
            utc(time.as_secs())
        ),
        CertificateError::Expired => {
            "its certificate has expired by this machine's clock: if the clock is right, the server's operator must \
             renew it"
                .into()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names = presented.iter().map(|name| bare_name(name)).collect::<Vec<_>>().join(", ");
            let names = if names.is_empty() { "no name".to_owned() } else { reply::clean(&names) };
            format!(
                "its certificate is for {names}, and not for {}: correct the host in the URL",
                reply::clean(&expected.to_str())
            )
        }
        CertificateError::NotValidForName => "its certificate is for another name: correct the host in the URL".into(),
        CertificateError::Revoked => "its certificate was revoked: the server's operator must replace it".into(),
        // rustls has no variant of its own for this error of webpki.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "its certificate is marked as a certificate authority's (CA:TRUE), as `openssl req -x509` makes it. No \
             server may use such a certificate, not even with `ca_file`: give the server one that is signed by it, \
             or a self-signed one with `-addext basicConstraints=critical,CA:FALSE`, and name that in `ca_file` for \
             the \
             provider"
                .into()
        }
        _ => return None,
    })
}

/// rustls writes a name as `DnsName("id.example")`.
fn bare_name(told: &str) -> &str {
    let inside = told.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(told);
    inside.trim_matches('"')
}

fn unknown_issuer(reach: &NetworkOptions) -> String {
    let step = "name the authority's certificate (PEM) with `ca_file` for the provider";
    match (&reach.ca_file, reach.roots) {
        (Some(file), Roots::None) => format!(
            "its certificate is signed by an authority that is not in `ca_file` {}: add the authority there, or \
             remove `roots = \"none\"`",
            file.display()
        ),
        (Some(file), _) => format!(
            "its certificate is signed by an authority that is neither known here nor in `ca_file` {}: add the authority there",
            file.display()
        ),
        (None, Roots::Bundled) => format!(
            "its certificate is signed by an authority that is not among the bundled ones: {step}, or use \
             `roots = \"system\"`"
        ),
        (None, _) => {
            format!("its certificate is signed by an authority that this machine does not know, or by itself: {step}")
        }
    }
}

fn utc(seconds: u64) -> String {
    Wall::of_unix_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)).rfc3339_seconds()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::dialect::Proxy;

    #[test]
    fn an_unknown_authority_is_told_by_what_is_believed() {
        let file = || Some("/etc/own.pem".into());
        for (ca_file, roots, says) in [
            (None, Roots::System, "name the authority's certificate (PEM) with `ca_file`"),
            (None, Roots::Bundled, "`roots = \"system\"`"),
            (file(), Roots::System, "neither known here nor in `ca_file` /etc/own.pem"),
            (file(), Roots::None, "not in `ca_file` /etc/own.pem"),
        ] {
            let told = unknown_issuer(&NetworkOptions { ca_file, roots, proxy: Proxy::None });
            assert!(told.contains(says), "{told}");
        }
    }
}
