"""Starts everything that is compared, measures it, and writes the results as JSON. `run` calls this.

Everything listens on loopback or on a unix socket in the given folder, and ends with this program.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

from compared import Server, captured_reply, key_line, start_bare, start_ringback
from world import World, say

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BARE = ["bare-hyper", "bare-axum", "unix-echo"]
CONNECTIONS = [1, 8, 64, 512]


class Settings:
    """How long and how often: chosen so that a full run takes less than ten minutes."""

    def __init__(self, quick):
        self.rounds = 1 if quick else 5
        self.seconds = 1 if quick else 3
        self.warmup = 0.2 if quick else 0.5
        self.processes = 20 if quick else 100
        self.idle = 1 if quick else 10
        self.idle_rounds = 1 if quick else 3
        # Threads for the disk end after ten idle seconds.
        self.settle = 1 if quick else 12


# --- measurements -------------------------------------------------------------------------------------------------


def processes(world, settings, agent):
    """Whole processes, in turns."""
    commands = {
        "exit-only": [world.tool("exit-only")],
        "std-client": [world.tool("std-client"), str(world.socket)],
        "ringback token": [world.ringback, "token"],
        "ringback --version": [world.ringback, "--version"],
    }
    if agent:
        commands["oidc-token"] = [shutil.which("oidc-token"), "work"]
    words = []
    for name, command in commands.items():
        words += (["---"] if words else []) + [name, *command]
    return json.loads(world.run([world.tool("spawn"), "--times", str(settings.processes), "--", *words], limit=120))


def loads():
    """Every load: (transport, whether each request has a connection of its own, connections, servers)."""
    both = ["bare-hyper", "bare-axum", "ringback"]
    yield from (("tcp", False, count, both) for count in CONNECTIONS)
    yield "tcp", True, 8, both
    on_unix = ["unix-echo", "bare-axum", "ringback"]
    yield from (("unix", False, count, on_unix) for count in [1, 8])
    yield "unix", True, 8, on_unix


def load(world, settings, server, transport, each, connections, header_file):
    command = [world.tool("load"), f"--{transport}", getattr(server, transport), "--connections", str(connections),
               "--warmup", str(settings.warmup), "--seconds", str(settings.seconds), "--pid", str(server.pid)]
    if transport == "tcp":
        command += ["--header-file", header_file]
    if each:
        command.append("--each")
    return json.loads(world.run(command, limit=settings.seconds + settings.warmup + 20))


def memory(pids):
    """KiB of resident memory: all of it, and what is not backed by a file."""
    sums = {"VmRSS": 0, "RssAnon": 0}
    for pid in pids:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        for name in sums:
            sums[name] += int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1])
    return {"rss_kib": sums["VmRSS"], "anon_kib": sums["RssAnon"]}


def switches(pids):
    """Context switches so far, by thread."""
    found = {}
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                text = (task / "status").read_text()
                found[task] = sum(map(int, re.findall(r"voluntary_ctxt_switches:\s+(\d+)", text)))
    return found


def switched(before, pids):
    """Context switches since `before`. A thread that has ended meanwhile took its count with it."""
    now = switches(pids)
    return sum(count - before.get(task, 0) for task, count in now.items())


def family(pid):
    """A process and its children: oidc-agent consists of two."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def first_token(world):
    """A new daemon with an account: microseconds from its start to the first token. It goes on running."""
    command = [world.tool("first-token"), "--socket", str(world.socket), "--", world.ringback, "serve"]
    child, line = world.start(command, line=True)
    if not line:
        sys.exit(f"first-token: {world.log_end()}")
    return child, json.loads(line)


def idle(world, settings, agent, head, body):
    """Start, memory and wake-ups of fresh daemons, in as many rounds."""
    rounds = []
    for _ in range(settings.idle_rounds):
        child, first = first_token(world)
        bare = {name: start_bare(world, name, head, body) for name in ["bare-hyper", "bare-axum"]}
        pids = {"ringback": [first["pid"]]} | {name: [server.pid] for name, (_, server) in bare.items()}
        for _, server in bare.values():
            world.run([world.tool("std-client"), server.unix])
        if agent:
            pids["oidc-agent"] = family(agent.pid)
        time.sleep(settings.settle)
        before = {name: switches(of) for name, of in pids.items()}
        time.sleep(settings.idle)
        found = {name: {"switches": switched(before[name], of), **memory(of)} for name, of in pids.items()}
        found["ringback"]["first_token_us"] = first["us"]
        rounds.append(found)
        for process, _ in bare.values():
            world.stop(process)
        os.kill(first["pid"], signal.SIGTERM)
        child.wait(10)
        world.stop(child)
    return {name: {key: statistics.median(one[name][key] for one in rounds) for key in rounds[0][name]} for name in rounds[0]}


