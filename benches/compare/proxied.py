"""Measures the reverse proxy beside a bare one, with the same upstream, and prints a table. `run --proxy` calls this.

In turns: straight to the upstream, through two bare proxies (axum and reqwest, axum and hyper's client), through ringback. Requests a second, the first
byte of a stream, and the memory with many streams and with bodies of two gigabytes.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import sys
import time

import provider
from compared import configure, key_line, log_in, serve
from measure import machine
from report import update
from world import World, say

# By the client that each has to the upstream.
REQWEST, HYPER = "bare proxy, reqwest", "bare proxy, hyper"
BARE = [REQWEST, HYPER]
CONNECTIONS = [1, 8, 64]
STREAMS = 200
BODY = 2 * 2**30


class Settings:
    """How long and how often."""

    def __init__(self, quick):
        self.quick = quick
        # Many short rounds: what else the machine does spoils one of them, and not a fifth of all.
        self.rounds = 1 if quick else 15
        self.seconds = 1
        self.first_bytes = 50 if quick else 300
        # Of all streams together, with an event each 20 ms: in half a minute as many as in an hour with one each 2.4 s.
        self.streaming = 3 if quick else 30


class Route:
    """One way to the upstream: an address, a path in front of the upstream's, the header line to send, and the process."""

    def __init__(self, address, header_file, pid, base=""):
        self.address, self.header_file, self.pid, self.base = address, header_file, pid, base

    def options(self, path):
        return ["--tcp", self.address, "--path", self.base + path, "--header-file", self.header_file]


def routes(world):
    """Starts upstream, bare proxy and ringback."""
    token = world.file("token", provider.TOKEN)
    at = lambda line: re.match(r"ready tcp=(\S+)", line)[1]
    upstream, line = world.start([world.tool("upstream"), "--tcp", "127.0.0.1:0", "--token-file", token], line=True)
    origin = at(line)
    bare = {}
    for name, options in [(REQWEST, []), (HYPER, ["--hyper"])]:
        command = [world.tool("bare-proxy"), "--tcp", "127.0.0.1:0", "--token-file", token, "--upstream", f"http://{origin}", *options]
        process, line = world.start(command, line=True)
        bare[name] = (at(line), process.pid)
    issuer, _, address = configure(world)
    with open(world.folder / "xdg_config_home/ringback/config.toml", "a") as config:
        config.write(f'[accounts.work.proxy]\nupstream = "http://{origin}"\n')
    daemon = serve(world)
    log_in(world)
    world.stop(issuer)
    key = world.file("key-header", key_line(world) + "\n")
    return {
        "upstream": Route(origin, world.file("token-header", f"authorization: Bearer {provider.TOKEN}\n"), upstream.pid),
        **{name: Route(address, key, pid) for name, (address, pid) in bare.items()},
        "ringback": Route(address, key, daemon.pid, "/proxy/work"),
    }


def requests(world, settings, route, connections):
    command = [world.tool("load"), *route.options("/small"), "--connections", str(connections), "--seconds", str(settings.seconds), "--pid", str(route.pid)]
    done = json.loads(world.run(command, limit=settings.seconds + 20))
    if done["errors"]:
        sys.exit(f"{route.base or route.address}: {done['errors']} errors: {done['first_error']}")
    return done


def stream(world, route, path, limit=60, **options):
    more = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return json.loads(world.run([world.tool("stream"), *route.options(path), *more], limit=limit))


def in_turns(settings, ways, measure):
    """Each way in each round, backwards in odd ones; by way, the results of the rounds."""
    found = {name: [] for name in ways}
    for number in range(settings.rounds):
        for name in list(ways) if number % 2 == 0 else reversed(list(ways)):
            found[name].append(measure(ways[name]))
    return found


