//! Finding the config, and refusing files that other users can change.
#![allow(clippy::disallowed_methods, reason = "files of a test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn env(flag: &str, own: &str, xdg: &str, home: &str) -> ConfigEnv {
    let text = |text: &str| Some(OsString::from(text));
    let flag = (!flag.is_empty()).then(|| PathBuf::from(flag));
    ConfigEnv { flag, ringback_config: text(own), xdg_config_home: text(xdg), home: text(home) }
}

#[test]
fn the_path_comes_from_the_first_source_that_is_set() {
    for ((flag, own, xdg, home), path) in [
        (("f", "/o", "/x", "/h"), "f"),
        (("", "/o", "/x", "/h"), "/o"),
        (("", "", "/x", "/h"), "/x/ringback/config.toml"),
        (("", "", "x", "/h"), "/h/.config/ringback/config.toml"),
        (("", "", "", "/h"), "/h/.config/ringback/config.toml"),
    ] {
        assert_eq!(default_path(&env(flag, own, xdg, home)), Ok(path.into()));
    }
    assert_eq!(default_path(&env("", "", "", "h")), Err(ConfigFileError::Nowhere));
}

#[test]
fn the_error_for_a_missing_file_gives_its_path() {
    let error = load(&env("", "", "/nowhere", "/h")).unwrap_err().to_string();
    assert_eq!(error, "there is no config file /nowhere/ringback/config.toml (named by XDG_CONFIG_HOME)");
}

#[test]
fn unsafe_or_unreadable_config_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, "a").unwrap();
    let privacy = |mode| {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        read(&path).map(|(_, privacy)| privacy).map_err(|error| error.to_string())
    };
    assert_eq!(privacy(0o600), Ok(FilePrivacy::Private));
    assert_eq!(privacy(0o640), Ok(FilePrivacy::Exposed { mode: 0o640 }));
    assert!(privacy(0o602).unwrap_err().contains("everybody can change it (mode 0602)"));
    assert!(read(folder.path()).unwrap_err().to_string().contains("not a regular file"));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, b"ab\xffsecret").unwrap();
    assert!(read(&path).unwrap_err().to_string().ends_with("it is not UTF-8 (byte 2)"));
    fs::write(&path, vec![b'#'; 16 * 1024 * 1024 + 1]).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("larger than"));
}

#[test]
fn a_byte_order_mark_is_ignored_and_shifts_no_position() {
    const BOM: &str = "\u{feff}";
    let folder = tempfile::tempdir().unwrap();
    let (config, presets) = (folder.path().join("c.toml"), folder.path().join("providers"));
    let put = |path: &Path, text: &str| {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    };
    fs::create_dir(&presets).unwrap();
    let account = "[accounts.a]\nprovider = \"p\"\nclient_id = \"i\"\nclient_secret = \"s\"\n";
    put(&config, &format!("{BOM}{account}"));
    put(&presets.join("p.toml"), &format!("{BOM}authorize_url = \"https://h/a\"\ntoken_url = \"https://h/t\"\n"));
    let env = env(config.to_str().unwrap(), "", "", "/h");
    assert_eq!(load(&env).unwrap().accounts.len(), 1);
    put(&config, &format!("{BOM}lisen = 1\n{account}"));
    put(&presets.join("p.toml"), &format!("{BOM}labl = 1\ntoken_url = \"https://h/t\"\n"));
    let mistakes = load(&env).unwrap_err().to_string();
    assert!(mistakes.contains("c.toml:1:1: lisen") && mistakes.contains("p.toml:1:1: labl"), "{mistakes}");
}

#[test]
fn presets_are_read_from_beside_the_config_unless_others_can_change_them() {
    let folder = tempfile::tempdir().unwrap();
    let (config, presets) = (folder.path().join("c.toml"), folder.path().join("providers"));
    let account =
        |name: &str| format!("[accounts.{name}]\nprovider = \"{name}\"\nclient_id = \"i\"\nclient_secret = \"s\"\n");
    fs::write(&config, account("good") + &account("bad")).unwrap();
    fs::set_permissions(&config, Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(&presets).unwrap();
    let put = |file: &str, mode| {
        let path = presets.join(file);
        fs::write(&path, "authorize_url = \"https://h/a\"\ntoken_url = \"https://h/t\"\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    };
    put("good.toml", 0o644);
    put("bad.toml", 0o646);
    put("notes.txt", 0o666);
    put(".#good.toml", 0o666);
    fs::create_dir(presets.join("folder.toml")).unwrap();
    let env = env(config.to_str().unwrap(), "", "", "/h");
    let works = || load_what_works(&env).unwrap();
    let (found, mistakes) = works();
    assert_eq!(found.accounts.keys().collect::<Vec<_>>(), ["good"]);
    assert!(found.broken["bad"].contains("bad.toml:1:1: can't be used: everybody can change it (mode 0646)"));
    let told = mistakes.to_string();
    assert!(told.contains("folder.toml:1:1: can't be used: it is not a regular file"), "{told}");
    assert_eq!(mistakes.iter().count(), 2, "{told}");
    assert!(matches!(load(&env), Err(ConfigFileError::Mistakes(_))));
    fs::set_permissions(&presets, Permissions::from_mode(0o707)).unwrap();
    let (found, _) = works();
    assert!(found.accounts.is_empty() && found.broken["good"].contains("everybody can change the folder"));
}
