//! The metadata of issuers, cached for a day in memory and on disk.
//!
//! The token endpoint is where secrets go, so its origin is pinned to the first one that was read: metadata that names
//! another is used only after somebody accepted it (docs/security.md, rule 27).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::client::Patience;
use super::interface::AskError;
use super::wire::HttpTransport;
use crate::clock::{Boot, Wall};
use crate::oauth::dialect::{Dialect, NetworkOptions};
use crate::oauth::discovery::{self, Metadata};
use crate::oauth::reply::{Failed, ReceivedReply};
use crate::os::folder::Folder;

/// How old metadata may be before it is read again.
const FRESH: Duration = Duration::from_secs(86_400);
/// The pause after a failed attempt to read metadata again.
const RETRY: Duration = Duration::from_secs(300);
pub(super) const PATIENCE: Patience = Patience { whole: Duration::from_secs(5), largest: discovery::LARGEST };
/// Largest file that is read: enough for the parts of the largest metadata that are kept.
const LARGEST_FILE: usize = 2 * discovery::LARGEST;

/// How long a failed first read is cached, so that many callers of a host that hangs cause one request and not one
/// after the other. Doubles with each failure. A person's request does not wait for it.
const FAILED_FIRST: Duration = Duration::from_secs(1);
const FAILED_LONGEST: Duration = Duration::from_secs(30);

/// All issuers so far.
#[derive(Default)]
pub(super) struct Issuers {
    folder: Option<PathBuf>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// One issuer.
#[derive(Default)]
pub(super) struct Slot {
    /// The holder of the lock reads the metadata; all others wait for it (single-flight).
    entry: tokio::sync::Mutex<Option<CachedMetadata>>,
    /// The failure of the last read, if there is no earlier metadata.
    failed: Mutex<Option<FailedRead>>,
}

struct FailedRead {
    error: AskError,
    times: u32,
    /// No attempt before this.
    until: Boot,
}

impl Slot {
    fn failed(&self) -> std::sync::MutexGuard<'_, Option<FailedRead>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cached failure, while it is valid.
    pub(super) fn standing_failure(&self, now: Boot) -> Result<(), AskError> {
        match &*self.failed() {
            Some(failed) if now.0 < failed.until.0 => Err(failed.error.clone()),
            _ => Ok(()),
        }
    }

    pub(super) fn note_failure(&self, error: &AskError, now: Boot) {
        let mut failed = self.failed();
        let times = failed.as_ref().map_or(0, |failed| failed.times);
        let asked = match error {
            AskError::Unreachable { retry_after, .. } => retry_after.unwrap_or_default(),
            AskError::Impossible(_) | AskError::Refused(_) => Duration::ZERO,
        };
        let pause = FAILED_FIRST.saturating_mul(1 << times.min(8)).max(asked).min(FAILED_LONGEST);
        *failed = Some(FailedRead {
            error: error.clone(),
            times: times.saturating_add(1),
            until: Boot(now.0.saturating_add(pause)),
        });
    }
}

#[derive(Clone)]
struct CachedMetadata {
    metadata: Metadata,
    fetched_at: Wall,
    /// The origin that the token endpoint has to have.
    pinned: Option<String>,
    /// No attempt to read it again before this.
    retry_at: Option<Wall>,
}

/// A [`CachedMetadata`] on disk.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    version: u8,
    fetched_at: Wall,
    token_origin: Option<String>,
    metadata: Map<String, Value>,
}

const VERSION: u8 = 1;

impl Issuers {
    pub(super) fn kept_in(folder: PathBuf) -> Self {
        Self { folder: Some(folder), slots: Mutex::default() }
    }

