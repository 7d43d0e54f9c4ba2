//! Owners, modes and links of files and folders that the daemon finds at its start or creates. Each row is a state of
//! the disk and the reaction of `ringback serve`.

use std::fs::{Permissions, hard_link, rename, set_permissions};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use crate::idp::Idp;
use crate::world::{World, account, mode, names, provider};

/// A change to one path after all files have been created.
#[derive(Debug, Clone, Copy)]
enum Spoil {
    Mode(u32),
    /// Owned by another user; for tests that run as root.
    Owner,
    /// Owned and writable by a group with other members.
    Group,
    /// Moved aside and replaced by a symbolic link.
    Link,
    /// With a second hard link.
    HardLink,
    Fifo,
}

const OTHER_UID: u32 = 4321;

use Spoil::{Fifo, Group, HardLink, Link, Mode, Owner};

/// Path, change, exit code (0: it starts), and a part of the message.
const TABLE: &[(&str, Spoil, i32, &str)] = &[
    ("state/ringback", Mode(0o750), 9, "chmod 700"),
    ("state/ringback", Mode(0o701), 9, "chmod 700"),
    ("state/ringback", Owner, 9, "belongs to user 4321"),
    ("state/ringback", Link, 9, "is a symlink or a file"),
    ("state/ringback", Fifo, 9, "is a symlink or a file"),
    ("state", Mode(0o777), 9, "who could replace its content"),
    ("state", Mode(0o1777), 0, ""),
    ("state", Owner, 9, "belongs to user 4321, who could replace its content"),
    ("state", Group, 9, "who could replace its content"),
    ("state", Link, 0, ""),
    ("state/ringback/accounts", Mode(0o755), 9, "chmod 700"),
    ("state/ringback/accounts", Link, 9, "is a symlink or a file"),
    ("state/ringback/app.key", Mode(0o640), 9, "chmod 600"),
    ("state/ringback/app.key", Owner, 9, "belongs to user 4321"),
    ("state/ringback/app.key", Link, 9, "is a symlink"),
    ("state/ringback/app.key", HardLink, 9, "has a second name"),
    ("state/ringback/app.key", Fifo, 9, "is not a regular file"),
    ("state/ringback/master.key", Mode(0o604), 9, "chmod 600"),
    ("state/ringback/master.key", Owner, 9, "belongs to user 4321"),
    ("state/ringback/master.key", Link, 9, "is a symlink"),
    ("state/ringback/master.key", HardLink, 9, "has a second name"),
    ("state/ringback/lock", Mode(0o666), 9, "chmod 600"),
    ("state/ringback/lock", Link, 9, "is a symlink"),
    ("state/ringback/lock", HardLink, 9, "has a second name"),
    ("state/ringback/lock", Fifo, 9, "is not a regular file"),
    ("run/ringback", Mode(0o711), 1, "chmod 700"),
    ("run/ringback", Owner, 1, "belongs to user 4321"),
    ("run/ringback", Link, 1, "is a symlink or a file"),
    ("run", Mode(0o777), 1, "who could replace its content"),
    ("config/ringback/config.toml", Mode(0o644), 0, "stands in a file that others can read (mode 0644)"),
    ("config/ringback/config.toml", Mode(0o602), 2, "everybody can change it"),
    ("config/ringback/config.toml", Owner, 2, "belongs to uid 4321, who can change it"),
    ("config/ringback/config.toml", Group, 2, "the group 4321 can change it"),
    ("config/ringback/config.toml", Link, 0, ""),
    ("config/ringback/config.toml", Fifo, 2, "not a regular file"),
    ("config/ringback", Mode(0o777), 2, "who could replace its content"),
    ("config/ringback", Owner, 2, "belongs to user 4321, who could replace its content"),
    ("config", Group, 2, "who could replace its content"),
    ("config/ringback/secret", Mode(0o640), 0, ""),
    ("config/ringback/providers", Mode(0o777), 0, "everybody can change the folder"),
    ("config/ringback/providers", Group, 0, "the group 4321 can change the folder"),
    ("config/ringback/providers/mine.toml", Mode(0o666), 0, "everybody can change it"),
    ("config/ringback/providers/mine.toml", Owner, 0, "belongs to uid 4321, who can change it"),
];

