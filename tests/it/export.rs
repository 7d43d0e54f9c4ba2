//! `ringback export` and `import`: all accounts from one machine to another, in one encrypted file.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use age::secrecy::ExposeSecret as _;
use ringback::contract::AccountState;
use ringback::secret::Passphrase;
use ringback::store::envelope::{self, Addressee, EnvelopeKey};

use crate::idp::{Idp, Manner};
use crate::world::{World, account, mode, names, provider};

const PHRASE: &str = "correct horse battery";

fn config(idp: &Idp, accounts: &[&str]) -> String {
    let sections = accounts.iter().map(|name| account(name, "idp", ""));
    [provider("idp", idp, "/token", ""), sections.collect()].concat()
}

/// A world with these accounts logged in and its daemon stopped.
fn logged_in_and_stopped(idp: &Idp, accounts: &[&str]) -> World {
    let mut world = World::with_config(&config(idp, accounts));
    world.run();
    for name in accounts {
        world.log_in(name);
    }
    world.stop();
    world
}

/// Creates a private file.
fn private(world: &World, name: &str, text: &str) -> String {
    let path = world.root().join(name);
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn export(world: &World, more: &[&str]) -> (i32, String, String) {
    let (file, phrase) = (export_file(world), private(world, "phrase", PHRASE));
    let usual = ["export", file.to_str().unwrap(), "--passphrase-file", &phrase];
    world.cli(&[&usual[..], more].concat())
}

fn import(world: &World, file: &Path, more: &[&str]) -> (i32, String, String) {
    let phrase = private(world, "phrase", PHRASE);
    let usual = ["import", "--from", file.to_str().unwrap(), "--passphrase-file", &phrase];
    world.cli(&[&usual[..], more].concat())
}

fn export_file(world: &World) -> PathBuf {
    world.root().join("house.age")
}

/// Every file below `folder` that contains one of the provider's tokens in clear text.
fn files_with_tokens(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with_tokens(&path));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let holds = |token: &[u8]| bytes.windows(token.len()).any(|part| part == token);
            found.extend((holds(b"RT~canary") || holds(b"AT~canary")).then_some(path));
        }
    }
    found
}

/// An export file with this content.
fn forged(world: &World, plain: &str) -> PathBuf {
    let sealed = envelope::seal(plain.as_bytes(), &Addressee::Passphrase(Passphrase::new(PHRASE))).unwrap();
    let path = world.root().join("forged.age");
    std::fs::write(&path, sealed).unwrap();
    path
}

#[test]
fn exported_accounts_work_on_another_machine() {
    let idp = Idp::start();
    let old = logged_in_and_stopped(&idp, &["home", "work"]);
    let (code, out, said) = export(&old, &["--forget"]);
    assert!(
        code == 0 && out.is_empty() && said.contains("2 accounts are in ") && said.contains(": home, work."),
        "{said}"
    );
    let file = export_file(&old);
    assert!(!said.contains("canary") && mode(&file) == 0o600, "{said}");
    assert!(std::fs::read(&file).unwrap().starts_with(b"age-encryption.org/v1\n-> scrypt "));
    assert!(old.account_files().is_empty(), "deleted on the old machine");

    let mut new = World::with_config(&config(&idp, &["home", "work"]));
    let (code, _, said) = import(&new, &file, &[]);
    assert!(code == 0 && said.contains("home: imported\nwork: imported\n"), "{said}");
    new.run();
    for name in ["home", "work"] {
        let token = new.token(name);
        assert!(idp.honours(&token), "not revoked by the export");
        assert_eq!(new.post(&format!("/v1/accounts/{name}/refresh")).status, 200);
        assert!(idp.honours(&new.token(name)) && new.token(name) != token);
    }
    assert_eq!((idp.refreshes(), idp.reuses()), (2, 0), "the current refresh tokens were moved");

    let temp = |world: &World| names(world.root()).into_iter().filter(|name| name.starts_with(".ringback")).count();
    assert_eq!((temp(&old), temp(&new)), (0, 0));
    assert_eq!([files_with_tokens(old.root()), files_with_tokens(new.root())].concat(), Vec::<PathBuf>::new());
    for (world, event) in [(&old, "export"), (&new, "import")] {
        let (_, log, _) = world.cli(&["audit", "--json"]);
        let lines = log.lines().filter(|line| line.contains(&format!("\"event\":\"{event}\",\"result\":\"ok\"")));
        assert_eq!(lines.count(), 2, "{log}");
    }
}