def medians(rounds):
    """The median of each number over rounds, and the least and the greatest of what is compared."""
    middle = {}
    for key in rounds[0]:
        values = [one[key] for one in rounds if one[key] is not None and not isinstance(one[key], str)]
        if values:
            middle[key] = sum(values) if key == "errors" else statistics.median(values)
    main = "per_second" if "per_second" in middle else "median_us"
    middle["spread"] = [min(one[main] for one in rounds), max(one[main] for one in rounds)]
    if errors := [one["first_error"] for one in rounds if one.get("first_error")]:
        middle["first_error"] = errors[0]
    return middle


# --- the machine and the programs ---------------------------------------------------------------------------------


def locked_versions(lock):
    return dict(re.findall(r'^name = "(.+)"\nversion = "(.+)"$', lock.read_text(), re.M))


def versions(world, agent, commit):
    ours, theirs = locked_versions(HERE / "Cargo.lock"), locked_versions(ROOT / "Cargo.lock")
    for name in ["axum", "hyper", "hyper-util", "tokio"]:
        if ours.get(name) != theirs.get(name):
            say(f"{name} is {theirs.get(name)} in ringback and {ours.get(name)} in the comparison: update the lock file")
    # Cargo's own environment is needed here, not the bare one.
    found = {
        "rustc": subprocess.run(["rustc", "--version"], capture_output=True, text=True, cwd=ROOT).stdout.split()[1],
        "ringback": world.run([world.ringback, "--version"]).split()[-1],
        "commit": commit,
        **{name: ours[name] for name in ["axum", "hyper", "tokio"]},
    }
    if agent:
        found["oidc-agent"] = world.run(["oidc-agent", "--version"]).split()[-1]
    return found


def machine():
    cpu = re.search(r"^(?:model name|Model)\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    total = re.search(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    return {
        "cpu": cpu[1] if cpu else os.uname().machine,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(total[1]) / 2**20, 1),
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def compare(world, settings, commit):
    result = {"date": datetime.date.today().isoformat(), "machine": machine(), "settings": vars(settings)}
    if result["machine"]["load_before"] > 0.5:
        say(f"the machine is not idle: its load is {result['machine']['load_before']}, unless that was the build")
    daemon, address, agent = start_ringback(world)
    result["versions"] = versions(world, agent, commit)
    key = key_line(world)
    header_file = world.file("key-header", key + "\n")
    head, body = captured_reply(address, key)
    result["reply_bytes"] = len(head) + 2 + len(body)
    head, body = world.file("head", head), world.file("body", body)
    servers = {"ringback": Server(daemon.pid, address, str(world.socket))}
    bare = []
    for name in BARE:
        process, servers[name] = start_bare(world, name, head, body)
        bare.append(process)
    process_rounds, load_rounds = [], {}
    for number in range(settings.rounds):
        say(f"round {number + 1} of {settings.rounds}")
        process_rounds.append(processes(world, settings, agent))
        for transport, each, connections, names in loads():
            # Turned around each time, so that no server is always the first.
            for name in names if number % 2 == 0 else reversed(names):
                done = load(world, settings, servers[name], transport, each, connections, header_file)
                if done["errors"]:
                    say(f"{name}, {transport}, {connections} connections: {done['errors']} errors: {done['first_error']}")
                load_rounds.setdefault((transport, each, connections), {}).setdefault(name, []).append(done)
    for process in bare:
        world.stop(process)
    world.stop(daemon)
    say("starts, memory, wake-ups")
    result["process"] = {name: medians([one[name] for one in process_rounds]) for name in process_rounds[0]}
    result["load"] = [
        {"transport": transport, "each": each, "connections": connections, "servers": {name: medians(runs) for name, runs in found.items()}}
        for (transport, each, connections), found in load_rounds.items()
    ]
    result["idle"] = idle(world, settings, agent, head, body)
    result["binary_bytes"] = {"ringback": os.path.getsize(world.ringback)} | {
        name: os.path.getsize(world.tool(name)) for name in ["std-client", "bare-hyper", "bare-axum"]
    }
    return result


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ringback", required=True, type=os.path.realpath)
    arguments.add_argument("--tools", required=True, type=pathlib.Path)
    arguments.add_argument("--folder", required=True, type=pathlib.Path)
    arguments.add_argument("--out", required=True, type=pathlib.Path)
    arguments.add_argument("--commit", help="what ringback was built from, if it was built for this")
    arguments.add_argument("--quick", action="store_true")
    args = arguments.parse_args()
    for number in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]:
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    world = World(args.folder.resolve(), args.ringback, args.tools.resolve())
    settings = Settings(args.quick)
    began = time.monotonic()
    try:
        result = compare(world, settings, args.commit)
    finally:
        world.close()
    result["settings"] |= {"quick": args.quick}
    result["took_seconds"] = round(time.monotonic() - began)
    args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
