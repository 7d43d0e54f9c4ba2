"""Starts what is compared: ringback, oidc-agent, and the bare servers."""

import pathlib
import re
import shutil
import socket
import sys

import provider
from world import say

HERE = pathlib.Path(__file__).resolve().parent


def configure(world):
    """A config with one account at a provider on loopback. Returns the provider's process and issuer, and our address."""
    issuer_process, issuer = world.start([sys.executable, str(HERE / "provider.py")], line=True)
    address = f"127.0.0.1:{free_port()}"
    world.file("xdg_config_home/ringback/config.toml", f"""
[listen]
tcp = ["{address}"]
[providers.bench]
preset = "generic"
authorize_url = "{issuer}/authorize"
token_url = "{issuer}/token"
client_auth = "none"
[accounts.work]
provider = "bench"
client_id = "bench"
scope = ["openid", "offline_access"]
""")
    return issuer_process, issuer, address


def serve(world, under=()):
    """Starts `ringback serve` as a user would run it, and waits until it listens."""
    daemon = world.start([*under, world.ringback, "serve"])
    world.wait_for(world.socket, daemon)
    return daemon


def log_in(world):
    world.run([world.ringback, "import", "work", "--refresh-token"], text="bench-refresh-token\n")
    if world.run([world.ringback, "token"]).strip() != provider.TOKEN:
        sys.exit("ringback served another token than the provider's")


def key_line(world):
    """The header line by which a program on TCP shows its key."""
    key = pathlib.Path(world.env["XDG_STATE_HOME"]) / "ringback/app.key"
    return f"authorization: Bearer {key.read_text().strip()}"


def start_ringback(world):
    """`ringback serve` with an account that is logged in. Returns its process, its address, and oidc-agent's process."""
    issuer_process, issuer, address = configure(world)
    daemon = serve(world)
    log_in(world)
    agent = start_agent(world, issuer)
    # From here on there is no provider: every token that is served comes from a cache.
    world.stop(issuer_process)
    if world.run([world.tool("std-client"), str(world.socket)]).strip() != provider.TOKEN:
        sys.exit("ringback served another token than the provider's")
    return daemon, address, agent


def start_agent(world, issuer):
    """oidc-agent with an account at the same provider, or None where it is not installed."""
    if not all(shutil.which(name) for name in ["oidc-agent", "oidc-gen", "oidc-token"]):
        say("oidc-agent is not installed: it is left out")
        return None
    world.env["OIDC_SOCK"] = str(world.folder / "agent.sock")
    agent = world.start(["oidc-agent", "--console", "--no-autoload", "--no-autoreauthenticate", "-a", world.env["OIDC_SOCK"]])
    world.wait_for(world.env["OIDC_SOCK"], agent)
    password = world.file("agent-password", "only for this run\n")
    world.run(["oidc-gen", "work", "--manual", f"--iss={issuer}", "--client-id=bench", "--client-secret=bench", "--flow=refresh",
               "--rt-env", "--scope=openid offline_access", "--redirect-uri=http://localhost:4242", f"--pw-file={password}",
               "--prompt=none", "--confirm-default"], env={"OIDC_REFRESH_TOKEN": "bench-refresh-token"})
    if world.run(["oidc-token", "work"]).strip() != provider.TOKEN:
        sys.exit("oidc-agent served another token than the provider's")
    return agent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def captured_reply(address, key):
    """Head and body of ringback's reply to GET /token, as bytes."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), 5) as stream:
        request = f"GET /token HTTP/1.1\r\nhost: {address}\r\n{key}\r\n\r\n"
        stream.sendall(request.encode())
        reply = b""
        while b"\r\n\r\n" not in reply:
            reply += stream.recv(65536) or sys.exit("ringback closed the connection")
        head, _, body = reply.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"ringback's reply: {head.decode(errors='replace')}")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        while len(body) < length:
            body += stream.recv(65536) or sys.exit("ringback closed the connection")
    return head + b"\r\n", body


class Server:
    """A server under load: where it listens, and its process."""

    def __init__(self, pid, tcp, unix):
        self.pid, self.tcp, self.unix = pid, tcp, unix


def start_bare(world, name, head, body):
    path = str(world.folder / f"{name}.sock")
    command = [world.tool(name), "--head", head, "--body", body, "--tcp", "127.0.0.1:0", "--unix", path]
    child, line = world.start(command, line=True)
    found = re.match(r"ready tcp=(\S+)", line) or sys.exit(f"{name} is not ready: {world.log_end()}")
    return child, Server(child.pid, found[1], path)
