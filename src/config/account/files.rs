//! Token files of accounts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::effective::AccountConfig;
use crate::config::problem::Problem;
use crate::config::reader::SectionReader;
use crate::config::sections::accounts::AccountKeys;

/// Reports what a token file can't be combined with.
pub(super) fn check_files(keys: &AccountKeys, section: &SectionReader<'_>) {
    if keys.lazy && !keys.file.is_empty() {
        let problem = Problem::new("is `true`, and the account has a `file`, which nobody asks for before it is read");
        section.refuse("lazy", problem.expected("one of the two"));
    }
}

/// Reports paths that two files would have.
pub(crate) fn refuse_shared_files(accounts: &[(AccountConfig, &SectionReader<'_>)]) {
    let mut seen: BTreeMap<PathBuf, &AccountConfig> = BTreeMap::new();
    for (account, section) in accounts {
        for path in account.keys.file.iter().filter_map(|file| file.path.as_deref()) {
            if let Some(first) = seen.insert(plain(path), account) {
                let shown = path.display();
                let problem = Problem::new(format!("has the path {shown}, as a file of account `{}`", first.name));
                section.refuse("file", problem.expected("a separate path for each file"));
            }
        }
    }
}

/// Without `.` and doubled slashes, which don't make it another path.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}