/// The machine's generations are higher than those in the file, by export and logout or by refreshes since.
#[test]
fn accounts_imported_on_the_same_machine_work_at_once() {
    for (name, more, meanwhile, import_more) in [
        ("forgotten", &["--forget"][..], 0, &[][..]),
        ("still here", &[], 0, &["--replace"]),
        ("refreshed since", &[], 2, &["--replace"]),
    ] {
        let idp = Idp::with(Manner { grace: Some(Duration::from_secs(3600)), ..Manner::default() });
        let mut world = logged_in_and_stopped(&idp, &["work"]);
        assert_eq!(export(&world, more).0, 0, "{name}");
        for _ in 0..meanwhile {
            world.run();
            assert_eq!(world.post("/v1/accounts/work/refresh").status, 200, "{name}");
            world.stop();
        }
        let (code, _, said) = import(&world, &export_file(&world), import_more);
        assert!(code == 0 && said.contains("work: imported\n"), "{name}: {said}");
        for _ in 0..2 {
            world.run();
            assert_eq!(world.account("work").state, AccountState::Active, "{name}");
            assert_eq!(world.post("/v1/accounts/work/refresh").status, 200, "{name}");
            assert!(idp.honours(&world.token("work")), "{name}");
            world.stop();
        }
    }
}

#[test]
fn a_state_restored_after_export_and_forget_counts_as_restored_from_a_backup() {
    let idp = Idp::start();
    let mut world = logged_in_and_stopped(&idp, &["work"]);
    let sealed = std::fs::read(world.sealed("work")).unwrap();
    assert_eq!(export(&world, &["--forget"]).0, 0);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(world.sealed("work"));
    file.unwrap().write_all(&sealed).unwrap();
    world.run();
    assert_eq!(world.account("work").reason_code.as_deref(), Some("restored_from_backup"));
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 428);
    assert_eq!(idp.refreshes(), 0);
}

#[test]
fn accounts_kept_after_an_export_are_mentioned_and_still_work() {
    let idp = Idp::start();
    let mut old = logged_in_and_stopped(&idp, &["work"]);
    let (code, _, said) = export(&old, &[]);
    assert!(code == 0 && said.contains("1 account is in ") && said.contains("Run only one of the two"), "{said}");
    let (code, _, said) = export(&old, &[]);
    assert!(code == 2 && said.contains("already exists") && said.contains("Name another file"), "{said}");
    assert_eq!(export(&old, &["--force"]).0, 2, "an export file may be the only copy, so it is never overwritten");
    old.run();
    let before = std::fs::read(export_file(&old)).unwrap();
    let (another, phrase) = (old.root().join("another.age"), private(&old, "phrase", PHRASE));
    let (code, _, said) = old.cli(&["export", another.to_str().unwrap(), "--passphrase-file", &phrase]);
    assert!(code == 9 && said.contains("in use") && !another.exists(), "{said}");
    assert!(
        said.contains("Stop the daemon first (`systemctl --user stop ringback.socket ringback.service`)"),
        "{said}"
    );
    let (code, _, said) = import(&old, &export_file(&old), &["--replace"]);
    assert!(code == 9 && said.contains("in use"), "{said}");
    assert_eq!(std::fs::read(export_file(&old)).unwrap(), before);
    assert_eq!(old.account("work").state, AccountState::Active);
}

/// Makes writes to the audit log fail: the file is full, and a folder blocks the rotation.
fn jam_audit(world: &World) {
    let current = world.state().join("audit.jsonl");
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(current).unwrap();
    file.write_all(&vec![b'\n'; 1 << 20]).unwrap();
    std::fs::create_dir(world.state().join("audit.1.jsonl")).unwrap();
}

