"""The page for users: what it shows is run, from top to bottom, and so is the README of the package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PAGES = [ROOT / "docs" / "python.md", ROOT / "spacelift-worker-py" / "README.md"]


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The code of a page, each with its line."""
    text = page.read_text()
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
    return [(text[: match.start(1)].count("\n"), match.group(1)) for match in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_page_shows_runs(page, tmp_path, token_text):
    code = ["\n" * line + block for line, block in blocks(page, "python")]
    assert code
    # One program whose lines are those of the page.
    program = "import os, sys\nnames = {}\nfor code in %r:\n    exec(compile(code, %r, 'exec'), names)\n" % (code, str(page))
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    environ = {"SPACELIFT_MOTHERSHIP": f"{target}/debug/mothership"} | os.environ | {"SPACELIFT_TOKEN": token_text}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", program],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_commands_that_the_page_shows_run(tmp_path, token_text):
    ((_, commands),) = blocks(PAGES[0], "sh")
    (tmp_path / "workspace.tar").write_bytes(bytes(100_000))
    (tmp_path / "bin").mkdir()
    wrapper = f'#!/bin/sh\nexec {sys.executable} -W error "$@"\n'
    (tmp_path / "bin" / "python").write_text(wrapper)
    (tmp_path / "bin" / "python").chmod(0o755)
    environ = os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "SPACELIFT_TOKEN": token_text}
    done = subprocess.run(["sh", "-e", "-c", commands], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "the password is *****\n" in done.stdout and "allow\n" in done.stdout and "exit code 2" in done.stdout
    assert (tmp_path / "plain.tar").read_bytes() == bytes(100_000)


def test_every_name_that_the_page_gives_exists():
    import spacelift_worker as sw

    for name in set(re.findall(r"\bsw\.([A-Za-z_]+)", PAGES[0].read_text())):
        assert hasattr(sw, name), name
