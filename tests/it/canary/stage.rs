//! The world with its canaries: accounts, files, programs, environment.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::idp::Idp;
use crate::world::{World, provider};

// The values have characters that each encoding escapes differently.
pub(super) const INLINE: &str = "INLINE%canary&1/é";
pub(super) const FILED: &str = "FILED~canary+2 x";
pub(super) const COMMANDED: &str = "COMMANDED~canary<3>";
pub(super) const PASSWORD: &str = "PASSWORD~canary'4'";
pub(super) const IMPORTED: &str = "IMPORTED~canary";
pub(super) const WRONG_KEY: &str = "rbk_WRONG~canary";
pub(super) const WRONG_STATE: &str = "STATE~canary-wrong";
pub(super) const ENVIRONMENT: &str = "ENVIRONMENT~canary";
pub(super) const MASTER_KEY: [u8; 32] = *b"MASTER canary of 32 bytes, raw..";

pub(super) fn master_key_as_text() -> String {
    ringback::store::key::MasterKey::from_bytes(MASTER_KEY).to_hex().to_string()
}

/// One account for each source of a secret; every program that the daemon starts records its input.
fn config(idp: &Idp, root: &Path) -> String {
    let recorder = |name: &str, secret: &str| {
        let folder = root.join("children");
        let secret = if secret == "-" {
            secret.to_owned()
        } else {
            root.join("config/ringback").join(secret).display().to_string()
        };
        format!("[\"/bin/sh\", \"{0}/record\", \"{0}/{name}\", \"{secret}\"]", folder.display())
    };
    let account = |name: &str, provider: &str, secret: &str| {
        format!(
            "[accounts.{name}]\nprovider = \"{provider}\"\nclient_id = \"the client\"\n{secret}\nhook = {}\n",
            recorder("hook", "-")
        )
    };
    [
        "default_account = \"inline\"".to_owned(),
        format!("[store]\nkey = \"command\"\nkey_command = {}", recorder("key", "master")),
        provider("form", idp, "/token", ""),
        provider("json", idp, "/token", "body = \"json\"\nclient_auth = \"post\""),
        provider("query", idp, "/token", "body = \"query\"\nclient_auth = \"post\""),
        account("inline", "form", &format!("client_secret = \"{INLINE}\"")),
        account("filed", "json", "client_secret_file = \"filed\""),
        account("commanded", "query", &format!("client_secret_command = {}", recorder("command", "commanded"))),
        account(
            "typed",
            "form",
            &format!(
                "client_secret = \"{INLINE}\"\ngrant = \"password\"\nusername = \"me\"\npassword_file = \"password\""
            ),
        ),
    ]
    .join("\n")
}

pub(super) const ACCOUNTS: [&str; 4] = ["inline", "filed", "commanded", "typed"];

/// Records its environment and arguments, and prints the file that it is given, if any.
const RECORD: &str = "cat /proc/$$/environ >>\"$1\"; cat /proc/$$/cmdline >>\"$1\"; [ \"$2\" = - ] || cat \"$2\"\n";

pub(super) fn world(idp: &Idp, format: &str) -> World {
    let mut world = World::with_config("");
    let root = world.root().to_owned();
    let put = |name: &str, mode: u32, text: &str| {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(mode).open(root.join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    std::fs::create_dir(root.join("children")).unwrap();
    std::fs::create_dir(root.join("bin")).unwrap();
    put("children/record", 0o600, RECORD);
    // The launcher succeeds the first time, then fails.
    let children = root.join("children");
    let opener = format!("[ ! -e {0}/opened ] || exit 3; >{0}/opened; . {0}/record {0}/browser -", children.display());
    put(
        "bin/xdg-open",
        0o700,
        &format!("#!/bin/sh\nurl=$1; set -- {}/browser -\n{opener}\necho \"$url\" >>\"$1\"\n", children.display()),
    );
    put("config/ringback/filed", 0o600, FILED);
    put("config/ringback/commanded", 0o600, COMMANDED);
    put("config/ringback/password", 0o600, PASSWORD);
    put("config/ringback/master", 0o600, &master_key_as_text());
    std::os::unix::fs::symlink("/bin/cat", root.join("bin/cat")).unwrap();
    world.configure(&config(idp, &root));
    let path = format!("PATH={}", root.join("bin").display());
    let surroundings =
        [&path, "DISPLAY=:99", "RINGBACK_SECRET=", "CREDENTIALS_DIRECTORY=", "LISTEN_FDNAMES=", "CLIENT_SECRET="];
    world.through = vec!["/usr/bin/env".into()];
    world.through.extend(
        surroundings
            .iter()
            .map(|pair| if pair.ends_with('=') { format!("{pair}{ENVIRONMENT}") } else { (*pair).to_owned() }),
    );
    world.arguments = ["--log", "trace", "--log-format", format].map(str::to_owned).to_vec();
    world
}