    /// See [`super::Provider::resolve`].
    pub(super) async fn resolve(&self, wire: &HttpTransport, dialect: &Arc<Dialect>) -> Result<Arc<Dialect>, AskError> {
        let Some(issuer) = issuer(dialect) else { return Ok(Arc::clone(dialect)) };
        let slot = self.slot(issuer);
        let mut known = slot.entry.lock().await;
        // Also the result of the read that this caller waited for.
        slot.standing_failure(wire.since_boot())?;
        let kept = match known.clone() {
            Some(entry) => Some(entry),
            None => self.load(issuer).await,
        };
        // The known metadata stays in the slot during the read: it must not be lost if the caller goes away.
        let read = self.refreshed(wire, &dialect.reach, issuer, kept).await;
        let read = read.inspect_err(|error| slot.note_failure(error, wire.since_boot()))?;
        *slot.failed() = None;
        let entry = known.insert(read);
        entry.check(dialect, issuer)?;
        Ok(Arc::new(dialect.with(&entry.metadata)))
    }

    /// See [`super::Provider::accept`].
    pub(super) async fn accept(&self, wire: &HttpTransport, dialect: &Arc<Dialect>) -> Result<String, AskError> {
        let Some(issuer) = issuer(dialect) else {
            let why = format!("`{}` does not use metadata (`discover`): there is nothing to accept", dialect.provider);
            return Err(AskError::Impossible(why));
        };
        let slot = self.slot(issuer);
        let mut known = slot.entry.lock().await;
        let metadata = fetch_metadata(wire, &dialect.reach, issuer).await?;
        let Some(origin) = metadata.token_origin() else {
            return Err(AskError::Impossible(format!("the metadata of {issuer} names no token endpoint")));
        };
        let entry = CachedMetadata { metadata, fetched_at: wire.now(), pinned: Some(origin.clone()), retry_at: None };
        self.keep(issuer, &entry).await;
        *known = Some(entry);
        *slot.failed() = None;
        Ok(origin)
    }

    /// Forgets a failed read, so that the next one is not delayed.
    pub(super) fn forgive(&self, dialect: &Dialect) {
        if let Some(issuer) = issuer(dialect) {
            *self.slot(issuer).failed() = None;
        }
    }

    /// The same for every issuer.
    pub(super) fn forgive_all(&self) {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.values().for_each(|slot| *slot.failed() = None);
    }

