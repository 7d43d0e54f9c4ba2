# What a page may do in `<!-- setup: ... -->`. Everything that is started here ends with the page.

# until WHAT COMMAND...: waits until the command succeeds.
until_true() {
  local what=$1 tries
  shift
  for tries in {1..600}; do "$@" >/dev/null 2>&1 && return; sleep .1; done
  echo "$what: not within a minute" >&2
  return 1
}

sandbox() {
  ringback sandbox --rate-limit off >~/sandbox.log 2>&1 &
  until_true 'the practice provider answers' curl -sf http://127.0.0.1:7465/v4/ping
}

# config NAME...: a config in which these providers are the practice provider: nothing here reaches a real one.
config() {
  local name
  mkdir -p ~/.config/ringback
  for name in "$@"; do
    printf '[providers.%s]\npreset = "phonecom"\n' "$name"
    printf '%s = "http://127.0.0.1:7465/v4/oauth/%s"\n' authorize_url authorization token_url access-token
  done >>~/.config/ringback/config.toml
  chmod 600 ~/.config/ringback/config.toml
}

daemon() {
  ringback serve >>~/daemon.log 2>&1 &
  until_true 'the daemon answers' ringback app list
}

# account NAME [OPTION...]: adds an account at the practice provider.
account() {
  echo practice-secret | ringback account add "$@" --provider practice --scope account-owner \
    --client-id 00000000-0000-4000-8000-000000000001 --client-secret-stdin
}

# practice [NAME...]: practice provider and daemon run, and these accounts are logged in; without a name it is `work`.
practice() {
  local name
  sandbox
  config practice
  for name in "${@:-work}"; do account "$name"; done
  daemon
  for name in "${@:-work}"; do ringback login "$name"; done
}

# reload_with LINE...: adds these lines to the config, and reloads it.
reload_with() {
  printf '%s\n' '' "$@" >>~/.config/ringback/config.toml
  kill -HUP "$(jq .pid "$XDG_RUNTIME_DIR/ringback/endpoint.json")"
}

# podman_image NAME: podman works in this page's namespaces, and has an image with curl and a shell, made of files of this
# machine. Exits with 77 where it does not work.
podman_image() {
  local root=~/podman/root
  command -v podman bwrap busybox >/dev/null || exit 77
  umount -R /sys/fs/cgroup 2>/dev/null || true
  mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null || exit 77
  mkdir -p ~/podman/etc "$root"/{usr/bin,run,tmp,etc,proc,sys,dev}
  cp -r /etc/containers/. ~/podman/etc
  printf '[storage]\ndriver = "vfs"\nrunroot = "%s"\ngraphroot = "%s"\n' ~/podman/run ~/podman/storage >~/podman/etc/storage.conf
  printf '[containers]\ncgroups = "disabled"\ndefault_ulimits = ["nofile=512:512", "nproc=512:512"]\n[engine]\nevents_logger = "file"\n' \
    >~/podman/etc/containers.conf
  mount --bind ~/podman/etc /etc/containers || exit 77
  # For podman's network; root has them in its PATH.
  ln -s /usr/sbin/iptables /usr/sbin/ip6tables ~/.cargo/bin/
  ln -s usr/bin "$root/bin"
  cp "$(command -v busybox)" "$(command -v curl)" "$root/usr/bin"
  for name in sh cat printf true; do ln -s busybox "$root/usr/bin/$name"; done
  # A busybox that is static has none.
  { ldd "$(command -v curl)"; ldd "$(command -v busybox)" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do install -D "$library" "$root$library"; done
  tar -C "$root" -c . | podman import - "$1" >/dev/null 2>&1 || exit 77
  podman run --rm --network none "$1" true || exit 77
}

# elsewhere FILE: a token that was not made by ringback.
elsewhere() {
  (
    umask 077
    curl -sf http://127.0.0.1:7465/v4/oauth/access-token --json '{"grant_type": "client_credentials", "scope": "account-owner",
      "client_id": "00000000-0000-4000-8000-000000000001", "client_secret": "practice-secret"}' | jq -er .access_token >"$1"
  )
}

# A real `systemd --user`, in this page's own mount namespace: sd_booted() only looks for /run/systemd/system.
# Exits with 77 where it does not start.
user_manager() {
  local manager
  manager=$(ls /lib/systemd/systemd /usr/lib/systemd/systemd 2>/dev/null | head -1)
  [ -n "$manager" ] && [ -d /run/systemd ] && mount -t tmpfs -o mode=755 tmpfs /run/systemd || exit 77
  mkdir -p /run/systemd/system /run/systemd/unit-root
  "$manager" --user --unit=basic.target >~/manager.log 2>&1 &
  running() { systemctl --user is-system-running 2>/dev/null | grep -qE 'running|degraded'; }
  until_true 'the manager runs' running || exit 77
  systemctl --user set-environment PATH="$PATH"
}