def peak(pid, action):
    """MiB: resident before an action, and the most during it."""
    memory = lambda name: int(re.search(rf"^{name}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1]) / 1024
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = memory("VmRSS")
    action()
    return round(before, 1), round(memory("VmHWM"), 1)


def memories(world, settings, route):
    """The memory in four states. The streams are opened once before, so that what they need is there."""
    streams = lambda seconds: stream(world, route, "/events", settings.streaming + 60, connections=STREAMS, seconds=seconds)
    opened = {}
    first = peak(route.pid, lambda: opened.update(short=streams(1)))
    longer = peak(route.pid, lambda: opened.update(long=streams(settings.streaming)))
    if opened["long"]["streams"] != STREAMS or not opened["long"]["fewest_bytes"]:
        sys.exit(f"streams were lost: {opened['long']}")
    down = peak(route.pid, lambda: stream(world, route, f"/bytes/{BODY}", 300, seconds=300))
    up = peak(route.pid, lambda: stream(world, route, "/sink", 300, upload=BODY))
    return {"idle": first[0], "streams": first[1], "streams_longer": longer[1], "download": down[1], "upload": up[1]}


def measure(world, settings):
    ways = routes(world)
    proxies = {name: ways[name] for name in [*BARE, "ringback"]}
    result = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "settings": vars(settings), "requests": []}
    for connections in CONNECTIONS:
        say(f"requests: {connections} at a time")
        rounds = in_turns(settings, proxies, lambda route: requests(world, settings, route, connections))
        # Of each round, since what the machine does otherwise is the same for both.
        compared = lambda bare: [ours["per_second"] / theirs["per_second"] for ours, theirs in zip(rounds["ringback"], rounds[bare])]
        middle = lambda key: {name: statistics.median(one[key] for one in found) for name, found in rounds.items()}
        result["requests"].append({"connections": connections, "per_second": middle("per_second"), "p99_us": middle("p99_us"),
                                   "cpu_us": middle("server_cpu_us_per_request"), "ratio": {bare: statistics.median(compared(bare)) for bare in BARE}, "ratios": {bare: compared(bare) for bare in BARE}})
    say("first bytes of streams")
    rounds = in_turns(settings, ways, lambda route: stream(world, route, "/events", times=settings.first_bytes)["first_byte_us"])
    result["first_byte_us"] = {name: statistics.median(found) for name, found in rounds.items()}
    result["memory_mib"] = {}
    for name, route in proxies.items():
        say(f"{STREAMS} streams, and {BODY >> 30} GiB each way: {name}")
        result["memory_mib"][name] = memories(world, settings, route)
    return result


def table(result):
    """Markdown."""
    lines = [f"| | ringback | {REQWEST} | {HYPER} | straight | ringback, compared | goal |", "| --- | --- | --- | --- | --- | --- | --- |"]
    row = lambda *cells: lines.append("| " + " | ".join(cells) + " |")
    each = ["ringback", *BARE]
    for one in result["requests"]:
        row(f"requests a second, {one['connections']} at a time", *(f"{one['per_second'][name]:,.0f}" for name in each), "",
            ", ".join(f"{one['ratio'][name]:.2f} ×" for name in BARE), "0.7 ×")
    for one in result["requests"]:
        cpu = one["cpu_us"]
        row(f"CPU for each request, {one['connections']} at a time", *(f"{cpu[name]:.0f} µs" for name in each), "",
            ", ".join(f"{cpu['ringback'] / cpu[name]:.2f} ×" for name in BARE), "")
    first = result["first_byte_us"]
    row("first byte of a stream", *(f"{first[name]:.0f} µs" for name in [*each, "upstream"]), f"{(first['ringback'] - first['upstream']) / 1000:+.2f} ms", "+1 ms")
    memory = result["memory_mib"]
    ours = memory["ringback"]
    long = f"{result['settings']['streaming']} s"
    for state, name in [("idle", "memory (RSS): idle"), ("streams", f"at most, with {STREAMS} streams for 1 s"), ("streams_longer", f"the same for {long}"),
                        ("download", f"at most, with a download of {BODY >> 30} GiB"), ("upload", "the same with an upload")]:
        row(name, *(f"{memory[one][state]} MiB" for one in each), "", f"{ours[state] - ours['idle']:+.1f} MiB", "")
    return "\n".join(lines)


def report(path, readme):
    result = json.loads(path.read_text())
    machine, settings = result["machine"], result["settings"]
    quick = " **One short round: good for trying the tools, not for the numbers.**" if settings["quick"] else ""
    commit = f" ({result['commit']})" if result["commit"] else ""
    text = (f"{table(result)}\n\nMedians of {settings['rounds']} rounds, {result['date']}, ringback{commit}; {machine['cpu']}, {machine['cores']} cores for "
            f"all of it together, load {machine['load_before']} before; {machine['kernel']}.{quick}")
    print(text)
    if readme:
        update(readme, text, "proxy")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ringback", type=os.path.realpath)
    arguments.add_argument("--tools", type=pathlib.Path)
    arguments.add_argument("--folder", type=pathlib.Path)
    arguments.add_argument("--out", type=pathlib.Path)
    arguments.add_argument("--commit", help="what ringback was built from, if it was built for this")
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--report", type=pathlib.Path, help="measures nothing, and makes the table of results")
    arguments.add_argument("--readme", type=pathlib.Path, help="a file whose table is replaced")
    args = arguments.parse_args()
    if args.report:
        return report(args.report, args.readme)
    for number in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]:
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    world = World(args.folder.resolve(), args.ringback, args.tools.resolve())
    try:
        result = measure(world, Settings(args.quick)) | {"commit": args.commit}
    finally:
        world.close()
    args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
