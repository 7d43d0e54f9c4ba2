//! The daemon's folders, by the environment: clients look where the daemon looked.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::os::process;

/// The daemon's folders. Nothing is created or checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Data that survives a restart: the sealed store, the key file, the default app's key.
    pub state: PathBuf,
    /// Files that last as long as the daemon: the socket and the endpoint file.
    pub runtime: PathBuf,
    /// Data outside the state folder that is worth keeping but may get lost. `None` if the environment names no place.
    pub cache: Option<PathBuf>,
}

/// The environment names no place for the state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no place for the state folder: set HOME or XDG_STATE_HOME to an absolute path")]
pub struct NoHome;

impl Paths {
    /// Follows systemd (`STATE_DIRECTORY`, `RUNTIME_DIRECTORY`, `CACHE_DIRECTORY`) and the XDG base directory
    /// specification. `state` is the config's own choice, if it has one.
    ///
    /// As the specification says, values that are not absolute paths are ignored.
    pub fn from_env(env: &dyn Fn(&str) -> Option<OsString>, state: Option<&Path>) -> Result<Self, NoHome> {
        let state = match state {
            Some(state) => state.to_owned(),
            None => state_folder(env).ok_or(NoHome)?,
        };
        let last = state.join("run");
        let runtime = runtime_folders(env).next().unwrap_or(last);
        Ok(Self { state, runtime, cache: cache_folder(env) })
    }

    /// The other places where a daemon of this user may have put its runtime folder: a service manager or cron starts
    /// programs with other environment variables than a shell.
    pub fn elsewhere(&self, env: &dyn Fn(&str) -> Option<OsString>) -> impl Iterator<Item = Self> {
        let all = runtime_folders(env).chain([self.state.join("run")]);
        all.filter(|runtime| *runtime != self.runtime).map(|runtime| Self { runtime, ..self.clone() })
    }

    /// The unix socket.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("ringback.sock")
    }

    /// The file by which programs find the daemon (`docs/apps.md`).
    pub fn endpoint_file(&self) -> PathBuf {
        self.runtime.join("endpoint.json")
    }
}

/// Where the runtime folder may be, the best place first.
fn runtime_folders(env: &dyn Fn(&str) -> Option<OsString>) -> impl Iterator<Item = PathBuf> {
    let of_user = [absolute(env, "XDG_RUNTIME_DIR"), login_runtime()];
    let of_user = of_user.into_iter().flatten().map(|runtime| runtime.join("ringback"));
    systemd(env, "RUNTIME_DIRECTORY").into_iter().chain(of_user)
}

fn state_folder(env: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    systemd(env, "STATE_DIRECTORY")
        .or_else(|| absolute(env, "XDG_STATE_HOME").map(|state| state.join("ringback")))
        .or_else(|| absolute(env, "HOME").map(|home| home.join(".local/state/ringback")))
}

fn cache_folder(env: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    systemd(env, "CACHE_DIRECTORY")
        .or_else(|| absolute(env, "XDG_CACHE_HOME").map(|cache| cache.join("ringback")))
        .or_else(|| absolute(env, "HOME").map(|home| home.join(".cache/ringback")))
}

/// systemd sets a list if the unit names several folders; ours is the first.
fn systemd(env: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    let value = env(name)?;
    let first = std::env::split_paths(&value).next()?;
    first.is_absolute().then_some(first)
}

fn absolute(env: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    env(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Where logind puts a user's runtime folder: a client started by cron or ssh lacks `XDG_RUNTIME_DIR`, and has to look
/// where the daemon looked.
fn login_runtime() -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let me = process::own_uid();
    let path = PathBuf::from(format!("/run/user/{me}"));
    let meta = path.symlink_metadata().ok()?;
    (meta.is_dir() && meta.uid() == me).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(vars: &[(&str, &str)], state: Option<&str>) -> Result<(String, String), NoHome> {
        let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        let paths = Paths::from_env(&env, state.map(Path::new))?;
        Ok((paths.state.display().to_string(), paths.runtime.display().to_string()))
    }

    #[test]
    fn systemd_comes_before_xdg_and_xdg_before_home() {
        let home = ("HOME", "/home/u");
        let (xdg, run) = (("XDG_STATE_HOME", "/xs"), ("XDG_RUNTIME_DIR", "/xr"));
        let (unit, unit_run) = (("STATE_DIRECTORY", "/ss:/other"), ("RUNTIME_DIRECTORY", "/sr"));
        let at = |state: &str, runtime: &str| Ok((state.to_owned(), runtime.to_owned()));
        assert_eq!(paths(&[home, xdg, run, unit, unit_run], None), at("/ss", "/sr"));
        assert_eq!(paths(&[home, xdg, run], None), at("/xs/ringback", "/xr/ringback"));
        assert_eq!(paths(&[home, run], None), at("/home/u/.local/state/ringback", "/xr/ringback"));
        assert_eq!(paths(&[run], Some("/mine")), at("/mine", "/xr/ringback"));
    }

    #[test]
    fn the_cache_folder_may_be_missing() {
        for (vars, expected) in [
            (&[("HOME", "/h")][..], Some("/h/.cache/ringback")),
            (&[("HOME", "/h"), ("XDG_CACHE_HOME", "/xc")], Some("/xc/ringback")),
            (&[("HOME", "/h"), ("XDG_CACHE_HOME", "cache")], Some("/h/.cache/ringback")),
            (&[("HOME", "/h"), ("XDG_CACHE_HOME", "/xc"), ("CACHE_DIRECTORY", "/sc:/other")], Some("/sc")),
            (&[("XDG_STATE_HOME", "/xs")], None),
        ] {
            let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
            let paths = Paths::from_env(&env, Some(Path::new("/state"))).unwrap();
            assert_eq!(paths.cache.as_deref(), expected.map(Path::new), "{vars:?}");
        }
    }

    #[test]
    fn relative_values_are_ignored_and_no_home_is_an_error() {
        let relative = [("XDG_STATE_HOME", "state"), ("HOME", "home"), ("STATE_DIRECTORY", "s")];
        assert_eq!(paths(&relative, None), Err(NoHome));
    }

    #[test]
    fn without_a_runtime_folder_the_state_folder_serves() {
        let (state, runtime) = paths(&[("HOME", "/h")], None).unwrap();
        // Where logind runs, its folder comes first.
        assert!(runtime == format!("{state}/run") || runtime.starts_with("/run/user/"), "{runtime}");
    }
}
