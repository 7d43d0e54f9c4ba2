//! A record as bytes: JSON with the number of its schema, sealed before it is written to disk.
//!
//! Unknown members are errors, and a new member raises [`SCHEMA`]: there are no minor versions. An older ringback that
//! ignored an unknown member would silently drop it at the next refresh, and every member matters. Older schemas can be
//! read.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::account::login_history::LoginHistory;
use crate::account::login_reason::LoginReason;
use crate::account::record::{EndsInBoot, Intent, Record};
use crate::clock::Wall;
use crate::oauth::grant::{Binding, Expiry, TokenSet};
use crate::secret::{Secret, SecretKind};

/// The newest schema. It is written for records with a `dpop_key`; for others it is [`WITHOUT_KEY`], so that an older
/// ringback can read them.
pub const SCHEMA: u32 = 4;
/// The schema of records without a `dpop_key`. The second one had no `logins` and no `ends_in_boot`.
pub const WITHOUT_KEY: u32 = 3;
/// The first one; it had no `identity` either.
const FIRST: u32 = 1;

/// Why bytes are not a record. Contains nothing of their content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer version.
    #[error("it has schema {found}")]
    Newer {
        /// Its schema.
        found: u32,
    },
    /// Can't be parsed.
    #[error("invalid at byte {column}")]
    Malformed {
        /// Where, counted from 1 (there is one line only).
        column: usize,
    },
}

/// The form in the file. Borrows what it can, so that reading makes no second copy of a token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredRecord<'a> {
    schema: u32,
    generation: u64,
    binding: Cow<'a, Binding>,
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "optional_text")]
    refresh_token: Option<Cow<'a, str>>,
    scope: Option<Cow<'a, str>>,
    expiry: WireExpiry,
    obtained_at: Wall,
    extra: Cow<'a, Map<String, Value>>,
    #[serde(default)]
    identity: Cow<'a, Map<String, Value>>,
    intent: Option<Cow<'a, Intent>>,
    needs_login: Option<Cow<'a, LoginReason>>,
    #[serde(default)]
    ends_in_boot: Option<Cow<'a, EndsInBoot>>,
    #[serde(default)]
    logins: Cow<'a, LoginHistory>,
    #[serde(borrow, default, deserialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    dpop_key: Option<Cow<'a, str>>,
}

/// [`Expiry`] in the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum WireExpiry {
    At { wall: Wall, lifetime_ms: u64 },
    Unknown,
    Never,
}

/// Only the version: read first, so that a newer record is told apart from a broken one.
#[derive(Deserialize)]
pub(super) struct RecordVersion {
    pub(super) schema: u32,
}

/// `record` as bytes; the buffer is wiped when dropped, and no other copy was made. No record is known to fail, but an
/// error must not become an empty file, which would cost a login.
pub fn encode(record: &Record) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    wiped_json(&StoredRecord::from(record))
}

/// `value` as JSON in a buffer that is wiped when dropped.
pub(super) fn wiped_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    // Measured first: a buffer that grows leaves copies of tokens behind.
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *bytes, value)?;
    Ok(bytes)
}

/// The record that `bytes` hold.
pub fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    let malformed = |e: serde_json::Error| DecodeError::Malformed { column: e.column() };
    // serde's own message may quote the value, which may be a token.
    let version: RecordVersion = serde_json::from_slice(bytes).map_err(malformed)?;
    if version.schema > SCHEMA {
        return Err(DecodeError::Newer { found: version.schema });
    }
    let wire: StoredRecord<'_> = serde_json::from_slice(bytes).map_err(malformed)?;
    wire.record().ok_or(DecodeError::Malformed { column: 0 })
}

impl StoredRecord<'_> {
    /// `None` if its schema never existed, or has no such member.
    pub(super) fn record(self) -> Option<Record> {
        let has_member = self.dpop_key.is_none() || self.schema > WITHOUT_KEY;
        (has_member && (FIRST..=SCHEMA).contains(&self.schema)).then(|| self.into())
    }
}