#[test]
fn without_an_audit_line_an_export_fails_and_an_import_warns() {
    let idp = Idp::start();
    let short = [config(&idp, &["home", "work"]), "[audit]\nmax_mib = 1\nkeep = 1\n".into()].concat();
    let old = logged_in_and_stopped(&idp, &["home", "work"]);
    old.configure(&short);
    let unjammed = std::fs::read(old.state().join("audit.jsonl")).unwrap();
    jam_audit(&old);
    let (code, _, said) = export(&old, &["--forget"]);
    assert!(code == 9 && said.contains("the audit log can't be written") && said.contains("audit.1.jsonl"), "{said}");
    assert!(said.contains("nothing was exported") && !export_file(&old).exists(), "{said}");
    assert_eq!(old.account_files(), ["home.sealed", "work.sealed"]);
    std::fs::write(old.state().join("audit.jsonl"), unjammed).unwrap();
    std::fs::remove_dir(old.state().join("audit.1.jsonl")).unwrap();
    assert_eq!(export(&old, &["--forget"]).0, 0);

    let new = logged_in_and_stopped(&idp, &[]);
    new.configure(&short);
    jam_audit(&new);
    let (code, _, said) = import(&new, &export_file(&old), &[]);
    assert!(
        code == 0 && said.contains("home: imported\nwarning: home has no line in the audit log: the audit log can't"),
        "{said}"
    );
    assert!(said.contains("work: imported\nwarning: work has no line in the audit log: the audit log can't"), "{said}");
    assert_eq!(new.account_files(), ["home.sealed", "work.sealed"]);
}

