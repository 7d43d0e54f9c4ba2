//! Each source of a secret, and its errors.
#![allow(clippy::disallowed_methods, reason = "files of a test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::error::MOST_BYTES;
use super::*;

fn env(folder: &Path) -> CredentialEnv {
    let path = (OsString::from("PATH"), OsString::from("/usr/bin:/bin"));
    CredentialEnv { credentials_directory: Some(folder.to_owned()), variables: vec![path] }
}

fn file(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn shell(script: &str) -> SecretSource {
    SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec())
}

async fn message(source: &SecretSource, env: &CredentialEnv) -> String {
    let error = resolve(source, env).await.unwrap_err();
    format!("{error} {error:?}")
}

#[tokio::test]
async fn a_private_file_gives_its_content_without_surrounding_white_space() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    file(&path, b" \n canary \r\n", 0o600);
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    for path in [path, link] {
        let secret = resolve(&SecretSource::File(path), &env(folder.path())).await.unwrap();
        assert!(secret.matches("canary"));
    }
}

#[tokio::test]
async fn an_unsafe_or_invalid_file_is_refused_without_showing_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let env = env(folder.path());
    let path = folder.path().join("s");
    let source = SecretSource::File(path.clone());
    for (content, mode, why) in [
        (&b"canary"[..], 0o640, "others can read or change it (mode 0640); chmod 600 it"),
        (b"canary", 0o602, "others can read or change it (mode 0602)"),
        (b" \n", 0o600, "is empty"),
        (b"canary\nnotes", 0o600, "has more than one line"),
        (b"canary\xff", 0o600, "is not UTF-8"),
        (b"canary\x07x", 0o600, "has a control character (U+0007) in line 1, column 7"),
        ("\n can\u{200b}ary".as_bytes(), 0o600, "has a zero-width space (U+200B) in line 2, column 5"),
        ("canary\u{a0}\n".as_bytes(), 0o600, "has a non-breaking space (U+00A0) in line 1, column 7"),
        (b"\xff\xfec\0a\0", 0o600, "is in UTF-16, as written by PowerShell's `>`"),
        (&vec![b'x'; MOST_BYTES + 1], 0o600, "longer than 65536 bytes"),
    ] {
        file(&path, content, mode);
        let message = message(&source, &env).await;
        assert!(message.contains(why) && !message.contains("canary"), "{message}");
        assert_eq!(check_file(&path, Rule::ClientSecret), resolve(&source, &env).await.map(drop), "{why}");
    }
    let link = folder.path().join("link");
    file(&path, b"canary", 0o644);
    symlink(&path, &link).unwrap();
    assert!(message(&SecretSource::File(link), &env).await.contains("mode 0644"));
    assert!(message(&SecretSource::File(folder.path().into()), &env).await.contains("not a regular file"));
    assert!(message(&SecretSource::File("/nowhere".into()), &env).await.contains("No such file"));
}

#[tokio::test]
async fn a_command_gives_its_output_and_runs_with_a_clean_environment() {
    let env = env(Path::new("/"));
    assert!(resolve(&shell("echo canary"), &env).await.unwrap().matches("canary"));
    let names = "env | cut -d= -f1 | grep -v -x -e PWD -e SHLVL -e _ | tr '\\n' ,";
    assert!(resolve(&shell(names), &env).await.unwrap().matches("PATH,"));
    assert!(resolve(&shell("read line; echo \"got<$line>\""), &env).await.unwrap().matches("got<>"));
}

#[tokio::test]
async fn a_client_id_is_one_line_of_what_its_command_prints() {
    let env = env(Path::new("/"));
    let run = async |script: &str| {
        let argv = ["sh", "-c", script].map(str::to_owned);
        client_id(&argv, &env).await.map_err(|error| error.to_string())
    };
    assert_eq!(run("echo ' 7-x.apps '").await, Ok("7-x.apps".to_owned()));
    for (script, why) in [
        ("true", "the text from the command `sh` is empty"),
        ("echo a; echo b", "the text from the command `sh` has more than one line"),
        ("printf 'caf\\303\\251'", "has a character that is not ASCII (U+00E9) in line 1, column 4"),
        ("exit 3", "the command `sh` failed (exit status: 3)"),
    ] {
        let said = run(script).await.unwrap_err();
        assert!(said.contains(why), "{script}: {said}");
    }
}

