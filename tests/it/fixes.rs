//! `--fix` of `config check` and `doctor`: what is certain is shown, asked about and done, and nothing else.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::{Value, json};

use crate::terminal::AtTerminal;
use crate::world::{SECRET, World, mode, told};

/// Sound, with comments.
const SOUND: &str = "# mine\n\n[listen]\ntcp = [\"127.0.0.1:0\"] # any\n\n[providers.p]\npreset = \"generic\"\n\
     authorize_url = \"https://id.example/a\"\ntoken_url = \"https://id.example/t\"\n\n\
     # for work\n[accounts.work]\nprovider = \"p\"\nredirect_uri = \"http://127.0.0.1:7464/cb\"\n\
     client_id = \"c\"\nclient_secret = \"SECRET~canary\"\n";
const SCOPE: &str = "# what the list needs\nscope = [\"a\",  'b'] # both\n";

/// With a key of the account in the section of its provider.
fn misplaced() -> String {
    SOUND.replace("\n# for work", &format!("{SCOPE}\n# for work"))
}

fn put_right() -> String {
    format!("{SOUND}{SCOPE}")
}

fn text(world: &World) -> String {
    std::fs::read_to_string(world.config_file()).unwrap()
}

fn set(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs it; nothing that it prints has a secret in it.
fn cli(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let (code, out, said) = world.cli(arguments);
    assert!(!out.contains("canary") && !said.contains("canary"), "{out}{said}");
    (code, out, said)
}

const CHECK: [&str; 3] = ["config", "check", "--fix"];
const NOW: [&str; 4] = ["config", "check", "--fix", "--yes"];

fn states(out: &str) -> Vec<(String, String)> {
    let reply: Value = serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"));
    let word = |fix: &Value, name: &str| fix[name].as_str().unwrap().to_owned();
    reply["fixes"].as_array().unwrap().iter().map(|fix| (word(fix, "state"), word(fix, "what"))).collect()
}

#[test]
fn without_a_terminal_nothing_is_changed() {
    let world = World::with_config(&misplaced());
    let (code, out, said) = cli(&world, &CHECK);
    assert_eq!((code, out.as_str(), text(&world)), (11, "", misplaced()), "{said}");
    let told = "-scope = [\"a\",  'b'] # both\n";
    assert!(said.contains(told) && said.contains(&told.replacen('-', "+", 1)), "{said}");
    assert!(said.contains("error: nothing was changed: there is no terminal to ask at\nhint: Add `--yes`"), "{said}");
    let (code, out, said) = cli(&world, &[&CHECK[..], &["--json"]].concat());
    let what = format!("{}: move `providers.p.scope` to `accounts.work.scope`", world.config_file().display());
    assert_eq!((code, states(&out)), (11, vec![("possible".into(), what)]), "{said}");
    assert_eq!(text(&world), misplaced());
    // Without `--fix`, it is only told.
    let (code, _, said) = cli(&world, &["config", "check"]);
    assert!(code == 2 && said.contains("One thing can be fixed for certain: `ringback config check --fix`"), "{said}");
    let (code, _, said) = cli(&world, &["config", "check", "--yes"]);
    assert!(code == 2 && said.contains("--fix"), "{said}");
}

#[test]
fn at_a_terminal_it_asks_first() {
    let mut world = World::with_config(SOUND);
    world.run();
    world.configure(&misplaced());
    for (answer, code, after) in [("n\n", 2, misplaced()), ("\n", 2, misplaced()), ("y\n", 0, put_right())] {
        let mut terminal = AtTerminal::run(world.shell("\"$0\" config check --fix"));
        terminal.until_shown("Apply? [y/N]");
        assert_eq!(text(&world), misplaced(), "not before the answer");
        terminal.type_line(answer);
        assert_eq!(terminal.end(), Some(code), "{}", terminal.screen());
        assert_eq!(text(&world), after, "{}", terminal.screen());
        let screen =
            terminal.until_shown(if code == 0 { "The daemon has read the config." } else { "Nothing was changed." });
        assert!(!screen.contains("canary"), "{screen}");
    }
    assert_eq!(mode(&world.config_file()), 0o600);
    assert_eq!(world.account("work").account, "work");
}

#[test]
fn a_file_that_changes_meanwhile_is_left_alone() {
    let world = World::with_config(&misplaced());
    let other = format!("{}# another\n", misplaced());
    let mut terminal = AtTerminal::run(world.shell("\"$0\" config check --fix"));
    terminal.until_shown("Apply? [y/N]");
    world.configure(&other);
    terminal.type_line("y\n");
    assert_eq!(terminal.end(), Some(2), "{}", terminal.screen());
    terminal.until_shown("was changed by another program meanwhile");
    assert_eq!(text(&world), other);
}

#[test]
fn what_is_certain_is_fixed_and_the_rest_stays() {
    let typo = |text: &str| text.replace("client_id", "client_di");
    let wrong = SOUND.replace("[listen]", "wait = \"long\"\n\n[listen]");
    let top = SOUND.replace("[listen]", "min_ttl = 7 # s\n\n[listen]");
    let two = SOUND.replace("[listen]", "scope = \"x\"\nmin_ttl = 7\n\n[listen]");
    let again =
        format!("{SOUND}\n[accounts.home]\nprovider = \"p\"\nclient_id = \"d\"\nclient_secret_command = [\"x\"]\n");
    for (name, before, code, after) in [
        ("nothing", SOUND.to_owned(), 0, SOUND.to_owned()),
        ("a typo", typo(SOUND), 2, typo(SOUND)),
        ("a typo beside it", typo(&misplaced()), 2, typo(&put_right())),
        ("it would be another mistake there", wrong.clone(), 2, wrong),
        (
            "into a new section",
            top,
            0,
            format!("{SOUND}\n[serve]\nmin_ttl = 7 # s\n").replace("# mine\n\n", "# mine\n\n\n"),
        ),
        (
            "two",
            two,
            0,
            format!("{SOUND}scope = \"x\"\n\n[serve]\nmin_ttl = 7\n").replace("# mine\n\n", "# mine\n\n\n"),
        ),
        ("two places are possible", format!("scope = \"x\"\n{again}"), 2, format!("scope = \"x\"\n{again}")),
    ] {
        let world = World::with_config(&before);
        let (found, _, said) = cli(&world, &NOW);
        assert_eq!(text(&world), after, "{name}: {said}");
        assert_eq!(found, code, "{name}: {said}");
        assert_eq!(said.contains("There is nothing that can be fixed"), before == after, "{name}: {said}");
        let (found, out, _) = cli(&world, &[&NOW[..], &["--json"]].concat());
        assert_eq!((found, states(&out)), (code, vec![]), "{name}: nothing is left to do");
    }
}

#[test]
fn files_with_secrets_are_closed_but_not_through_links() {
    let named =
        |file: &str| SOUND.replace("client_secret = \"SECRET~canary\"", &format!("client_secret_file = \"{file}\""));
    let world = World::with_config(&named("secret"));
    let folder = world.config_file().parent().unwrap().to_owned();
    let (secret, link) = (folder.join("secret"), folder.join("link"));
    std::fs::write(&secret, SECRET).unwrap();
    set(&secret, 0o640);
    let (code, out, said) = cli(&world, &[&NOW[..], &["--json"]].concat());
    let what = format!("mode of {}: 0640 -> 0600", secret.display());
    assert_eq!((code, states(&out)), (0, vec![("done".into(), what)]), "{said}");
    assert_eq!(mode(&secret), 0o600);

    set(&secret, 0o644);
    symlink(&secret, &link).unwrap();
    world.configure(&named("link"));
    let (code, _, said) = cli(&world, &NOW);
    assert!(code == 2 && said.contains("others can read or change it"), "{said}");
    assert_eq!(mode(&secret), 0o644, "what the link leads to stays");

    // A secret in the config itself: the file is replaced by one that is closed, if there is more to change or not.
    for (before, after) in [(SOUND.to_owned(), SOUND.to_owned()), (misplaced(), put_right())] {
        world.configure(&before);
        set(&world.config_file(), 0o644);
        let (code, _, said) = cli(&world, &NOW);
        assert!(code == 0 && said.contains("config.toml: 0644 -> 0600"), "{said}");
        assert_eq!((text(&world), mode(&world.config_file())), (after, 0o600));
    }

    // Everybody could have changed this one, so no command reads it.
    world.configure(&misplaced());
    set(&world.config_file(), 0o666);
    let (code, _, said) = cli(&world, &["account", "list"]);
    assert!(code == 2 && said.contains("`ringback config check --fix` closes it. Look through it"), "{said}");
    let (code, _, said) = cli(&world, &NOW);
    assert!(code == 2 && said.contains("config.toml: 0666 -> 0600\nOthers could change"), "{said}");
    assert_eq!((text(&world), mode(&world.config_file())), (misplaced(), 0o600), "nothing else before somebody looks");
    assert_eq!((cli(&world, &NOW).0, text(&world)), (0, put_right()));
}

#[test]
fn a_config_that_is_not_to_be_replaced_is_shown_what_to_change() {
    let world = World::with_config(&misplaced());
    let elsewhere = world.root().join("elsewhere.toml");
    let tries = |why: &str| {
        for more in [&[][..], &["--yes"], &["--json"]] {
            let (code, out, said) = cli(&world, &[&CHECK[..], more].concat());
            assert!(code == 2 && said.contains(why) && said.contains("+scope = [\"a\",  'b'] # both\n"), "{said}");
            assert!(!out.contains("fixes") || states(&out)[0].0 == "failed", "{out}");
        }
        assert_eq!(text(&world), misplaced());
    };
    set(&world.config_file(), 0o400);
    tries("is read-only, so nothing was written");
    std::fs::rename(world.config_file(), &elsewhere).unwrap();
    set(&elsewhere, 0o600);
    symlink(&elsewhere, world.config_file()).unwrap();
    tries("is a symbolic link to");
}

/// The fixable findings of the doctor.
fn next_steps(out: &str) -> Vec<String> {
    let reply: Value = serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"));
    let findings = reply["findings"].as_array().unwrap().iter();
    let does_this = |finding: &&Value| {
        finding["fix"].as_str().is_some_and(|fix| fix.ends_with("`ringback doctor --fix` does this."))
    };
    findings.filter(does_this).map(|finding| finding["what"].as_str().unwrap().to_owned()).collect()
}

const DOCTOR: [&str; 4] = ["doctor", "--offline", "--fix", "--json"];

#[test]
fn the_doctor_closes_folders_and_files_and_looks_again() {
    let mut world = World::with_config(&misplaced());
    world.configure(SOUND);
    world.run();
    world.stop();
    world.configure(&misplaced());
    let (state, runtime, key) = (world.state(), world.runtime(), world.state().join("app.key"));
    let (notes, certificate) = (state.join("notes.txt"), state.join("callback.pem"));
    std::fs::write(&notes, "").unwrap();
    std::fs::write(&certificate, "").unwrap();
    for (path, mode) in [(&state, 0o755), (&runtime, 0o750), (&key, 0o644), (&certificate, 0o644), (&notes, 0o644)] {
        set(path, mode);
    }
    let modes = || [&state, &runtime, &key, &certificate, &notes].map(|path| mode(path));
    let (code, out, said) = cli(&world, &DOCTOR);
    assert_eq!((code, next_steps(&out).len()), (11, 3), "what is in the folder shows once that is open: {out}{said}");
    assert_eq!((modes(), text(&world)), ([0o755, 0o750, 0o644, 0o644, 0o644], misplaced()));

    let (code, out, said) = cli(&world, &[&DOCTOR[..], &["--yes"]].concat());
    // No daemon runs.
    assert_eq!((code, next_steps(&out)), (1, vec![]), "{out}{said}");
    let done: Vec<String> = states(&out).into_iter().map(|(state, what)| format!("{state}: {what}")).collect();
    let expected = [
        format!("done: mode of {}: 0755 -> 0700", state.display()),
        format!("done: mode of {}: 0750 -> 0700", runtime.display()),
        format!("done: {}: move `providers.p.scope` to `accounts.work.scope`", world.config_file().display()),
        format!("done: mode of {}: 0644 -> 0600", key.display()),
        format!("done: mode of {}: 0644 -> 0600", certificate.display()),
    ];
    assert!(done.len() == 5 && expected.iter().all(|line| done.contains(line)), "{done:#?}");
    assert_eq!((modes(), text(&world)), ([0o700, 0o700, 0o600, 0o600, 0o644], put_right()), "its own files only");
    world.run();
    let (code, out, _) = cli(&world, &[&DOCTOR[..], &["--yes"]].concat());
    assert_eq!((code, states(&out)), (1, vec![]), "nobody has logged in");
}

#[test]
fn the_doctor_asks_at_a_terminal_and_says_what_is_true_afterwards() {
    let world = World::with_config(SOUND);
    std::fs::create_dir(world.state()).unwrap();
    set(&world.state(), 0o755);
    for (answer, shown, left) in [("n\n", "FIX   state folder", 0o755), ("y\n", "ok    state folder", 0o700)] {
        let report = world.root().join("report");
        let mut terminal = AtTerminal::run(world.shell("\"$0\" doctor --offline --fix >\"$HOME/report\""));
        terminal.until_shown("Apply? [y/N]");
        terminal.type_line(answer);
        assert_eq!(terminal.end(), Some(1), "no daemon runs: {}", terminal.screen());
        let report = std::fs::read_to_string(report).unwrap();
        assert!(report.contains(shown) && mode(&world.state()) == left, "{report}");
    }
}

#[test]
fn a_folder_that_others_may_use_is_not_closed() {
    let world = World::with_config("");
    let shared = world.root().join("home");
    std::fs::create_dir(&shared).unwrap();
    std::fs::write(shared.join("photo"), "").unwrap();
    set(&shared, 0o755);
    set(world.root(), 0o755);
    world.configure(&format!("{SOUND}[store]\nfolder = \"{}\"\n", shared.display()));
    let (code, out, said) = cli(&world, &[&DOCTOR[..], &["--yes"]].concat());
    assert_eq!((code, states(&out), mode(&shared)), (1, vec![], 0o755), "{out}{said}");
    assert!(out.contains("is open to others"), "{out}");
}

/// A `systemctl` for which ringback.service runs, that notes its arguments, and for which these units are enabled and
/// disabled.
fn systemctl(world: &World, service: &str, socket: &str) -> String {
    let folder = world.root().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>{}\ncase \"$*\" in\n\
         *UnitFileState\\ ringback.service) echo {service} ;;\n*UnitFileState\\ ringback.socket) echo {socket} ;;\n\
         *ActiveState*) echo active ;;\nesac\n",
        world.root().join("asked").display()
    );
    std::fs::write(folder.join("systemctl"), script).unwrap();
    set(&folder.join("systemctl"), 0o755);
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

#[test]
fn outdated_units_are_installed_again() {
    let world = World::with_config(SOUND);
    let path = systemctl(&world, "enabled", "''");
    let unit = world.root().join("config/systemd/user/ringback.service");
    let run = |arguments: &[&str]| told(world.command(arguments).env("PATH", &path).output().unwrap());
    let (code, _, said) = run(&["service", "install", "--no-start"]);
    assert_eq!(code, 0, "{said}");
    let current = std::fs::read_to_string(&unit).unwrap();
    let program = env!("CARGO_BIN_EXE_ringback");
    let doctor = [&DOCTOR[..], &["--yes"]].concat();
    let installed =
        format!("write {} again and restart the daemon, as `ringback service install` does", unit.display());
    for (name, text, is_fixed) in [
        ("the same", current.clone(), false),
        ("of another version", current.replace("UMask=0077\n", ""), true),
        ("its program is gone", current.replace(program, "/nonexistent/ringback"), true),
        ("of another program", current.replace(program, "/bin/sh"), false),
        ("of another config", current.replace(" serve ", " serve --config \"/c\" "), false),
        ("of somebody else", current.replace("# Written by", "# Copied from"), false),
    ] {
        std::fs::write(&unit, &text).unwrap();
        let _ = std::fs::remove_file(world.root().join("asked"));
        let (_, out, said) = run(&doctor);
        let done = if is_fixed { vec![("done".to_owned(), installed.clone())] } else { vec![] };
        assert_eq!(states(&out), done, "{name}: {out}{said}");
        assert_eq!(std::fs::read_to_string(&unit).unwrap(), if is_fixed { current.clone() } else { text }, "{name}");
        let asked = std::fs::read_to_string(world.root().join("asked")).unwrap();
        assert_eq!(asked.contains("--user restart ringback.service"), is_fixed, "{name}: {asked}");
    }
    std::fs::write(&unit, current.replace(program, "/nonexistent/ringback")).unwrap();
    let (code, out, said) = run(&DOCTOR);
    assert!(code == 11 && next_steps(&out).len() == 1, "{out}{said}");
    let reply: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(reply["fixes"], json!([{ "what": installed, "state": "possible" }]));
}

#[test]
fn a_service_that_somebody_disabled_for_its_socket_stays_disabled() {
    let world = World::with_config(SOUND);
    let path = systemctl(&world, "disabled", "enabled");
    let run = |arguments: &[&str]| told(world.command(arguments).env("PATH", &path).output().unwrap());
    assert_eq!(run(&["service", "install", "--no-start", "--socket"]).0, 0);
    let unit = world.root().join("config/systemd/user/ringback.service");
    let older = std::fs::read_to_string(&unit).unwrap().replace("UMask=0077\n", "");
    for arguments in [&[&DOCTOR[..], &["--yes"]].concat()[..], &["service", "install"]] {
        std::fs::write(&unit, &older).unwrap();
        _ = std::fs::remove_file(world.root().join("asked"));
        let (_, _, said) = run(arguments);
        let asked = std::fs::read_to_string(world.root().join("asked")).unwrap();
        assert!(asked.contains("--user try-restart ringback.service"), "{asked}{said}");
        assert!(!asked.contains("enable"), "{asked}");
        assert!(said.contains("The daemon starts at the first request"), "{said}");
    }
}
