"""Makes a table and a picture of results.json. `run` calls this.

  report.py results.json                         prints the whole table
  report.py results.json --svg results.svg       also draws the picture
  report.py results.json --brief README.md       also writes the short table between the file's markers, if it has them
  report.py results.json --full README.md        the same with the whole table
"""

import argparse
import html
import json
import os
import pathlib

COLUMNS = ["ringback", "axum alone", "hyper alone", "no HTTP library", "oidc-agent"]
SERVERS = {"ringback": "ringback", "bare-axum": "axum alone", "bare-hyper": "hyper alone", "unix-echo": "no HTTP library"}


# --- numbers as text ----------------------------------------------------------------------------------------------


def grouped(number):
    return f"{number:,.0f}".replace(",", " ")


def span(us):
    if us < 1000:
        return f"{us:.0f} µs" if us >= 100 else f"{us:.1f} µs"
    return f"{us / 1000:.2f} ms" if us < 10_000 else f"{us / 1000:.1f} ms"


def mib(kib):
    return f"{kib / 1024:.1f} MiB"


def times(number):
    return f"{number:.2f}" if number < 10 else f"{number:.0f}"


def plural(count, one):
    return f"{count} {one}{'' if count == 1 else 's'}"


# --- the table ----------------------------------------------------------------------------------------------------


class Row:
    """One measure: numbers by column, how to write them, and what ringback is divided by."""

    def __init__(self, name, numbers, text, against, brief=False):
        self.name, self.numbers, self.text, self.against, self.brief = name, numbers, text, against, brief

    def cells(self):
        number = self.numbers.get("ringback")
        ratios = []
        for column, name in self.against.items():
            other = self.numbers.get(column)
            if number is not None and other:
                ratios.append(f"{times(number / other)} × {name}")
        return [self.name, *(self.text(self.numbers[column]) if self.numbers.get(column) is not None else "" for column in COLUMNS), ", ".join(ratios)]


def place(found):
    where = "TCP" if found["transport"] == "tcp" else "unix socket"
    kind = "a new connection each" if found["each"] else "keep-alive"
    return f"{where}, {kind}, {found['connections']} at a time"


def rows(result):
    process = {name: found["median_us"] for name, found in result["process"].items()}
    yield Row("a token, as a whole process", {"ringback": process["ringback token"], "no HTTP library": process["std-client"],
              "oidc-agent": process.get("oidc-token")}, span, {"no HTTP library": "std-client", "oidc-agent": "oidc-token"}, True)
    yield Row("start and exit only, as a whole process", {"ringback": process["ringback --version"], "no HTTP library": process["exit-only"]},
              span, {"no HTTP library": "exit-only"})

    def of_servers(found, key):
        return {SERVERS[name]: server.get(key) for name, server in found["servers"].items()}

    def against(found):
        return {"axum alone": "axum"} if "bare-axum" in found["servers"] else {}

    for found in result["load"]:
        brief = found["transport"] == "tcp" or found["connections"] == 8
        yield Row(f"requests a second: {place(found)}", of_servers(found, "per_second"), grouped, against(found), brief)
    for found in result["load"]:
        brief = found["transport"] == "tcp" and not found["each"] and found["connections"] == 64
        yield Row(f"p99: {place(found)}", of_servers(found, "p99_us"), span, against(found), brief)
    for found in result["load"]:
        brief = found["transport"] == "tcp" and not found["each"] and found["connections"] == 64
        yield Row(f"CPU for each request: {place(found)}", of_servers(found, "server_cpu_us_per_request"), span, against(found), brief)
    idle = {SERVERS.get(name, name): found for name, found in result["idle"].items()}
    versus = {"axum alone": "axum", "oidc-agent": "oidc-agent"}
    yield Row("start of the daemon to the first token", {"ringback": idle["ringback"]["first_token_us"]}, span, {}, True)
    yield Row("memory when idle (RSS)", {name: found["rss_kib"] for name, found in idle.items()}, mib, versus, True)
    yield Row("of that, not file-backed (RssAnon)", {name: found["anon_kib"] for name, found in idle.items()}, mib, versus, True)
    yield Row(f"context switches in {result['settings']['idle']} s idle", {name: found["switches"] for name, found in idle.items()}, grouped, {}, True)
    binary = {SERVERS.get(name, name): size / 1024 for name, size in result["binary_bytes"].items() if name != "std-client"}
    yield Row("binary", binary | {"no HTTP library": result["binary_bytes"]["std-client"] / 1024}, mib, {}, True)


def table(result, brief):
    measured = (row for row in rows(result) if any(number is not None for number in row.numbers.values()))
    chosen = [row.cells() for row in measured if row.brief or not brief]
    head = ["", *COLUMNS, "ratio"]
    # A column that nobody has a number in is left out, such as that of a peer that is not installed.
    kept = [at for at in range(len(head)) if at == 0 or any(cells[at] for cells in chosen)]
    lines = [[head[at] for at in kept], ["---"] * len(kept), *([cells[at] for at in kept] for cells in chosen)]
    return "\n".join("|" + "".join(f" {cell} |" if cell else " |" for cell in line) for line in lines)


