//! Desktop notifications for accounts that need the user.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use ringback::contract::AccountState;
use tempfile::TempDir;

use crate::desktop::Desktop;
use crate::http::Browser;
use crate::idp::{Act, Idp};
use crate::world::{World, account, provider, until};

/// A desktop, and a browser launcher that only records URLs.
pub(crate) struct Seat {
    pub(crate) idp: Idp,
    pub(crate) desktop: Desktop,
    folder: TempDir,
    pub(crate) world: World,
}

impl Seat {
    /// Two logged-in accounts, `home` and `work`, each with `more` config keys.
    pub(crate) fn with(more: &str) -> Self {
        let (idp, desktop, folder) = (Idp::start(), Desktop::start(), tempfile::tempdir().unwrap());
        let launcher = folder.path().join("xdg-open");
        let script = format!("#!/bin/sh\necho \"$1\" >>{}\n", folder.path().join("opened").display());
        std::fs::write(&launcher, script).unwrap();
        std::fs::set_permissions(&launcher, std::fs::Permissions::from_mode(0o755)).unwrap();
        let config = [provider("idp", &idp, "/token", ""), account("home", "idp", more), account("work", "idp", more)];
        let mut world = World::with_config(&config.join("\n"));
        let path = format!("PATH={}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        world.through = vec!["/usr/bin/env".into(), desktop.variable(), path, "DISPLAY=:7".into()];
        world.run();
        world.log_in("home");
        world.log_in("work");
        Self { idp, desktop, folder, world }
    }

    /// Scripts the provider's next refresh reply.
    fn says(&self, status: &str, body: &str) {
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
        self.idp.next(Act::Raw(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into()));
    }

    /// The provider revokes the login.
    fn ends(&self, account: &str) {
        self.says("400 Bad Request", "{\"error\":\"invalid_grant\"}");
        self.world.post(&format!("/v1/accounts/{account}/refresh"));
        self.world.until_state(account, AccountState::NeedsLogin);
    }

    fn opened(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("opened")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until `number` tabs have been opened, and completes the login in the last one.
    pub(crate) fn use_tab(&self, number: usize) {
        let tabs = until("a tab opens", || Some(self.opened()).filter(|tabs| tabs.len() >= number));
        assert_eq!(tabs.len(), number, "one tab at a time: {tabs:?}");
        let page = Browser::default().go(&tabs[number - 1]);
        assert_eq!(page.status, 200, "{page:?}");
    }
}

#[test]
fn one_notification_covers_all_accounts_and_its_button_opens_one_tab_after_another() {
    let seat = Seat::with("");
    seat.ends("work");
    seat.ends("home");
    let shown = seat.desktop.next();
    assert_eq!((shown.title.as_str(), shown.body.as_str()), ("2 accounts need attention", "home, work"));
    assert_eq!(shown.actions, ["login", "Log in"]);
    assert!(seat.opened().is_empty(), "no tab opens without a click");
    seat.desktop.press(shown.id, "login");
    seat.use_tab(1);
    seat.world.until_state("home", AccountState::Active);
    seat.use_tab(2);
    seat.world.until_state("work", AccountState::Active);
    assert!(!seat.desktop.shows_within(Duration::from_millis(2500)), "one notification");
}

#[test]
fn a_notification_is_closed_after_a_login_elsewhere() {
    let seat = Seat::with("");
    seat.ends("work");
    let shown = seat.desktop.next();
    assert_eq!(shown.title, "work needs a login");
    assert_eq!(shown.body, "the provider refused the refresh token (invalid_grant)");
    assert_eq!(seat.world.cli(&["status"]).0, 5);
    seat.world.log_in("work");
    assert_eq!(seat.desktop.next_closed(), shown.id);
    assert_eq!(seat.world.cli(&["status"]).0, 0);
}

#[test]
fn with_open_login_logins_open_by_themselves_one_tab_at_a_time() {
    let seat = Seat::with("open_login = true\nnotify = \"off\"");
    seat.ends("work");
    until("a tab opens", || (seat.opened().len() == 1).then_some(()));
    seat.ends("home");
    assert!(!seat.desktop.shows_within(Duration::from_millis(2500)), "no notification");
    seat.use_tab(1);
    seat.world.until_state("work", AccountState::Active);
    seat.use_tab(2);
    seat.world.until_state("home", AccountState::Active);
}

#[test]
fn an_announced_login_opens_once_it_is_needed() {
    let seat = Seat::with("open_login = true");
    seat.says("200 OK", r#"{"access_token":"AT~short","token_type":"bearer","expires_in":4}"#);
    seat.world.log_in("work");
    assert_eq!(seat.desktop.next().title, "work needs a login", "the announced end has come");
    seat.use_tab(1);
    seat.world.until_state("work", AccountState::Active);
}
