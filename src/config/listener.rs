//! The additional listeners (`[[listen.extra]]`), as the rest of the program gets them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::host::has_port;
use super::problem::{Problem, nearest};
use super::reader::SectionReader;
use super::sections::daemon::Listen;
use super::sections::listeners::ExtraKeys;
use super::value::SocketChoice;
use super::words::MetadataShape;

/// An additional listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExtraListener {
    /// On an address. Every caller needs a key, unless it has a shape that says otherwise.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// Every value of `Host` that means it.
        hosts: Vec<String>,
        /// As which metadata server it speaks, if it does.
        metadata: Option<Metadata>,
    },
    /// On a unix socket, whose callers have the rights of an app.
    Socket {
        /// Its file.
        path: PathBuf,
        /// The file's mode.
        mode: u32,
        /// The app.
        app: String,
        /// Every value of `Host` that means it.
        hosts: Vec<String>,
    },
}

/// A metadata server: what it is like, and whose token it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Metadata {
    /// Google Compute Engine's.
    Gce {
        /// The account.
        account: String,
    },
    /// That of Azure's managed identities.
    Azure {
        /// The account.
        account: String,
        /// The app whose key callers show.
        app: String,
    },
}

impl Metadata {
    fn account(&self) -> &str {
        let (Self::Gce { account } | Self::Azure { account, .. }) = self;
        account
    }
}

/// The names of a unix socket: clients differ in what they send there.
const NAMES_OF_SOCKETS: [&str; 3] = ["localhost", "127.0.0.1", "ringback"];

impl ExtraListener {
    /// All of a config, each once. Those with a mistake are not among them.
    pub(crate) fn all(listen: &Listen) -> Vec<Self> {
        listen.extra.iter().filter_map(Self::of).collect()
    }

    fn of(keys: &ExtraKeys) -> Option<Self> {
        match (keys.address, &keys.socket) {
            (Some(address), None) => {
                let hosts = hosts_of(address, &keys.hosts);
                let metadata = match keys.shape {
                    None => None,
                    Some(MetadataShape::Gce) => Some(Metadata::Gce { account: keys.account.clone()? }),
                    Some(MetadataShape::Azure) => {
                        Some(Metadata::Azure { account: keys.account.clone()?, app: keys.app.clone()? })
                    }
                };
                Some(Self::Tcp { address, hosts, metadata })
            }
            (None, Some(path)) => {
                let usual = NAMES_OF_SOCKETS.into_iter().map(str::to_owned);
                let hosts = usual.chain(keys.hosts.iter().cloned()).collect();
                Some(Self::Socket { path: path.clone(), mode: keys.mode, app: keys.app.clone()?, hosts })
            }
            _ => None,
        }
    }
}

/// The listener's place, for people.
impl std::fmt::Display for ExtraListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { address, .. } => address.fmt(f),
            Self::Socket { path, .. } => path.display().fmt(f),
        }
    }
}

/// `Host` has the port, unless it is the usual one of HTTP, which clients omit (RFC 9110 §7.2).
fn hosts_of(address: SocketAddr, named: &[String]) -> Vec<String> {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    // Something to listen on, not somewhere to go.
    let own = (!address.ip().is_unspecified()).then_some(ip);
    let mut hosts = Vec::new();
    for name in own.iter().chain(named) {
        if has_port(name) {
            hosts.push(name.clone());
            continue;
        }
        hosts.push(format!("{name}:{}", address.port()));
        if address.port() == 80 {
            hosts.push(name.clone());
        }
    }
    hosts
}

/// Reports accounts of metadata servers that are not among `known`.
pub(super) fn refuse_unknown_accounts(listen: &Listen, section: &SectionReader<'_>, known: &[&str]) {
    for listener in ExtraListener::all(listen) {
        if let ExtraListener::Tcp { metadata: Some(metadata), .. } = listener
            && !known.contains(&metadata.account())
        {
            let account = metadata.account();
            let problem =
                Problem::new(format!("has the account `{}`, and there is no such account", account.escape_debug()));
            let expected = "the name of an `[accounts.NAME]`";
            section.refuse("extra", problem.expected(expected).nearest(nearest(account, known.iter().copied())));
        }
    }
}

/// Reports places that two listeners would have.
pub(super) fn refuse_shared_places(listen: &Listen, section: &SectionReader<'_>) {
    let mut taken: Vec<String> = listen.tcp.iter().map(ToString::to_string).collect();
    if let SocketChoice::At(path) = &listen.socket {
        taken.push(path.display().to_string());
    }
    for place in ExtraListener::all(listen).iter().map(ToString::to_string) {
        if taken.contains(&place) {
            let problem = Problem::new(format!("has `{place}`, where another listener is"));
            section.refuse("extra", problem.expected("a separate place for each listener"));
        }
        taken.push(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_send_the_address_or_a_name_with_the_port_of_the_listener() {
        let names = |text: &str, named: &[&str]| {
            hosts_of(text.parse().unwrap(), &named.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
        };
        for (address, named, hosts) in [
            ("10.88.0.1:7464", &[] as &[&str], &["10.88.0.1:7464"] as &[&str]),
            ("10.88.0.1:7464", &["gw", "gw:1"], &["10.88.0.1:7464", "gw:7464", "gw:1"]),
            ("[fd00::1]:7464", &[], &["[fd00::1]:7464"]),
            ("10.88.0.1:80", &["gw"], &["10.88.0.1:80", "10.88.0.1", "gw:80", "gw"]),
            ("0.0.0.0:7464", &["gw"], &["gw:7464"]),
        ] {
            assert_eq!(names(address, named), hosts, "{address} {named:?}");
        }
    }
}
