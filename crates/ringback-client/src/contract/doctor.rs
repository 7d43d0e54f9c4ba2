//! What `ringback doctor` finds.

use serde::{Deserialize, Serialize};

/// What `ringback doctor --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorReply {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// Whether somebody has to act; the exit code says so too.
    pub attention_needed: bool,
    /// In the order of the checks; with `--fix`, as it is afterwards.
    pub findings: Vec<Finding>,
    /// What can be fixed for certain, and what was.
    #[serde(default)]
    pub fixes: Vec<FixReply>,
}

/// One check and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was checked, such as `port` or `account work`.
    pub check: String,
    /// The result.
    pub state: FindingState,
    /// What was found, in one sentence.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fix: Option<String>,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Nothing is wrong.
    Good,
    /// Worth knowing, but nobody has to act.
    Note,
    /// Something has to be fixed.
    NeedsHand,
}

/// A change that certainly puts something right, as `ringback doctor --fix` and `ringback config check --fix` make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixReply {
    /// What it changes: a file and how.
    pub what: String,
    /// Whether it was done.
    pub state: FixState,
    /// Why it could not be done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
}

/// What came of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixState {
    /// It can be done.
    Possible,
    /// It was done.
    Done,
    /// It could not be done.
    Failed,
}
