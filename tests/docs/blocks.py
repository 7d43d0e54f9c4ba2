"""Reads the blocks of a page in Markdown, and checks what can be checked without running them.

A fenced block is run by its language:
    sh        a script of bash, with -e, -u and pipefail
    console   commands behind `$ ` (continued behind `> `), each followed by what it prints: all of it, but numbers and
              the width of columns may differ. `...` stands for any part of a line, or alone for any lines
    python    a program
    toml      a config, for `ringback config check`
    rust, json, text: not run
Words behind the language:
    exit=3          the (last) command ends with this code, not 0
    until=ready     it keeps running until the end of the page; what follows begins once it has printed this
Comments in front of a block or between blocks, which a reader does not see:
    <!-- setup: ... -->     bash that is run at this point, with the functions of setup.sh
    <!-- not run: why -->   the next block is not run; there may be a few of these in all
    <!-- person: ... -->    the next block is run at a terminal, and somebody types there: a line each of what is shown and,
                            behind `=>`, what is typed then (see Person in world.py)
"""

import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = {"sh", "console", "python", "toml"}
NOT_RUN = {"rust", "json", "text"}
FENCE = re.compile(r"^(\s*)```(.*)$")


class Mistake(Exception):
    """Something on a page is wrong."""


@dataclass
class Block:
    line: int
    language: str
    text: str
    exit: int = 0
    until: str | None = None
    not_run: str | None = None
    person: list[tuple[str, str]] = field(default_factory=list)

    def runs(self):
        return self.language in RUN and self.not_run is None

    def commands(self):
        """Of a console: commands, each with the lines that it prints."""
        found = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif not found:
                raise Mistake(f"line {self.line}: a console begins with `$ `")
            elif line.startswith("> ") and not found[-1][1]:
                found[-1] = (found[-1][0] + "\n" + line[2:], [])
            else:
                found[-1][1].append(line)
        return found


@dataclass
class Setup:
    line: int
    text: str


def pages():
    """The pages whose blocks are run. The reference of the config shows presets, which are compiled in and tested there."""
    return [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "config.md")]


def steps(page):
    """The blocks and setups of a page, in order."""
    try:
        return read(page.read_text().split("\n"))
    except IndexError:
        raise Mistake("a block or a comment has no end") from None


def read(lines):
    found, marks, number = [], {}, 0
    while number < len(lines):
        line, begun = lines[number], number + 1
        number += 1
        if line.startswith("<!--"):
            text = line
            while "-->" not in text:
                text += "\n" + lines[number]
                number += 1
            mark(text[4:].split("-->")[0].strip(), begun, found, marks)
        elif fence := FENCE.match(line):
            inside = []
            while lines[number].strip() != "```":
                inside.append(lines[number])
                number += 1
            number += 1
            found.append(block(begun, fence[2].split(), textwrap.dedent("\n".join(inside)), marks))
            marks = {}
    if marks:
        raise Mistake(f"the last mark has no block: {marks}")
    return found


def mark(text, line, found, marks):
    kind, _, rest = text.partition(":")
    if kind == "setup":
        found.append(Setup(line, rest.strip()))
    elif kind == "not run":
        marks["not_run"] = rest.strip()
    elif kind == "person":
        pairs = [row.partition("=>") for row in rest.strip().splitlines()]
        marks["person"] = [(shown.strip(), typed.strip()) for shown, _, typed in pairs]


def block(line, words, text, marks):
    language, *words = words or [""]
    if language not in RUN | NOT_RUN:
        raise Mistake(f"line {line}: a block of the unknown language `{language}`")
    found = Block(line, language, text, **marks)
    for word in words:
        name, _, value = word.partition("=")
        if name == "exit":
            found.exit = int(value)
        elif name == "until":
            found.until = value
        else:
            raise Mistake(f"line {line}: `{word}` means nothing")
    if found.not_run == "":
        raise Mistake(f"line {line}: it is not said why it is not run")
    if language == "console" and found.not_run is None:
        found.commands()
    return found


# --- links ---------------------------------------------------------------------------------------------------------

LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page):
    """A page without its blocks, and without code in its lines."""
    text = re.sub(r"^\s*```.*?^\s*```$", "", page.read_text(), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "`code`", text)


def anchors(page):
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^\s*```.*?^\s*```$", "", page.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page):
    """Links of a page to files and headings that don't exist."""
    broken = []
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken
