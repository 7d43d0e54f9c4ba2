//! Scope that an account's upstream wants and its logins don't ask for (step-up, RFC 6750 §3.1): what was asked of the
//! user, and what they said. One question for each scope, so that no upstream can ask again and again.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::ScopeWanted;
use crate::oauth::scope::is_scope_byte;

/// How many scopes are remembered of an account: it is the upstream that names them.
const MOST: usize = 16;
/// The longest scope, in bytes. Each has to be shown whole.
const LONGEST: usize = 128;
/// How many programs are remembered with a scope.
const MOST_PROGRAMS: usize = 8;

/// The scopes that an account was refused for lack of, since the daemon's start.
#[derive(Debug, Default)]
pub(crate) struct MoreScope(BTreeMap<String, Stage>);

/// What became of a scope.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// The user is asked. With the programs that were refused; `None`: one without a key.
    Asked(BTreeSet<Option<String>>),
    /// A login has asked the provider for it. Later ones do, too.
    Requested,
    /// The user left it out.
    LeftOut,
}

/// What to do about a refusal for lack of scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepUp {
    /// The user is asked; `news`: since now, or for more than before.
    Asked {
        /// Whether the question is another than before.
        news: bool,
    },
    /// The logins ask for it already.
    Requested,
    /// Nobody is asked: the user left it out, or there have been too many questions.
    Unasked,
}

/// Whether an upstream may name this scope: a `scope-token` (RFC 6749 §3.3) that can be shown.
pub(crate) fn is_fit(scope: &str) -> bool {
    (1..=LONGEST).contains(&scope.len()) && scope.bytes().all(is_scope_byte)
}

impl MoreScope {
    /// A program was refused for lack of `missing`, while logins ask for `configured`.
    pub(crate) fn refused(&mut self, missing: &[&str], configured: &[String], app: Option<&str>) -> StepUp {
        let (mut open, mut news, mut unasked) = (false, false, false);
        for scope in missing.iter().copied().filter(|scope| !configured.iter().any(|own| own == scope)) {
            let is_full = self.0.len() >= MOST;
            match self.0.get_mut(scope) {
                Some(Stage::Asked(programs)) => {
                    open = true;
                    if programs.len() < MOST_PROGRAMS {
                        programs.insert(app.map(str::to_owned));
                    }
                }
                Some(Stage::Requested) => {}
                Some(Stage::LeftOut) => unasked = true,
                None if is_full || !is_fit(scope) => unasked = true,
                None => {
                    (open, news) = (true, true);
                    self.0.insert(scope.to_owned(), Stage::Asked([app.map(str::to_owned)].into()));
                }
            }
        }
        match (open, unasked) {
            (true, _) => StepUp::Asked { news },
            (false, true) => StepUp::Unasked,
            (false, false) => StepUp::Requested,
        }
    }

    /// What the user is asked, except for what the config has meanwhile.
    pub(crate) fn wanted(&self, configured: &[String]) -> Option<ScopeWanted> {
        let open = self.0.iter().filter_map(|(scope, stage)| match stage {
            Stage::Asked(programs) if !configured.contains(scope) => Some((scope.as_str(), programs)),
            _ => None,
        });
        let (scopes, programs): (Vec<&str>, Vec<_>) = open.unzip();
        let apps: BTreeSet<&String> = programs.into_iter().flatten().flatten().collect();
        (!scopes.is_empty()).then(|| ScopeWanted { scope: scopes.join(" "), apps: apps.into_iter().cloned().collect() })
    }

    /// Whether the user was asked about this scope.
    pub(crate) fn was_asked(&self, scope: &str) -> bool {
        self.0.contains_key(scope)
    }

    /// What logins ask for besides the config's scope.
    pub(crate) fn requested(&self) -> impl Iterator<Item = &String> {
        self.0.iter().filter(|(_, stage)| **stage == Stage::Requested).map(|(scope, _)| scope)
    }

    /// A login that asked for `scope` has succeeded, whatever it brought. Whether something has changed.
    pub(crate) fn logged_in(&mut self, scope: &[String], configured: &[String]) -> bool {
        let before = self.0.len();
        self.0.retain(|known, _| !configured.contains(known));
        let mut changed = self.0.len() != before;
        for (_, stage) in self.0.iter_mut().filter(|(known, _)| scope.contains(*known)) {
            changed |= *stage != Stage::Requested;
            *stage = Stage::Requested;
        }
        changed
    }

    /// The user leaves these out. Whether something has changed.
    pub(crate) fn leave_out(&mut self, scopes: &[&str]) -> bool {
        let mut changed = false;
        for (_, stage) in self.0.iter_mut().filter(|(known, _)| scopes.contains(&known.as_str())) {
            if matches!(stage, Stage::Asked(_)) {
                (*stage, changed) = (Stage::LeftOut, true);
            }
        }
        changed
    }

    /// Forgets everything: the account has other logins now. Whether something has changed.
    pub(crate) fn clear(&mut self) -> bool {
        !std::mem::take(&mut self.0).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(scopes: &[&str]) -> Vec<String> {
        scopes.iter().map(|&scope| scope.to_owned()).collect()
    }

    fn scope(more: &MoreScope) -> Option<String> {
        more.wanted(&[]).map(|wanted| wanted.scope)
    }

    #[test]
    fn a_scope_is_a_token_that_can_be_shown() {
        for fit in ["a", "calls:write", "https://x.example/a.b", "!", "~", &"x".repeat(LONGEST)] {
            assert!(is_fit(fit), "{fit}");
        }
        for unfit in ["", "a b", "a\"", "a\\", "\u{e4}", "a\u{202e}", "a\n", "\x7f", &"x".repeat(LONGEST + 1)] {
            assert!(!is_fit(unfit), "{unfit}");
        }
    }

    #[test]
    fn the_user_is_asked_once_for_the_union() {
        let (mut more, own) = (MoreScope::default(), strings(&["read"]));
        for (missing, app, step_up, question) in [
            (vec!["read"], Some("a"), StepUp::Requested, None),
            (vec!["read", "write"], Some("a"), StepUp::Asked { news: true }, Some("write")),
            (vec!["write"], Some("a"), StepUp::Asked { news: false }, Some("write")),
            (vec!["write", "admin"], Some("b"), StepUp::Asked { news: true }, Some("admin write")),
            (vec!["a\\b"], None, StepUp::Unasked, Some("admin write")),
            (vec!["admin"], None, StepUp::Asked { news: false }, Some("admin write")),
        ] {
            assert_eq!(more.refused(&missing, &own, app), step_up, "{missing:?}");
            assert_eq!(scope(&more).as_deref(), question, "{missing:?}");
        }
        assert_eq!(more.wanted(&[]).unwrap().apps, ["a", "b"]);
        assert_eq!(more.wanted(&strings(&["admin"])).unwrap().scope, "write", "the config has it meanwhile");
    }

    #[test]
    fn what_a_login_asked_for_or_the_user_left_out_is_not_asked_again() {
        let (mut more, own) = (MoreScope::default(), strings(&["read"]));
        more.refused(&["write", "admin", "more"], &own, None);
        assert!(!more.logged_in(&strings(&["read"]), &own) && scope(&more).is_some(), "another login");
        assert!(more.logged_in(&strings(&["read", "write"]), &own));
        assert_eq!(more.requested().collect::<Vec<_>>(), ["write"]);
        assert!(more.leave_out(&["admin", "write", "unknown"]) && !more.leave_out(&["admin"]));
        for (missing, step_up) in [
            (vec!["read", "write"], StepUp::Requested),
            (vec!["write", "admin"], StepUp::Unasked),
            (vec!["more"], StepUp::Asked { news: false }),
        ] {
            assert_eq!(more.refused(&missing, &own, None), step_up, "{missing:?}");
        }
        assert_eq!(scope(&more).as_deref(), Some("more"));
        // The config's own now: what it no longer has, no login asks for.
        assert!(more.logged_in(&strings(&["read", "write"]), &strings(&["read", "write"])));
        assert!(more.requested().next().is_none() && more.clear() && !more.clear());
    }

    #[test]
    fn an_upstream_that_makes_up_scopes_is_asked_for_a_few_of_them() {
        let mut more = MoreScope::default();
        let asked = (0..1000).filter(|n| {
            let app = format!("app-{n}");
            more.refused(&[&*format!("scope-{n}"), "same"], &[], Some(&app)) == StepUp::Asked { news: true }
        });
        assert_eq!(asked.count(), MOST - 1);
        let wanted = more.wanted(&[]).unwrap();
        assert_eq!(wanted.scope.split(' ').count(), MOST);
        assert!(wanted.apps.len() <= MOST * MOST_PROGRAMS);
        assert_eq!(more.refused(&["another"], &[], None), StepUp::Unasked);
    }
}
