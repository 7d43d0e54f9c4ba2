//! The export document: all accounts, for another machine:
//!
//! ```json
//! {"ringback_export":1,"accounts":[{"account":"work","record":{"schema":3,"generation":7,...}}]}
//! ```
//!
//! A record has the same form as in its sealed file (`record`), so nothing of it is lost. The document is never written
//! to disk in plain text: `envelope` encrypts it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::record::{self, StoredRecord};
use crate::account::record::Record;
use crate::contract::is_name;

/// The version that is written, and the newest that is read.
pub(crate) const VERSION: u32 = 1;

/// Highest generation that is accepted: 2^53, which every JSON parser holds exactly. No account gets that far, and
/// counting can go on from there.
const LATEST_GENERATION: u64 = 1 << 53;

/// An account in the document.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    /// Its name in the config.
    pub(crate) account: String,
    /// Its record.
    pub(crate) record: Record,
}

/// Why bytes are not such a document. Contains nothing of their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    /// Written by a newer version.
    #[error("a newer version of ringback wrote it ({what} {found}, but this one supports up to {known})")]
    Newer {
        /// The part that is newer.
        what: &'static str,
        /// Its version.
        found: u32,
        /// The newest version that is known.
        known: u32,
    },
    /// Can't be parsed.
    #[error("its content was not written by `ringback export`")]
    Malformed,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportDocument<'a> {
    ringback_export: u32,
    #[serde(borrow)]
    accounts: Vec<ExportEntry<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportEntry<'a> {
    #[serde(borrow)]
    account: Cow<'a, str>,
    #[serde(borrow)]
    record: StoredRecord<'a>,
}

/// Only the version: read first, as in `record`.
#[derive(Deserialize)]
struct ExportVersion {
    ringback_export: u32,
}

/// Only the schemas of the records.
#[derive(Deserialize)]
struct Schemas {
    accounts: Vec<Schema>,
}

#[derive(Deserialize)]
struct Schema {
    record: record::RecordVersion,
}

/// `accounts` as bytes, in a buffer that is wiped when dropped.
pub(crate) fn write(accounts: &[Moved]) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    let entries = accounts
        .iter()
        .map(|moved| ExportEntry { account: Cow::Borrowed(&moved.account), record: StoredRecord::from(&moved.record) });
    record::wiped_json(&ExportDocument { ringback_export: VERSION, accounts: entries.collect() })
}

/// Parses what [`write()`] wrote.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Moved>, ReadError> {
    // serde's own message may quote the value, which may be a token.
    let malformed = |_| ReadError::Malformed;
    let version: ExportVersion = serde_json::from_slice(bytes).map_err(malformed)?;
    if version.ringback_export > VERSION {
        return Err(ReadError::Newer { what: "version", found: version.ringback_export, known: VERSION });
    }
    let schemas: Schemas = serde_json::from_slice(bytes).map_err(malformed)?;
    let newest = schemas.accounts.iter().map(|entry| entry.record.schema).max().unwrap_or_default();
    if newest > record::SCHEMA {
        return Err(ReadError::Newer { what: "a record of schema", found: newest, known: record::SCHEMA });
    }
    let document: ExportDocument<'_> = serde_json::from_slice(bytes).map_err(malformed)?;
    let names: BTreeSet<&str> = document.accounts.iter().map(|entry| &*entry.account).collect();
    let named_well = names.len() == document.accounts.len() && names.into_iter().all(is_name);
    if document.ringback_export != VERSION || !named_well {
        return Err(ReadError::Malformed);
    }
    let moved = |entry: ExportEntry<'_>| {
        let record = entry.record.record().filter(|record| record.generation <= LATEST_GENERATION)?;
        Some(Moved { account: entry.account.into_owned(), record })
    };
    document.accounts.into_iter().map(moved).collect::<Option<_>>().ok_or(ReadError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::record;

    fn two() -> Vec<Moved> {
        let moved = |account: &str, generation| {
            let mut record = record(generation);
            record.tokens.dpop_key = Some(crate::secret::DpopKey::new("key"));
            Moved { account: account.into(), record }
        };
        vec![moved("home", 1), moved("work", 7)]
    }

    #[test]
    fn every_account_comes_back_as_it_was() {
        assert_eq!(format!("{:?}", read(&write(&two()).unwrap()).unwrap()), format!("{:?}", two()));
        let tokens = |accounts: &[Moved]| accounts[1].record.tokens.refresh_token.clone().unwrap();
        assert!(tokens(&read(&write(&two()).unwrap()).unwrap()).matches("refresh-7"));
        assert!(read(&write(&[]).unwrap()).unwrap().is_empty());
        let late = [Moved { account: "late".into(), record: record(1 << 53) }];
        assert_eq!(read(&write(&late).unwrap()).unwrap()[0].record.generation, 1 << 53);
    }

    #[test]
    fn every_member_is_documented() {
        let document: serde_json::Value = serde_json::from_slice(&write(&two()).unwrap()).unwrap();
        let docs = include_str!("../../docs/export.md");
        let record = document["accounts"][0]["record"].as_object().unwrap();
        for name in record.keys().chain(document.as_object().unwrap().keys()) {
            assert!(docs.contains(&format!("`{name}")), "{name} is missing in docs/export.md");
        }
        assert!(docs.contains(&format!(r#""schema":{},"#, record::SCHEMA)));
    }

    #[test]
    fn what_is_not_understood_is_refused_as_a_whole() {
        let text = String::from_utf8(write(&two()).unwrap().to_vec()).unwrap();
        let schema = format!(r#""schema":{}"#, record::SCHEMA);
        let newer = format!(r#""schema":{},"more":[]"#, record::SCHEMA + 1);
        let (version, known) = (|found| ReadError::Newer { what: "version", found, known: VERSION }, record::SCHEMA);
        let of_schema = ReadError::Newer { what: "a record of schema", found: known + 1, known };
        for (from, to, error) in [
            (r#""ringback_export":1"#, r#""ringback_export":2,"more":{}"#, version(2)),
            (&*schema, &*newer, of_schema),
            (r#""ringback_export":1"#, r#""ringback_export":0"#, ReadError::Malformed),
            (r#""ringback_export":1,"#, r#""ringback_export":1,"more":0,"#, ReadError::Malformed),
            (r#""account":"home""#, r#""account":"work""#, ReadError::Malformed),
            (r#""account":"home""#, r#""account":"../home""#, ReadError::Malformed),
            (&schema, r#""schema":0"#, ReadError::Malformed),
            (r#""generation":1,"#, r#""generation":9007199254740993,"#, ReadError::Malformed),
            (r#""generation":7,"#, r#""generation":18446744073709551615,"#, ReadError::Malformed),
            ("}", "", ReadError::Malformed),
        ] {
            let bad = text.replacen(from, to, 1);
            assert_ne!(bad, text, "{from}");
            assert_eq!(read(bad.as_bytes()).unwrap_err(), error, "{to}");
        }
        assert_eq!(read(b"{}").unwrap_err(), ReadError::Malformed);
    }
}