#[test]
fn an_unreadable_or_invalid_export_changes_nothing() {
    let idp = Idp::start();
    let old = logged_in_and_stopped(&idp, &["work"]);
    assert_eq!(export(&old, &[]).0, 0);
    let new = World::with_config(&config(&idp, &["work"]));
    let refused = |file: &Path, more: &[&str], says: &str| {
        let (code, out, said) = import(&new, file, more);
        assert!(code == 2 && out.is_empty() && said.contains(says) && said.contains("nothing was changed"), "{said}");
        assert!(!said.contains("canary"), "{said}");
        assert!(!new.state().exists(), "{says}");
    };
    let whole = std::fs::read(export_file(&old)).unwrap();
    let damaged = new.root().join("damaged.age");
    let (last, before) = whole.split_last().unwrap();
    let spoilt = [before.to_vec(), [before, &[last ^ 1]].concat()];
    for bytes in spoilt {
        std::fs::write(&damaged, bytes).unwrap();
        refused(&damaged, &[], "it is damaged");
    }
    std::fs::write(&damaged, b"hello").unwrap();
    refused(&damaged, &[], "it is not an age file");
    refused(&new.root().join("absent.age"), &[], "No such file");
    refused(&forged(&new, r#"{"ringback_export":2,"vaults":[]}"#), &[], "a newer version of ringback wrote it");
    refused(
        &forged(&new, r#"{"ringback_export":1,"accounts":[{"canary":1}]}"#),
        &[],
        "was not written by `ringback export`",
    );
    let identity = EnvelopeKey::Passphrase(Passphrase::new(PHRASE));
    let plain = String::from_utf8(envelope::open(&whole, &identity).unwrap().to_vec()).unwrap();
    let endless = plain.replacen(r#""generation":1,"#, r#""generation":18446744073709551615,"#, 1);
    assert_ne!(endless, plain);
    refused(&forged(&new, &endless), &[], "was not written by `ringback export`");

    let wrong = private(&new, "wrong", "correct horse batterz");
    let (code, _, said) =
        new.cli(&["import", "--from", export_file(&old).to_str().unwrap(), "--passphrase-file", &wrong]);
    assert!(code == 2 && said.contains("the passphrase is wrong") && !new.state().exists(), "{said}");
    let (code, _, said) = new.cli(&["import", "work", "--from", "house.age"]);
    assert!(code == 2 && said.contains("cannot be used with"), "{said}");
}

#[test]
fn a_logged_in_account_is_replaced_only_on_request() {
    let idp = Idp::start();
    let old = logged_in_and_stopped(&idp, &["home", "work"]);
    assert_eq!(export(&old, &[]).0, 0);
    let mut new = World::with_config(&config(&idp, &["home", "work"]));
    new.run();
    new.log_in("work");
    for _ in 0..3 {
        assert_eq!(new.post("/v1/accounts/work/refresh").status, 200);
    }
    let own = new.token("work");
    new.stop();
    let (code, _, said) = import(&new, &export_file(&old), &[]);
    assert!(code == 1 && said.contains("home: imported\nwork: skipped"), "{said}");
    assert!(said.contains("Keep the file"), "{said}");
    new.run();
    assert_eq!((new.token("work"), new.account("home").state), (own.clone(), AccountState::Active));
    new.stop();
    let (code, _, said) = import(&new, &export_file(&old), &["--replace"]);
    assert!(code == 0 && said.contains("work: imported\n"), "{said}");
    new.run();
    assert!(new.token("work") != own && idp.honours(&new.token("work")));
    assert_eq!(new.post("/v1/accounts/work/refresh").status, 200);
    assert_eq!(idp.reuses(), 0);
}

#[test]
fn accounts_missing_from_the_config_are_kept_until_it_names_them() {
    let idp = Idp::start();
    let old = logged_in_and_stopped(&idp, &["home", "work"]);
    assert_eq!(export(&old, &["--forget"]).0, 0);
    let other = config(&idp, &["work"]).replace("the client", "another client");
    let mut new = World::with_config(&other);
    let (code, _, said) = import(&new, &export_file(&old), &[]);
    assert!(
        code == 0 && said.contains("home: imported; its tokens are used once the config names the account"),
        "{said}"
    );
    assert!(said.contains("work: imported, but its tokens are for client `the client` of provider `idp`"), "{said}");
    new.run();
    assert_eq!(new.account("work").state, AccountState::NeedsLogin);
    new.stop();
    new.configure(&config(&idp, &["home", "work"]));
    new.run();
    assert!(idp.honours(&new.token("home")) && idp.honours(&new.token("work")));
}

#[test]
fn an_export_to_a_recipient_opens_with_its_identity() {
    let idp = Idp::start();
    let sealed_by_phrase = "[store]\nkey = \"passphrase\"\n";
    let mut old = World::with_config(&[&config(&idp, &["work"]), sealed_by_phrase].concat());
    old.run();
    let phrase = private(&old, "store-phrase", "the phrase of the old store\n");
    let mut unlock = old.command(&["unlock", "--passphrase-stdin"]);
    assert!(unlock.stdin(std::fs::File::open(&phrase).unwrap()).status().unwrap().success());
    old.log_in("work");
    old.stop();
    let identity = age::x25519::Identity::generate();
    let to = identity.to_public().to_string();
    let file = export_file(&old);
    let arguments = ["export", file.to_str().unwrap(), "--recipient", &to, "--store-passphrase-file", &phrase];
    let (code, _, said) = old.cli(&arguments);
    assert_eq!(code, 0, "{said}");

    let new = World::with_config(&[&config(&idp, &["work"]), sealed_by_phrase].concat());
    let (code, _, said) = import(&new, &file, &[]);
    assert!(code == 2 && said.contains("`--identity`"), "{said}");
    let key = private(&new, "key", &format!("# mine\n{}\n", identity.to_string().expose_secret()));
    let store = private(&new, "store-phrase", "the phrase of the new store");
    let arguments = ["import", "--from", file.to_str().unwrap(), "--identity", &key, "--store-passphrase-file", &store];
    let (code, _, said) = new.cli(&arguments);
    assert!(code == 0 && said.contains("work: imported"), "{said}");
    let opened = envelope::open(
        &std::fs::read(&file).unwrap(),
        &EnvelopeKey::Identities(envelope::identities(identity.to_string().expose_secret()).unwrap()),
    )
    .unwrap();
    assert!(opened.starts_with(br#"{"ringback_export":1,"accounts":[{"account":"work","record":{"schema":"#));
    assert_eq!(new.account_files(), ["work.sealed"]);
}

#[test]
fn a_weak_passphrase_or_an_empty_store_is_refused() {
    let idp = Idp::start();
    let world = logged_in_and_stopped(&idp, &["work"]);
    let (file, short) = (export_file(&world), private(&world, "short", "short"));
    let (code, _, said) = world.cli(&["export", file.to_str().unwrap(), "--passphrase-file", &short]);
    assert!(code == 2 && said.contains("at least 12 characters") && !file.exists(), "{said}");
    let empty = World::with_config(&config(&idp, &["work"]));
    let (code, _, said) = export(&empty, &[]);
    assert!(code == 2 && said.contains("nothing to export") && !export_file(&empty).exists(), "{said}");
}
