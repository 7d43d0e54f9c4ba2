//! A master key that is encrypted with a passphrase. The key is random; the private file `passphrase.toml` holds it
//! encrypted under a key that Argon2id (RFC 9106) derives from the passphrase. So the passphrase is checked without
//! touching any sealed account, and the cost of guessing can be raised without sealing anything again.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305, XNonce};
use rand::TryRng as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::MasterKey;
use super::source::{Obtained, Start, make};
use crate::os::folder::Folder;
use crate::secret::Passphrase;
use crate::store::StoreError;

/// The file in the state folder.
pub(crate) const FILE: &str = "passphrase.toml";
/// The source, in words.
pub(in crate::store) const FROM: &str = "a passphrase";

/// Minimum length of a new passphrase, in characters: whoever has the file can guess offline.
const SHORTEST: usize = 12;
/// Maximum length, in bytes.
const LONGEST: usize = 1024;
const FORMAT: u32 = 1;
const KDF: &str = "argon2id";
const KEY: usize = 32;
const SALT: usize = 16;
const NONCE: usize = 24;
/// The file is a few hundred bytes long.
const FILE_LIMIT: usize = 4096;

/// The cost of one guess. Stored beside the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store) struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The second recommendation of RFC 9106 §4, for machines that are short of memory.
    pub(in crate::store) const USUAL: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// Highest cost that is accepted from a file, which may be damaged.
    const MOST: Self = Self { memory_kib: 4 * 1024 * 1024, passes: 64, lanes: 64 };

    fn is_at_least(self, other: Self) -> bool {
        self.memory_kib >= other.memory_kib && self.passes >= other.passes
    }

    fn params(self) -> Option<Params> {
        let bearable = Self::MOST.is_at_least(self) && self.lanes <= Self::MOST.lanes;
        bearable.then(|| Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY)).ok()).flatten()
    }
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    version: u32,
    kdf: String,
    salt: String,
    nonce: String,
    key: String,
    cost: Cost,
}

/// Whether a passphrase was set in this state folder.
pub(in crate::store) fn is_set(folder: &Folder) -> Result<bool, StoreError> {
    Ok(folder.read(FILE, FILE_LIMIT)?.is_some())
}

/// Creates a key that `passphrase` opens from now on. Takes a second on purpose.
pub(in crate::store) fn set(
    folder: &Folder,
    passphrase: &Passphrase,
    start: Start,
    cost: Cost,
) -> Result<Obtained, StoreError> {
    if is_set(folder)? {
        let why = "a passphrase is already set: unlock with it".into();
        return Err(StoreError::Passphrase { why });
    }
    fits(passphrase)?;
    let key = make(&from(folder), start, "the file is gone")?;
    let text = wrap(folder, &key, passphrase, cost)?;
    folder.create(FILE, text.as_bytes())?;
    Ok(Obtained { key, from: FROM.into() })
}

/// Writes `key`, encrypted with `passphrase`, into `file`. Takes a second on purpose.
pub(in crate::store) fn write(
    folder: &Folder,
    file: &str,
    key: &MasterKey,
    passphrase: &Passphrase,
    cost: Cost,
) -> Result<(), StoreError> {
    fits(passphrase)?;
    Ok(folder.write(file, wrap(folder, key, passphrase, cost)?.as_bytes())?)
}

/// The key that `passphrase` opens; [`StoreError::WrongPassphrase`] if it does not. Takes a second on purpose. A file
/// with a lower cost than `cost` is written again.
pub(in crate::store) fn open(folder: &Folder, passphrase: &Passphrase, cost: Cost) -> Result<Obtained, StoreError> {
    let Some(text) = folder.read(FILE, FILE_LIMIT)? else {
        return Err(StoreError::Passphrase { why: "no passphrase is set yet: set the first one".into() });
    };
    let damaged = || damaged(folder);
    let wrapped: Wrapped =
        std::str::from_utf8(&text).ok().and_then(|text| toml::from_str(text).ok()).ok_or_else(damaged)?;
    if wrapped.version > FORMAT {
        return Err(StoreError::Newer { path: folder.file(FILE), found: wrapped.version, known: FORMAT });
    }
    let key = wrapped.open(passphrase).map_err(|error| match error {
        UnwrapFailed::Damaged => damaged(),
        UnwrapFailed::Wrong => StoreError::WrongPassphrase,
    })?;
    if !wrapped.cost.is_at_least(cost) {
        let renewed = wrap(folder, &key, passphrase, cost).and_then(|text| Ok(folder.write(FILE, text.as_bytes())?));
        match renewed {
            Ok(()) => tracing::info!("the passphrase's cost was raised"),
            Err(error) => tracing::warn!("the passphrase's cost could not be raised: {error}"),
        }
    }
    Ok(Obtained { key, from: FROM.into() })
}

enum UnwrapFailed {
    Damaged,
    Wrong,
}