/// serde borrows inside an `Option<Cow>` only with an explicit wrapper.
fn optional_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(Option::<Text<'de>>::deserialize(from)?.map(|text| text.0))
}

fn secret<K: SecretKind>(text: Cow<'_, str>) -> Secret<K> {
    match text {
        Cow::Borrowed(text) => Secret::new(text),
        Cow::Owned(mut text) => {
            let secret = Secret::new(text.as_str());
            text.zeroize();
            secret
        }
    }
}

impl<'a> From<&'a Record> for StoredRecord<'a> {
    fn from(record: &'a Record) -> Self {
        let tokens = &record.tokens;
        Self {
            schema: if tokens.dpop_key.is_some() { SCHEMA } else { WITHOUT_KEY },
            generation: record.generation,
            binding: Cow::Borrowed(&record.binding),
            access_token: Cow::Borrowed(tokens.access_token.expose()),
            refresh_token: tokens.refresh_token.as_ref().map(|token| Cow::Borrowed(token.expose())),
            scope: tokens.scope.as_deref().map(Cow::Borrowed),
            expiry: tokens.expiry.into(),
            obtained_at: tokens.obtained_at,
            extra: Cow::Borrowed(&tokens.extra),
            identity: Cow::Borrowed(&record.identity),
            intent: record.intent.as_ref().map(Cow::Borrowed),
            needs_login: record.needs_login.as_ref().map(Cow::Borrowed),
            ends_in_boot: record.ends_in_boot.as_ref().map(Cow::Borrowed),
            logins: Cow::Borrowed(&record.logins),
            dpop_key: tokens.dpop_key.as_ref().map(|key| Cow::Borrowed(key.expose())),
        }
    }
}

impl From<StoredRecord<'_>> for Record {
    fn from(wire: StoredRecord<'_>) -> Self {
        Self {
            binding: wire.binding.into_owned(),
            generation: wire.generation,
            tokens: TokenSet {
                access_token: secret(wire.access_token),
                refresh_token: wire.refresh_token.map(secret),
                scope: wire.scope.map(Cow::into_owned),
                expiry: wire.expiry.into(),
                obtained_at: wire.obtained_at,
                dpop_key: wire.dpop_key.map(secret),
                extra: wire.extra.into_owned(),
            },
            identity: wire.identity.into_owned(),
            intent: wire.intent.map(Cow::into_owned),
            needs_login: wire.needs_login.map(Cow::into_owned),
            ends_in_boot: wire.ends_in_boot.map(Cow::into_owned),
            logins: wire.logins.into_owned(),
        }
    }
}

impl From<Expiry> for WireExpiry {
    fn from(expiry: Expiry) -> Self {
        match expiry {
            Expiry::At { wall, lifetime } => {
                Self::At { wall, lifetime_ms: u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX) }
            }
            Expiry::Unknown => Self::Unknown,
            Expiry::Never => Self::Never,
        }
    }
}

impl From<WireExpiry> for Expiry {
    fn from(expiry: WireExpiry) -> Self {
        match expiry {
            WireExpiry::At { wall, lifetime_ms } => Self::At { wall, lifetime: Duration::from_millis(lifetime_ms) },
            WireExpiry::Unknown => Self::Unknown,
            WireExpiry::Never => Self::Never,
        }
    }
}

