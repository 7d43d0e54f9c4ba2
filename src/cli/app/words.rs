//! What `ringback app` says of apps.

use std::fmt::Write as _;

use crate::apps::wording::times;
use crate::cli::report::{moment, plain};
use crate::contract::{AppReply, AppsReply, ProxyRules};

/// What an app may do, in words.
pub(super) fn rights(app: &AppReply) -> String {
    let what = match (&app.proxy, app.write) {
        (Some(_), _) => "uses through the proxy only: ",
        (None, true) => "reads and changes ",
        (None, false) => "reads ",
    };
    let mut text = what.to_owned();
    match &app.accounts {
        Some(accounts) => text.push_str(&accounts.join(", ")),
        None => text.push_str("every account"),
    }
    if let Some(scopes) = &app.scopes {
        // Writing to a `String` does not fail.
        let _ = write!(text, ", scope {}", scopes.join(" "));
    }
    if let Some(ProxyRules { methods, paths, tools }) = &app.proxy {
        for (what, all) in [("method", methods), ("path", paths), ("tool", tools)] {
            if !all.is_empty() {
                let _ = write!(text, ", {what} {}", all.join(" "));
            }
        }
    }
    plain(&text)
}

/// With what its key ends, if that is a process.
pub(super) fn with_process(app: &AppReply) -> String {
    app.while_pid.map_or(String::new(), |pid| format!(", ends with process {pid}"))
}

/// Every app: its rights, its use and its end.
pub(super) fn overview(reply: &AppsReply, now: i64) -> String {
    let mut text = String::new();
    for app in &reply.apps {
        let temporary = if app.temporary { " (temporary)" } else { "" };
        let _ = writeln!(text, "{}{temporary}: {}", plain(&app.name), rights(app));
        let from = app.last_address.as_deref().unwrap_or("the unix socket");
        let used = app.last_used_at.map_or("never used".to_owned(), |at| {
            format!("used {}, last {} from {}", times(app.uses), moment(at, now), plain(from))
        });
        let expires = match app.expires_at {
            Some(at) if at <= now => format!(", EXPIRED {}", moment(at, now)),
            Some(at) => format!(", expires {}", moment(at, now)),
            None => String::new(),
        };
        let expires = expires + &with_process(app);
        let _ = writeln!(text, "  key made {}, {used}{expires}", moment(app.created_at, now));
    }
    if reply.apps.is_empty() {
        text.push_str("No program has a key; programs can use the unix socket. `ringback app add NAME` makes a key.\n");
    }
    if reply.wrong_keys > 0 {
        let _ = writeln!(text, "Wrong keys since the daemon started: {}", reply.wrong_keys);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_tells_rights_use_and_end() {
        let app = AppReply {
            name: "default".into(),
            accounts: None,
            scopes: None,
            write: true,
            proxy: None,
            temporary: false,
            while_pid: None,
            created_at: 1_000,
            expires_at: None,
            uses: 2,
            last_used_at: Some(1_940),
            last_address: Some("127.0.0.1".into()),
        };
        let editor = AppReply {
            name: "editor".into(),
            accounts: Some(vec!["home".into(), "work".into()]),
            scopes: Some(vec!["read".into()]),
            write: false,
            expires_at: Some(1_990),
            uses: 0,
            last_used_at: None,
            last_address: None,
            ..app.clone()
        };
        let rules =
            ProxyRules { methods: vec!["GET".into()], paths: vec!["/calls/**".into()], tools: vec!["get_*".into()] };
        let agent = AppReply { name: "agent".into(), proxy: Some(rules), scopes: None, ..editor.clone() };
        let build = AppReply { name: "build".into(), while_pid: Some(4711), expires_at: None, ..editor.clone() };
        let exec = AppReply { name: "exec:1".into(), temporary: true, expires_at: None, ..editor.clone() };
        let reply = AppsReply { version: 1, apps: vec![app, editor, agent, build, exec], wrong_keys: 3 };
        assert_eq!(
            overview(&reply, 2_000),
            "default: reads and changes every account\n\
             \x20 key made 16 min ago, used 2 times, last 60 s ago from 127.0.0.1\n\
             editor: reads home, work, scope read\n\
             \x20 key made 16 min ago, never used, EXPIRED 10 s ago\n\
             agent: uses through the proxy only: home, work, method GET, path /calls/**, tool get_*\n\
             \x20 key made 16 min ago, never used, EXPIRED 10 s ago\n\
             build: reads home, work, scope read\n\
             \x20 key made 16 min ago, never used, ends with process 4711\n\
             exec:1 (temporary): reads home, work, scope read\n\
             \x20 key made 16 min ago, never used\n\
             Wrong keys since the daemon started: 3\n"
        );
    }
}