impl Wrapped {
    fn open(&self, passphrase: &Passphrase) -> Result<MasterKey, UnwrapFailed> {
        let salt: [u8; SALT] = bytes(&self.salt).ok_or(UnwrapFailed::Damaged)?;
        let nonce: [u8; NONCE] = bytes(&self.nonce).ok_or(UnwrapFailed::Damaged)?;
        let mut key = Zeroizing::new(STANDARD.decode(&self.key).map_err(|_| UnwrapFailed::Damaged)?);
        if self.version != FORMAT || self.kdf != KDF {
            return Err(UnwrapFailed::Damaged);
        }
        let stretched = stretch(passphrase, &salt, self.cost).ok_or(UnwrapFailed::Damaged)?;
        cipher(&stretched)
            .decrypt_in_place(&XNonce::from(nonce), &associated(self.cost, &salt), &mut *key)
            .map_err(|_| UnwrapFailed::Wrong)?;
        let key = <&[u8; KEY]>::try_from(key.as_slice()).map_err(|_| UnwrapFailed::Damaged)?;
        Ok(MasterKey::from_bytes(*key))
    }
}

/// The text of the file.
fn wrap(folder: &Folder, key: &MasterKey, passphrase: &Passphrase, cost: Cost) -> Result<String, StoreError> {
    let failed = |why: String| StoreError::Key { from: from(folder), why };
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    let random = |bytes: &mut [u8]| rand::rngs::SysRng.try_fill_bytes(bytes).map_err(|e| failed(e.to_string()));
    random(&mut salt)?;
    random(&mut nonce)?;
    let unstretched = || failed("the key could not be derived from the passphrase".into());
    let stretched = stretch(passphrase, &salt, cost).ok_or_else(unstretched)?;
    // Encrypted in place, with room for the tag, so that the plain bytes exist once and get overwritten.
    let mut body = Zeroizing::new(Vec::with_capacity(2 * KEY));
    body.extend_from_slice(key.bytes());
    cipher(&stretched)
        .encrypt_in_place(&XNonce::from(nonce), &associated(cost, &salt), &mut *body)
        .map_err(|_| unstretched())?;
    let wrapped = Wrapped {
        version: FORMAT,
        kdf: KDF.into(),
        salt: STANDARD.encode(salt),
        nonce: STANDARD.encode(nonce),
        key: STANDARD.encode(&*body),
        cost,
    };
    let text = toml::to_string(&wrapped).map_err(|e| failed(e.to_string()))?;
    Ok(format!("# The store's master key, encrypted with the passphrase. Without this file it is lost.\n{text}"))
}

/// `None` if the cost is invalid, or there is not enough memory for it.
fn stretch(passphrase: &Passphrase, salt: &[u8; SALT], cost: Cost) -> Option<Zeroizing<[u8; KEY]>> {
    let params = cost.params()?;
    let mut blocks = Vec::new();
    // If memory is short, this fails instead of aborting the process.
    blocks.try_reserve_exact(params.block_count()).ok()?;
    blocks.resize(params.block_count(), Block::default());
    let mut blocks = Zeroizing::new(blocks);
    let mut stretched = Zeroizing::new([0; KEY]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase.expose().as_bytes(), salt, stretched.as_mut(), &mut *blocks)
        .ok()?;
    Some(stretched)
}

fn cipher(stretched: &[u8; KEY]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(stretched.into())
}

/// Everything in the file that is not encrypted and not the nonce.
fn associated(cost: Cost, salt: &[u8; SALT]) -> Vec<u8> {
    let numbers = [FORMAT, cost.memory_kib, cost.passes, cost.lanes].map(u32::to_be_bytes);
    [KDF.as_bytes(), numbers.as_flattened(), salt].concat()
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Whether it may be set as a new one, for the store or for a file that leaves this machine. A passphrase that is
/// already set is not checked.
pub(crate) fn fits(passphrase: &Passphrase) -> Result<(), StoreError> {
    let why = match passphrase.expose() {
        "" => "the passphrase is empty".into(),
        text if text.chars().count() < SHORTEST => format!("a passphrase has at least {SHORTEST} characters"),
        text if text.len() > LONGEST => format!("a passphrase has at most {LONGEST} bytes"),
        _ => return Ok(()),
    };
    Err(StoreError::Passphrase { why })
}

fn from(folder: &Folder) -> String {
    format!("file {}", folder.file(FILE).display())
}

fn damaged(folder: &Folder) -> StoreError {
    StoreError::Key { from: from(folder), why: "it is damaged: restore a copy of it".into() }
}

/// The error if accounts are sealed but the file is missing.
pub(in crate::store) fn lost(folder: &Folder) -> StoreError {
    let why = "the file does not exist, but the stored accounts are encrypted with a key: restore the file, set \
    `store.key` to what it was before, or move the folder `accounts` away and log in again";
    StoreError::Key { from: from(folder), why: why.into() }
}
