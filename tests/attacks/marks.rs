//! Damaged high-water marks, and marks that can't be stored: no token is withheld for that.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use ringback::contract::AccountState;

use crate::disk::{folder, lead, pipe, put};
use crate::idp::Idp;
use crate::other_users::can_switch;
use crate::report::Report;
use crate::restored::{mark, refresh, two_accounts};
use crate::world::World;

const OTHER_UID: u32 = 4321;

/// Name, the damage to the mark, and whether a new mark can be written afterwards.
type Spoilt = (&'static str, fn(&Path), bool);

#[rustfmt::skip]
const SPOILT: &[Spoilt] = &[
    ("deleted", |p| std::fs::remove_file(p).unwrap(), true),
    ("garbage", |p| put(p, "garbage\n"), true),
    ("not text", |p| put(p, b"\xff\xfe\0"), true),
    ("empty", |p| put(p, ""), true),
    ("negative", |p| put(p, "-1\n"), true),
    ("more than there can be", |p| put(p, "18446744073709551615\n"), true),
    ("64 MiB", |p| put(p, vec![b'9'; 64 << 20]), true),
    ("readable by others", |p| open_to_others(p), true),
    ("a link", |p| lead(p, Path::new("/etc/hostname")), true),
    ("a pipe", |p| pipe(p, p), true),
    ("a folder", |p| folder(p, p), false),
    ("in a folder that is gone", |p| std::fs::remove_dir_all(p.parent().unwrap()).unwrap(), true),
    ("in a cache that is gone", |p| std::fs::remove_dir_all(cache(p).parent().unwrap()).unwrap(), true),
    ("in a cache that is a file", |p| file_for(cache(p)), false),
    ("in a cache that is a link", |p| link_for(cache(p)), false),
    ("in a cache that is open to others", |p| open_to_others(cache(p)), false),
    ("of another user", |p| _ = chown(p, Some(OTHER_UID), None), true),
    ("in a cache of another user", |p| chown(cache(p), Some(OTHER_UID), None).unwrap_or_else(|_| file_for(cache(p))), false),
];

fn cache(mark: &Path) -> &Path {
    mark.ancestors().nth(3).unwrap()
}

fn open_to_others(path: &Path) {
    set_permissions(path, Permissions::from_mode(0o777)).unwrap();
}

fn file_for(cache: &Path) {
    std::fs::remove_dir_all(cache).unwrap();
    put(cache, "");
}

fn link_for(cache: &Path) {
    std::fs::remove_dir_all(cache).unwrap();
    lead(cache, Path::new("/tmp"));
}

#[test]
fn a_missing_or_damaged_mark_withholds_no_token() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    let mut report = Report::default();
    for (name, spoil, mended) in SPOILT {
        report.row();
        refresh(&mut world);
        world.stop();
        let (path, logged) = (mark(&world), world.log().len());
        let cache = world.root().join(".cache");
        spoil(&path);
        world.run();
        refresh(&mut world);
        refresh_again(&mut world);
        let view = world.account("work");
        report.expect(name, view.state == AccountState::Active && view.last_error.is_none(), &view);
        let written = std::fs::read_to_string(&path).is_ok_and(|text| text == format!("{}\n", view.generation));
        report.expect(name, written == *mended, &path);
        let said = world.log()[logged..].to_owned();
        let warned = said.matches("the high-water mark can't be stored").count();
        // One warning in each of the two runs.
        let expected = if *mended { 0 } else { 2 };
        report.expect(name, warned == expected && !said.contains("panicked"), &said);
        let told = world.cli(&["doctor", "--offline"]).1;
        report.expect(name, *mended || name == &"a folder" || told.contains("would not be detected"), &told);
        // Undo the damage.
        world.stop();
        let _ = std::fs::remove_dir_all(&cache);
        world.run();
    }
    assert_eq!(idp.reuses(), 0);
    report.end();
}

/// The minimum pause between forced refreshes applies within one run of the daemon.
fn refresh_again(world: &mut World) {
    world.restart();
    refresh(world);
}

#[test]
fn a_read_only_cache_withholds_no_token() {
    // Only root can mount a file system.
    if !can_switch() {
        return;
    }
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    world.stop();
    let cache = world.root().join(".cache");
    let script =
        format!("mount --bind -o ro '{0}' '{0}' && mount -o remount,bind,ro '{0}' && exec \"$@\"", cache.display());
    world.through =
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", &script, "sh"].map(str::to_owned).into();
    let before = std::fs::read(mark(&world)).unwrap();
    world.run();
    refresh(&mut world);
    refresh_again(&mut world);
    assert!(world.log().contains("the high-water mark can't be stored"), "{}", world.log());
    assert_eq!(world.account("work").state, AccountState::Active);
    assert_eq!(std::fs::read(mark(&world)).unwrap(), before);
}
