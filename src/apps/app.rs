//! One app: a program with a key, and its usage.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use serde::{Deserialize, Serialize};

use super::handed_out::HandedOut;
use super::key::Digest;
use super::rights::Rights;
use crate::clock::Wall;
use crate::os::process::Process;

/// An app.
#[derive(Debug)]
pub(crate) struct App {
    /// Its name.
    pub(crate) name: String,
    /// What its key allows.
    pub(crate) rights: Rights,
    /// When the key was made, Unix seconds.
    pub(crate) created_at: i64,
    /// When it stops working, Unix seconds.
    pub(crate) expires_at: Option<i64>,
    /// How many of its requests wait for something at this moment.
    pub(crate) waiting: Arc<AtomicUsize>,
    /// How many streams of events it holds at this moment.
    pub(crate) listening: Arc<AtomicUsize>,
    /// How many of its requests are forwarded at this moment.
    pub(crate) proxying: Arc<AtomicUsize>,
    /// The tokens that it got last as an OAuth client.
    pub(crate) handed_out: HandedOut,
    /// How long it lives.
    pub(crate) life: AppLife,
    /// Its key stops working when this has ended.
    pub(crate) process: Option<Arc<Process>>,
    pub(super) digest: Digest,
    /// Set when the app is removed or its key is rotated: requests that still hold this value are then refused.
    revoked: AtomicBool,
    uses: AtomicU64,
    last_used_at: AtomicI64,
    last_address: ArcSwapOption<IpAddr>,
}

/// How long an app lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AppLife {
    /// Until it is removed.
    Stored,
    /// As long as its key is held; it is on no disk.
    Temporary {
        /// The executable that the key was made for, where the system tells.
        program: Option<String>,
    },
}

/// How often and when an app was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// How many requests it made.
    #[serde(default)]
    pub(crate) uses: u64,
    /// When the last one was, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) last_used_at: Option<i64>,
    /// Its address; absent: over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) last_address: Option<IpAddr>,
}

impl App {
    pub(super) fn new(
        name: String,
        rights: Rights,
        (created_at, expires_at): (i64, Option<i64>),
        digest: Digest,
        usage: Usage,
    ) -> Self {
        Self {
            name,
            rights,
            created_at,
            expires_at,
            waiting: Arc::default(),
            listening: Arc::default(),
            proxying: Arc::default(),
            handed_out: HandedOut::default(),
            life: AppLife::Stored,
            process: None,
            digest,
            revoked: AtomicBool::new(false),
            uses: AtomicU64::new(usage.uses),
            last_used_at: AtomicI64::new(usage.last_used_at.unwrap_or_default()),
            last_address: ArcSwapOption::from(usage.last_address.map(Arc::new)),
        }
    }

    /// One that is in memory only.
    pub(super) fn temporary(
        name: String,
        rights: Rights,
        created_at: i64,
        digest: Digest,
        program: Option<String>,
    ) -> Self {
        let life = AppLife::Temporary { program };
        Self { life, ..Self::new(name, rights, (created_at, None), digest, Usage::default()) }
    }

    /// The same, until `process` has ended.
    pub(super) fn while_runs(self, process: Option<Arc<Process>>) -> Self {
        Self { process, ..self }
    }

    /// The id of the process that its key ends with.
    pub(crate) fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(|process| process.id().pid)
    }

    /// Whether that process has ended.
    pub(super) fn has_lost_its_process(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.has_ended())
    }

    /// Whether it is in memory only.
    pub(crate) fn is_temporary(&self) -> bool {
        self.life != AppLife::Stored
    }

    /// Counts a request. `from`: its address, if it came over TCP.
    pub(super) fn count_use(&self, from: Option<IpAddr>, now: Wall) {
        self.uses.fetch_add(1, Ordering::Relaxed);
        self.last_used_at.store(now.unix_seconds(), Ordering::Relaxed);
        if self.last_address.load().as_deref().copied() != from {
            self.last_address.store(from.map(Arc::new));
        }
    }

    /// Revokes its key, also for requests that still hold this value.
    pub(super) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }

    /// Its usage so far.
    pub(crate) fn usage(&self) -> Usage {
        let uses = self.uses.load(Ordering::Relaxed);
        let last_used_at = (uses > 0).then(|| self.last_used_at.load(Ordering::Relaxed));
        Usage { uses, last_used_at, last_address: self.last_address.load().as_deref().copied() }
    }

    /// Whether its key works at `now`.
    pub(crate) fn works(&self, now: Wall) -> bool {
        let is_in_time = self.expires_at.is_none_or(|at| now.unix_seconds() < at);
        !self.revoked.load(Ordering::Acquire) && is_in_time && !self.has_lost_its_process()
    }
}

/// An app to be created.
#[derive(Debug, Clone)]
pub(crate) struct NewApp {
    /// Its name.
    pub(crate) name: String,
    /// What its key allows.
    pub(crate) rights: Rights,
    /// When the key stops working, Unix seconds.
    pub(crate) expires_at: Option<i64>,
    /// The process that the key ends with.
    pub(crate) process: Option<Arc<Process>>,
}