/// Counts bytes and keeps none.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::BootId;
    use crate::store::tests::record;

    #[test]
    fn the_schema_is_what_it_was() {
        let mut full = record(7);
        full.intent = Some(Intent { fingerprint: "0a1b2c3d".into(), started_at: Wall(5), sent: 2 });
        full.needs_login = Some(LoginReason::Refused { code: "invalid_grant".into() });
        full.ends_in_boot = Some(EndsInBoot { boot: BootId("b".into()), at_ms: 9 });
        full.logins = LoginHistory { since: Some(Wall(6)), lasted: vec![604_800] };
        let text = String::from_utf8(encode(&full).unwrap().to_vec()).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"schema":3,"generation":7,"binding":{"provider":"phonecom","token_url":"https://p.example/token","#,
                r#""client_id":"me"},"access_token":"access-7","refresh_token":"refresh-7","scope":"a b","#,
                r#""expiry":{"at":{"wall":1700003600000,"lifetime_ms":3600000}},"obtained_at":1700000000000,"#,
                r#""extra":{"account_id":42},"identity":{},"intent":{"fingerprint":"0a1b2c3d","started_at":5,"sent":2},"#,
                r#""needs_login":{"why":"refused","code":"invalid_grant"},"ends_in_boot":{"boot":"b","at_ms":9},"logins":{"since":6,"lasted":[604800]}}"#
            )
        );
    }

    #[test]
    fn a_record_has_the_newest_schema_only_if_it_needs_it() {
        let mut bound = record(7);
        bound.tokens.dpop_key = Some(Secret::new("a-key"));
        let text = String::from_utf8(encode(&bound).unwrap().to_vec()).unwrap();
        assert!(text.starts_with(r#"{"schema":4,"#) && text.ends_with(r#","dpop_key":"a-key"}"#), "{text}");
        let read = decode(text.as_bytes()).unwrap().tokens.dpop_key;
        assert_eq!(read.unwrap().expose(), "a-key");
    }

    #[test]
    fn earlier_schemas_are_read() {
        let text = String::from_utf8(encode(&record(1)).unwrap().to_vec()).unwrap();
        let second = text
            .replace(r#""schema":3"#, r#""schema":2"#)
            .replace(r#","ends_in_boot":null,"logins":{"since":null,"lasted":[]}"#, "");
        let first = second.replace(r#""schema":2"#, r#""schema":1"#).replace(r#""identity":{},"#, "");
        for earlier in [&first, &second] {
            assert!(text.len() > earlier.len() && !earlier.contains("logins"));
            assert_eq!(format!("{:?}", decode(earlier.as_bytes()).unwrap()), format!("{:?}", record(1)));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_without_quoting_it() {
        let text = String::from_utf8(encode(&record(1)).unwrap().to_vec()).unwrap();
        let newer = text.replace(r#""schema":3"#, r#""schema":5,"more":[]"#);
        assert_eq!(decode(newer.as_bytes()).unwrap_err(), DecodeError::Newer { found: 5 });
        for (from, to) in [
            (r#""schema":3"#, r#""schema":3,"more":true"#),
            (r#""schema":3"#, r#""schema":0"#),
            (r#""schema":3"#, r#""schema":3,"dpop_key":"canary""#),
            (r#""generation":1"#, r#""generation":"canary""#),
            (r#""generation":1,"#, ""),
            (r#""expiry":"#, r#""expiry":"canary","x":"#),
            ("}", "} canary"),
        ] {
            let bad = text.replacen(from, to, 1);
            assert_ne!(bad, text);
            let error = decode(bad.as_bytes()).unwrap_err();
            assert!(matches!(error, DecodeError::Malformed { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(
            access in "\\PC{1,40}", refresh in proptest::option::of("[!-~]{1,40}"), scope in proptest::option::of("\\PC*"),
            generation: u64, wall: i64, ms: u64, kind in 0..3u8,
        ) {
            let mut before = record(generation);
            before.tokens.access_token = Secret::new(access.clone());
            before.tokens.refresh_token = refresh.clone().map(Secret::new);
            before.tokens.scope = scope;
            before.tokens.expiry = match kind {
                0 => Expiry::At { wall: Wall(wall), lifetime: Duration::from_millis(ms) },
                1 => Expiry::Unknown,
                _ => Expiry::Never,
            };
            let bytes = encode(&before).unwrap();
            let after = decode(&bytes).unwrap();
            prop_assert_eq!(format!("{before:?}"), format!("{after:?}"));
            prop_assert_eq!(after.tokens.access_token.expose(), access);
            prop_assert_eq!(after.tokens.refresh_token.map(|t| t.expose().to_owned()), refresh);
        }
    }
}