def conditions(result):
    machine, found, settings = result["machine"], result["versions"], result["settings"]
    programs = ", ".join(f"{name} {found[name]}" for name in ["rustc", "axum", "hyper", "oidc-agent"] if name in found)
    quick = " **One short round: good for trying the tools, not for the numbers.**" if settings["quick"] else ""
    commit = f" ({found['commit']})" if found["commit"] else ""
    return (f"Medians of {plural(settings['rounds'], 'round')}, {result['date']}, ringback {found['ringback']}{commit}; {machine['cpu']}, "
            f"{plural(machine['cores'], 'core')} for servers and load together, {machine['kernel']}; {programs}.{quick}")


def mistakes(result):
    lines = [f"{name}, {place(found)}: {grouped(server['errors'])} failed, such as: {server.get('first_error')}"
             for found in result["load"] for name, server in found["servers"].items() if server["errors"]]
    return "\n".join(["", "Failed requests:", "", *(f"- {line}" for line in lines)]) if lines else "\nNo request failed."


def text(result, brief):
    return f"{table(result, brief)}\n\n{conditions(result)}\n{mistakes(result)}"


def update(path, body, name="benchmark"):
    """Puts `body` between the markers of a file. Without markers, the file stays as it is."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = path.read_text()
    if old.count(begin) != 1 or old.count(end) != 1 or old.index(begin) > old.index(end):
        print(f"{path}: no markers, nothing written")
        return
    before, rest = old.split(begin)
    path.write_text(f"{before}{begin}\n{body}\n{end}{rest.split(end)[1]}")
    print(f"{path}: written")


# --- the picture --------------------------------------------------------------------------------------------------

WIDTH, LEFT, RIGHT, LINE = 760, 200, 90, 19
# Readable on white and on black; the text follows the reader's scheme.
STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 13px }
.note { fill: #59636e }
.ours { fill: #d9730d }
.other { fill: #8a94a3 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .note { fill: #9198a1 } }
"""


def panels(result):
    """The bars by panel: title, note, and (label, number, text, whether it is ours)."""
    per_second = []
    for found in result["load"]:
        if found["transport"] == "tcp" and not found["each"]:
            for name in ["bare-hyper", "bare-axum", "ringback"]:
                number = found["servers"][name]["per_second"]
                label = f"{plural(found['connections'], 'connection')}: {SERVERS[name]}"
                per_second.append((label, number, grouped(number), name == "ringback"))
    yield "Requests for a cached token a second", "TCP, keep-alive; longer is better", per_second
    names = {"exit-only": "a program that only exits", "std-client": "smallest client", "ringback token": "ringback token", "oidc-token": "oidc-token"}
    found = result["process"]
    bars = [(names[name], found[name]["median_us"], span(found[name]["median_us"]), name == "ringback token") for name in names if name in found]
    yield "Printing a token, from the program's start to its end", "shorter is better", bars
    bars = [(SERVERS.get(name, name), one["anon_kib"], mib(one["anon_kib"]), name == "ringback") for name, one in result["idle"].items()]
    yield "Memory of the idle process that is not file-backed", "shorter is better", bars


def picture(result):
    parts, y = [], 8
    for title, note, bars in panels(result):
        y += 18
        parts.append(f'<text class="title" x="8" y="{y}">{html.escape(title)}<tspan class="note" font-weight="400" dx="8">{html.escape(note)}</tspan></text>')
        y += 8
        longest = max((number for _, number, _, _ in bars), default=0) or 1
        for at, (label, number, value, ours) in enumerate(bars):
            # Groups of three: the servers at one number of connections.
            y += 6 if len(bars) > 6 and at % 3 == 0 and at else 0
            width = max(1, (WIDTH - LEFT - RIGHT) * number / longest)
            parts.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{html.escape(label)}</text>'
                         f'<rect class="{"ours" if ours else "other"}" x="{LEFT}" y="{y + 2}" width="{width:.1f}" height="{LINE - 5}" rx="2"/>'
                         f'<text x="{LEFT + width + 6:.1f}" y="{y + 13}">{html.escape(value)}</text>')
            y += LINE
        y += 12
    machine = result["machine"]
    foot = f"{result['date']}, {machine['cpu']}, {plural(machine['cores'], 'core')}, {machine['kernel']}; medians of {plural(result['settings']['rounds'], 'round')}"
    parts.append(f'<text class="note" x="8" y="{y + 10}">{html.escape(foot)}</text>')
    y += 22
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img" '
            f'aria-label="ringback compared with bare servers">\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("results", type=pathlib.Path)
    arguments.add_argument("--svg", type=pathlib.Path)
    arguments.add_argument("--brief", type=pathlib.Path)
    arguments.add_argument("--full", type=pathlib.Path)
    args = arguments.parse_args()
    result = json.loads(args.results.read_text())
    print(text(result, brief=False))
    if args.svg:
        args.svg.write_text(picture(result))
    for path, brief in [(args.brief, True), (args.full, False)]:
        if path:
            image = f"![ringback compared with bare servers]({os.path.relpath(args.svg, path.parent)})\n\n" if args.svg else ""
            update(path, image + text(result, brief))


if __name__ == "__main__":
    main()
