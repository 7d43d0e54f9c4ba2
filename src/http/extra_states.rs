//! What became of the additional listeners (`[[listen.extra]]`), for `ringback status`.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::apps::Apps;
use crate::clock::Wall;
use crate::config::{ExtraListener, Metadata};
use crate::contract::ListenerReply;

/// The states of all of them. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct ExtraStates(Arc<ArcSwap<Vec<ExtraState>>>);

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct ExtraState {
    /// As the config wants it.
    pub(crate) listener: ExtraListener,
    /// Why it is not open, in one clause.
    pub(crate) problem: Option<String>,
}

impl ExtraStates {
    /// Replaces what was known.
    pub(crate) fn publish(&self, states: Vec<ExtraState>) {
        self.0.store(Arc::new(states));
    }

    /// For the owner. A listener whose app is not there is open, but refuses everybody.
    pub(super) fn shown(&self, apps: &Apps, now: Wall) -> Vec<ListenerReply> {
        let shown = |state: &ExtraState| {
            let app = match &state.listener {
                ExtraListener::Tcp { metadata: Some(Metadata::Azure { app, .. }), .. }
                | ExtraListener::Socket { app, .. } => Some(app.clone()),
                ExtraListener::Tcp { .. } => None,
            };
            let is_there = |name: &String| apps.named(name).is_some_and(|app| app.works(now));
            let no_app = app.as_ref().filter(|name| !is_there(name));
            let no_app =
                no_app.map(|name| format!("there is no app `{name}`, or it has expired: `ringback app add {name}`"));
            ListenerReply {
                listener: state.listener.to_string(),
                open: state.problem.is_none(),
                problem: state.problem.clone().or(no_app),
                app,
            }
        };
        self.0.load().iter().map(shown).collect()
    }
}