#[tokio::test]
async fn a_failed_command_reports_its_status_and_none_of_its_output() {
    let env = env(Path::new("/"));
    for (source, why) in [
        (shell("echo canary; echo canary >&2; exit 3"), "failed (exit status: 3)"),
        (shell("yes canary"), "printed more than 65536 bytes and was killed"),
        (shell("true"), "is empty"),
        (SecretSource::Command(vec!["no-such-program".into(), "canary".into()]), "can't be started (No such file"),
        (SecretSource::Command(Vec::new()), "is empty"),
    ] {
        let message = message(&source, &env).await;
        assert!(message.contains(why) && !message.contains("canary"), "{message}");
    }
}

/// A program that hangs, run by `message`, which says what became of it.
async fn hangs<T: Future<Output = String> + Send + 'static>(message: impl FnOnce(String) -> T, why: &str) {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", pids.display());
    let waiting = tokio::spawn(message(script));
    let pid = loop {
        match fs::read_to_string(&pids) {
            Ok(pid) => break pid.trim().to_owned(),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    // With paused time the timeout elapses at once, since no other timer is due.
    tokio::time::pause();
    let message = waiting.await.unwrap();
    assert!(message.contains(why), "{message}");
    let stat = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    while !stat().is_empty() && !stat().contains(") Z ") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_hanging_command_is_killed_with_its_children() {
    let run = |script: String| async move { message(&shell(&script), &env(Path::new("/"))).await };
    hangs(run, "did not end within 10 s and was killed").await;
}

async fn hook(script: String) -> String {
    let argv = ["sh", "-c", &script].map(str::to_owned);
    let ran = run_hook(&argv, &env(Path::new("/")), [("RINGBACK_EVENT", "failing".into())]).await;
    ran.map_or_else(|error| error.to_string(), |()| "ended".into())
}

#[tokio::test]
async fn a_hanging_hook_is_killed_with_its_children() {
    hangs(hook, "did not end within 30 s and was killed").await;
}

#[tokio::test]
async fn a_hooks_exit_status_counts_and_its_output_does_not() {
    for (script, outcome) in [
        ("exit 3", "failed (exit status: 3)"),
        ("kill -9 $$", "failed (signal: 9 (SIGKILL))"),
        ("yes | head -c 200000; yes | head -c 200000 >&2", "ended"),
        // What it leaves behind holds its output open, and is not waited for.
        ("sleep 40 & [ $RINGBACK_EVENT = failing ]", "ended"),
    ] {
        let told = hook(script.into()).await;
        assert!(told.contains(outcome), "{script}: {told}");
    }
}

#[tokio::test]
async fn a_systemd_credential_comes_from_its_folder_only() {
    let folder = tempfile::tempdir().unwrap();
    let env = env(folder.path());
    file(&folder.path().join("name"), b"canary\n", 0o440);
    let credential = |name: &str| SecretSource::Credential(name.to_owned());
    assert!(resolve(&credential("name"), &env).await.unwrap().matches("canary"));
    for name in ["../x", "..", ".", "", "/etc/passwd"] {
        assert!(message(&credential(name), &env).await.contains("outside"), "{name}");
    }
    let none = CredentialEnv::default();
    assert!(message(&credential("name"), &none).await.contains("CREDENTIALS_DIRECTORY is not set"));
}

#[tokio::test]
async fn an_inline_secret_is_itself() {
    let source = SecretSource::Inline(ClientSecret::new("canary"));
    assert!(resolve(&source, &CredentialEnv::default()).await.unwrap().matches("canary"));
}
