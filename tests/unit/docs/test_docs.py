"""The pages say what is there: generated page, links, commands, targets, files."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer.main
from typer import Typer

from nansha.cli import app
from nansha.wiredoc import render

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def commands_of(text, program):
    """Calls of `program` in code: between backticks, or on a line that is indented or fenced."""
    spans = re.findall(r"`([^`\n]+)`", text)
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    lines += [line for block in FENCE.finditer(text) for line in block.group().splitlines()]
    calls = []
    for span in (*spans, *lines):
        words = span.removeprefix("$ ").removeprefix(".venv/bin/")
        if re.fullmatch(rf"{program}( \S+)*", words):
            calls.append(words)
    return calls


def cli_tree(typer_app: Typer):
    return typer.main.get_command(typer_app)


def options_of(command):
    return {
        word
        for parameter in command.params
        for word in (*parameter.opts, *parameter.secondary_opts)
    }


def problem_of(call):
    """Why this call of nansha cannot be, or None."""
    command = cli_tree(app)
    arguments = []
    for word in shlex.split(call.replace("…", "_"))[1:]:
        children = getattr(command, "commands", {})
        if word.startswith("--"):
            if word.partition("=")[0] not in options_of(command) | {"--help"}:
                return f"{command.name} has no option {word}"
        elif children:
            if word not in children:
                return f"there is no command {word!r} in {command.name}"
            command = children[word]
        else:
            arguments.append(word)
    return None


def test_the_wire_page_is_current():
    page = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
    assert page == render(), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page):
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        assert there.resolve().is_relative_to(ROOT), target
        assert there.exists(), target
        if anchor:
            assert anchor in headings(there), target


def headings(page):
    """Anchors of a page, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_exist(page):
    for call in commands_of(page.read_text(encoding="utf-8"), "nansha"):
        assert problem_of(call) is None, f"`{call}`: {problem_of(call)}"


def test_every_command_is_in_the_readme():
    named = {
        " ".join(word for word in call.split()[1:3] if word.isalpha() and word.islower())
        for call in commands_of((ROOT / "README.md").read_text(encoding="utf-8"), "nansha")
    }
    wanted = set()
    for name, command in cli_tree(app).commands.items():
        children = getattr(command, "commands", None)
        wanted |= {f"{name} {child}" for child in children} if children else {name}
    assert wanted <= named


def test_a_command_that_does_not_exist_is_found():
    assert problem_of("nansha hil run X --out Y") is None
    assert problem_of("nansha hil fly X")
    assert problem_of("nansha run SITE --fast")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_make_targets_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for call in commands_of(page.read_text(encoding="utf-8"), "make"):
        words = [word for word in call.split()[1:] if "=" not in word]
        assert set(words) <= targets, call


def test_files_of_the_map_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", readme, flags=re.MULTILINE)
    table = next(part for part in section if part.startswith("Where things are"))
    paths = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert len(paths) >= 8
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_files_named_in_code_exist():
    """`firmware/…`, `docs/…` and the like between backticks, unless they are made by a command."""
    code = ["firmware", "boards", "core_c", "host", "hil"]
    top = [*code, "sites", "scenarios", "tests", "docs", ".ci"]
    for page in PAGES:
        for span in re.findall(r"`([^`\s]+)`", page.read_text(encoding="utf-8")):
            path = span.rstrip("/")
            if path.split("/")[0] in top and "/" in path and "…" not in path:
                assert (ROOT / path).exists(), f"{page.name}: {span}"


def test_the_picture_is_light():
    assert (ROOT / "docs" / "day.png").stat().st_size <= 250_000


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_path_of_one_machine():
    """A home, a checkout or a temporary folder in a file means that it works on one machine."""
    here = re.escape(str(ROOT))
    personal = re.compile(rf"{here}\b|/home/[a-z]|/Users/[A-Za-z]|/root/|[A-Z]:\\Users")
    for path in tracked():
        if path == Path(__file__) or not path.is_file():
            continue
        data = path.read_bytes()
        if b"\0" in data[:8192]:
            continue
        found = personal.search(data.decode("utf-8", "replace"))
        assert found is None, f"{path.relative_to(ROOT)}: {found and found.group()}"
