//! `docs/errors.md` has every message of the command line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{account, config, credential, exec, general, login, mcp, sandbox, serve, service, store, token};
use crate::cli::failure::Failure;
use crate::client::Error;
use crate::docs_test::{every_variant, keep_current, table};
use crate::os::paths::NoHome;

/// Messages of the client library, each with its cause.
fn of_the_daemon() -> Vec<(Failure, &'static str)> {
    let (why, path) = (|| String::from("WHY"), || PathBuf::from("PATH"));
    let error = || std::io::Error::other("ERROR");
    let rows = every_variant!(Error {
        NoDaemon: [(Error::NoDaemon { why: why() }, "it was not started, has ended, or listens elsewhere")],
        DaemonUnreachable: [(
            Error::DaemonUnreachable { pid: 4711, why: why() },
            "its socket and `endpoint.json` were removed, or its `XDG_RUNTIME_DIR` differs from yours"
        )],
        SocketOnly: [(
            Error::SocketOnly { what: "a token is accepted" },
            "`RINGBACK_URL` is set, or `listen.socket` is off"
        )],
        Timeout: [(Error::Timeout, "the daemon is stuck, or the machine is overloaded")],
        Disconnected: [(Error::Disconnected { why: why() }, "the daemon was stopped meanwhile")],
        UnexpectedReply: [(
            Error::UnexpectedReply { why: why() },
            "another version, or another program, listens there"
        )],
        SocketDenied: [(Error::SocketDenied, "the command runs as another user than the daemon")],
        UnknownListener: [(Error::UnknownListener { path: path(), error: error() }, "`--socket` names something else")],
        ForeignPort: [(
            Error::ForeignPort { address: "127.0.0.1:7464".parse().unwrap(), who: "a process of user 1001".into() },
            "another user took the port while the daemon was not running"
        )],
        ForeignListener: [(Error::ForeignListener { path: path() }, "another user created a socket there")],
        NoRuntimeFolder: [(Error::NoRuntimeFolder(NoHome), "an environment without HOME and XDG_RUNTIME_DIR")],
        EndpointUnreadable: [(
            Error::EndpointUnreadable { path: path(), error: error() },
            "`endpoint.json` is a link or not a regular file"
        )],
        EndpointMalformed: [(
            Error::EndpointMalformed { path: path(), why: why() },
            "something else wrote `endpoint.json`"
        )],
        KeyUnreadable: [(
            Error::KeyUnreadable { path: path(), error: error() },
            "`RINGBACK_KEY_FILE` names a file that does not exist"
        )],
        NoKey: [(Error::NoKey { path: path() }, "`RINGBACK_KEY_FILE` names the wrong file")],
        UrlWithoutKey: [(Error::UrlWithoutKey, "callers on TCP need a key")],
        UrlUnusable: [(
            Error::UrlUnusable { from: "`RINGBACK_URL`", why: "is not an http URL".into() },
            "`RINGBACK_URL` is not an http URL of this machine"
        )],
        FileUnreadable: [(Error::FileUnreadable { path: path(), error: error() }, "the file was removed meanwhile")],
        NotAFile: [(Error::NotAFile { path: path() }, "a folder, pipe or device has that name")],
        ForeignFile: [(Error::ForeignFile { path: path() }, "somebody else may have written it")],
        OpenToOthers: [(
            Error::OpenToOthers { act: "read", path: path(), mode: 0o644 },
            "the mode of the file gives others access"
        )],
        // Passed on from the daemon: `docs/errors.md` lists these messages in the table of `Error`.
        Daemon: [(Error::from(crate::error::Error::Busy.reply()), "")],
    });
    let told = rows.into_iter().filter(|(error, _)| error.reply().is_none());
    told.map(|(error, cause)| (error.into(), cause)).collect()
}

fn all() -> Vec<(Failure, &'static str)> {
    let tables = [
        general::all(),
        login::all(),
        mcp::all(),
        store::all(),
        config::all(),
        account::all(),
        serve::all(),
        service::all(),
        sandbox::all(),
        token::all(),
        credential::all(),
        exec::all(),
    ];
    of_the_daemon().into_iter().chain(tables.into_iter().flatten()).collect()
}

#[test]
fn every_message_of_the_command_line_is_in_the_docs() {
    let rows = all().into_iter().map(|(failure, cause)| {
        let reply = failure.reply();
        [reply.error_description.clone(), failure.exit().to_string(), cause.to_owned(), reply.hint.clone()]
    });
    keep_current("cli::message", &table(["message", "exit", "cause", "what to do"], rows));
}

#[test]
fn every_message_says_what_to_do() {
    for (failure, cause) in all() {
        let hint = &failure.reply().hint;
        assert!(hint.ends_with(['.', '?']) && hint.len() > "Try again.".len() && !cause.is_empty(), "{failure:?}");
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_command_has_a_message_of_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![root.join("cli.rs")];
    sources(&root.join("cli"), &mut files);
    let (mut outside, mut used) = (Vec::new(), BTreeSet::new());
    for file in files.iter().filter(|file| !file.components().any(|part| part.as_os_str() == "message")) {
        let text = std::fs::read_to_string(file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let makes_one = ["ErrorReply {", "Failure::new(", "Failure::usage(", "Failure::internal(", ".advise("];
            if makes_one.iter().any(|maker| line.contains(maker)) && !file.ends_with("cli/failure.rs") {
                outside.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
            used.extend(
                line.match_indices("message::")
                    .filter_map(|(at, found)| {
                        line.get(at + found.len()..)?.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
                    })
                    .map(str::to_owned),
            );
        }
    }
    assert!(outside.is_empty(), "a message belongs in a table of src/cli/message/: {outside:#?}");
    assert!(used.len() >= 50, "the test finds too few uses in the sources: {used:?}");
}