fn spoil(path: &Path, how: Spoil) {
    let aside = PathBuf::from(format!("{}.aside", path.display()));
    match how {
        Mode(mode) => set_permissions(path, Permissions::from_mode(mode)).unwrap(),
        Owner => chown(path, Some(OTHER_UID), None).unwrap(),
        Group => {
            chown(path, None, Some(OTHER_UID)).unwrap();
            set_permissions(path, Permissions::from_mode(mode(path) | 0o020)).unwrap();
        }
        Link => {
            rename(path, &aside).unwrap();
            symlink(&aside, path).unwrap();
        }
        HardLink => hard_link(path, &aside).unwrap(),
        Fifo => {
            rename(path, &aside).unwrap();
            let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
            rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
        }
    }
}

/// A stopped world with all files that the daemon creates or reads.
fn furnished(idp: &Idp) -> World {
    let filed = "[accounts.filed]\nprovider = \"mine\"\nclient_id = \"i\"\nclient_secret_file = \"secret\"\n";
    let config = [provider("idp", idp, "/token", ""), account("work", "idp", ""), filed.into()].concat();
    let mut world = World::with_config(&config);
    let folder = world.root().join("config/ringback");
    std::fs::create_dir(folder.join("providers")).unwrap();
    let url = idp.url("");
    let preset = format!("authorize_url = \"{url}/authorize\"\ntoken_url = \"{url}/token\"\n");
    for (name, text) in [("secret", "S~canary"), ("providers/mine.toml", &preset)] {
        std::fs::write(folder.join(name), text).unwrap();
        set_permissions(folder.join(name), Permissions::from_mode(0o600)).unwrap();
    }
    world.run();
    world.stop();
    world
}

#[test]
fn files_that_others_can_change_or_read_are_named_refused_and_left_alone() {
    let idp = Idp::start();
    let root = rustix::process::geteuid().is_root();
    for &(name, how, code, says) in TABLE {
        if !root && matches!(how, Owner | Group) {
            continue;
        }
        let mut world = furnished(&idp);
        let path = world.root().join(name);
        spoil(&path, how);
        let before = path.symlink_metadata().unwrap();
        if code == 0 {
            world.run();
            assert!(world.log().contains(says), "{name}, {how:?}: {}", world.log());
            world.stop();
        } else {
            let (ended, _, err) = world.cli(&["serve"]);
            assert_eq!(ended, code, "{name}, {how:?}: {err}");
            assert!(err.contains(says) && err.contains(path.to_str().unwrap()), "{name}, {how:?}: {err}");
            assert!(!err.contains("canary"), "{err}");
        }
        let after = path.symlink_metadata().unwrap();
        let seen = |meta: &std::fs::Metadata| (meta.mode(), meta.uid(), meta.gid(), meta.file_type().is_fifo());
        assert_eq!(seen(&after), seen(&before), "{name}, {how:?}: the daemon repaired it");
    }
}

#[test]
fn a_secret_file_that_others_can_read_is_reported_to_the_caller() {
    let idp = Idp::start();
    let mut world = furnished(&idp);
    for how in [Mode(0o640), Mode(0o602), Fifo] {
        let path = world.root().join("config/ringback/secret");
        spoil(&path, how);
        world.run();
        let (code, _, err) = world.cli(&["login", "filed", "--no-browser"]);
        assert!(code != 0 && err.contains(path.to_str().unwrap()) && !err.contains("canary"), "{how:?}: {code} {err}");
        world.stop();
    }
}

/// Every path below `folder`, with its mode.
fn modes(folder: &Path, found: &mut Vec<(PathBuf, u32)>) {
    for name in names(folder) {
        let path = folder.join(name);
        found.push((path.clone(), mode(&path)));
        if path.is_dir() {
            modes(&path, found);
        }
    }
}

#[test]
fn files_of_the_daemon_are_private_whatever_the_umask() {
    for umask in ["000", "027", "077", "177"] {
        let idp = Idp::start();
        let mut world = World::with_config(&[provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat());
        let script = format!("umask {umask}; exec \"$@\"");
        world.through = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
        world.run();
        world.log_in("work");
        let mut found = Vec::new();
        for folder in [world.state(), world.runtime()] {
            found.push((folder.clone(), mode(&folder)));
            modes(&folder, &mut found);
        }
        let names: Vec<&str> = found.iter().filter_map(|(path, _)| path.file_name()?.to_str()).collect();
        for made in ["accounts", "work.sealed", "app.key", "master.key", "lock", "endpoint.json", "ringback.sock"] {
            assert!(names.contains(&made), "{made} is not there: {names:?}");
        }
        for (path, mode) in found {
            let wanted = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, wanted, "umask {umask}: {} {mode:o}", path.display());
        }
        world.stop();
    }
}