    fn slot(&self, issuer: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(issuer.to_owned()).or_default())
    }

    /// The entry, read again if it is due. A stale one is better than none.
    async fn refreshed(
        &self,
        wire: &HttpTransport,
        reach: &NetworkOptions,
        issuer: &str,
        kept: Option<CachedMetadata>,
    ) -> Result<CachedMetadata, AskError> {
        let kept = match kept {
            Some(entry) if !entry.is_due(wire.now()) => return Ok(entry),
            kept => kept,
        };
        let fetched = fetch_metadata(wire, reach, issuer).await;
        let now = wire.now();
        match (fetched, kept) {
            (Ok(metadata), kept) => {
                let pinned = kept.and_then(|entry| entry.pinned).or_else(|| metadata.token_origin());
                let entry = CachedMetadata { metadata, fetched_at: now, pinned, retry_at: None };
                self.keep(issuer, &entry).await;
                Ok(entry)
            }
            (Err(error), Some(entry)) => {
                tracing::warn!(issuer, "the metadata could not be read again; keeping the old one: {error}");
                Ok(CachedMetadata { retry_at: Some(now.plus(RETRY)), ..entry })
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn load(&self, issuer: &str) -> Option<CachedMetadata> {
        let (folder, name) = (self.folder.clone()?, file_name(issuer));
        let read = move || Folder::open(&folder)?.read(&name, LARGEST_FILE);
        match tokio::task::spawn_blocking(read).await.ok()? {
            Ok(bytes) => CachedMetadata::read(issuer, &bytes?),
            Err(error) => {
                tracing::warn!("cached metadata can't be read: {error}");
                None
            }
        }
    }

    /// Best effort: without it, the next start needs the network.
    async fn keep(&self, issuer: &str, entry: &CachedMetadata) {
        let (Some(folder), name) = (self.folder.clone(), file_name(issuer)) else { return };
        let Ok(bytes) = serde_json::to_vec(&entry.to_kept(issuer)) else { return };
        let written = tokio::task::spawn_blocking(move || Folder::open(&folder)?.write(&name, &bytes)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!("metadata can't be cached: {error}");
        }
    }
}

impl CachedMetadata {
    fn read(issuer: &str, bytes: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(bytes).ok().filter(|kept: &Kept| kept.version == VERSION)?;
        let metadata = Metadata::of_document(issuer, &kept.metadata).ok()?;
        Some(Self { metadata, fetched_at: kept.fetched_at, pinned: kept.token_origin, retry_at: None })
    }

    fn to_kept(&self, issuer: &str) -> Kept {
        Kept {
            version: VERSION,
            fetched_at: self.fetched_at,
            token_origin: self.pinned.clone(),
            metadata: self.metadata.to_document(issuer),
        }
    }

    /// Metadata with a time in the future was read before the clock was set back: its age is unknown.
    fn is_due(&self, now: Wall) -> bool {
        let is_old = self.fetched_at > now || now.since(self.fetched_at) >= FRESH;
        // The pause is measured by the same clock: one longer than `RETRY` is not believed.
        let rests = self.retry_at.is_some_and(|at| at > now && at.since(now) <= RETRY);
        is_old && !rests
    }

    /// A moved token endpoint only matters if it is taken from the metadata.
    fn check(&self, dialect: &Dialect, issuer: &str) -> Result<(), AskError> {
        let found = self.metadata.token_origin();
        match (&self.pinned, &found) {
            (Some(pinned), Some(found)) if pinned != found && dialect.endpoints.token.is_none() => {
                Err(AskError::Impossible(format!(
                    "the token endpoint of {issuer} moved from {pinned} to {found}; if that is right, run `ringback \
                     provider accept {}`",
                    dialect.provider
                )))
            }
            _ => Ok(()),
        }
    }
}

fn issuer(dialect: &Dialect) -> Option<&str> {
    dialect.issuer.as_deref().filter(|_| dialect.discover)
}

fn file_name(issuer: &str) -> String {
    let digest = <[u8; 32]>::from(Sha256::digest(issuer.as_bytes()));
    let first = digest.first_chunk().copied().map(u128::from_be_bytes).unwrap_or_default();
    format!("{first:032x}.json")
}

async fn fetch_metadata(wire: &HttpTransport, reach: &NetworkOptions, issuer: &str) -> Result<Metadata, AskError> {
    fetch(wire, reach, issuer, |received| Metadata::parse(issuer, received)).await
}

/// What `parse` makes of the issuer's metadata, which is looked for at every well-known URL. If the host does not answer
/// at one of them, the next is not tried.
pub(super) async fn fetch<T>(
    wire: &HttpTransport,
    reach: &NetworkOptions,
    issuer: &str,
    parse: impl Fn(ReceivedReply<'_>) -> Result<T, Failed>,
) -> Result<T, AskError> {
    let addresses = discovery::well_known(issuer).ok_or_else(|| {
        AskError::Impossible(format!("the issuer {issuer} is not an https address, so its metadata can't be read"))
    })?;
    let mut failures = Vec::new();
    let mut patience = None;
    for address in addresses {
        let path = address.path().to_owned();
        let whole = wire.fetch(reach, address, PATIENCE).await?;
        match parse(whole.received()) {
            Ok(parsed) => return Ok(parsed),
            Err(_) if whole.status == 404 => failures.push(format!("{path}: there is none (404)")),
            Err(Failed::Refused(refusal)) => failures.push(format!("{path}: {refusal}")),
            Err(Failed::Busy { retry_after, why }) => {
                patience = patience.max(retry_after);
                failures.push(format!("{path}: {why}"));
            }
        }
    }
    Err(AskError::Unreachable {
        why: format!("no metadata of {issuer} ({})", failures.join("; ")),
        retry_after: patience,
    })
}
