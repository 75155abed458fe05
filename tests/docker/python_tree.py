"""Copies this Python, its environment and every library that they load into a tree, under the same paths, for an image.

usage: python python_tree.py TREE
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig

# What an image does without, and what is large.
STDLIB_WITHOUT = shutil.ignore_patterns(
    "__pycache__", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pydoc_data",
    "config-*", "_tkinter*", "site-packages", "dist-packages", "ansible_test", "pip", "*.a",
)


WITHOUT = shutil.ignore_patterns("__pycache__")


def copy(tree: pathlib.Path, path: pathlib.Path, without=WITHOUT) -> None:
    """A file or folder under its own path, links as links with what they name."""
    target = tree / path.relative_to("/")
    if os.path.lexists(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        os.symlink(os.readlink(path), target)
        copy(tree, path.parent / os.readlink(path))
    elif path.is_dir():
        shutil.copytree(path, target, symlinks=True, ignore=without)
    else:
        shutil.copy2(path, target)


def libraries(tree: pathlib.Path) -> set:
    """What the programs and modules in a tree load."""
    files = [str(path) for path in tree.rglob("*") if path.is_file() and not path.is_symlink()
             and (path.suffix == ".so" or ".so." in path.name or path.name.startswith("python"))]
    listed = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    return {pathlib.Path(found) for found in re.findall(r"(/\S+\.so\S*) \(0x", listed)}


def main() -> None:
    tree = pathlib.Path(sys.argv[1])
    environment = pathlib.Path(sys.prefix)
    copy(tree, pathlib.Path(os.path.realpath(sys.executable)))
    copy(tree, pathlib.Path(sysconfig.get_path("stdlib")), STDLIB_WITHOUT)
    copy(tree, pathlib.Path(sysconfig.get_path("platstdlib")), STDLIB_WITHOUT)
    copy(tree, environment / "bin")
    # Each link on the way to the program itself.
    link = pathlib.Path(sys.executable)
    while link.is_symlink():
        link = link.parent / os.readlink(link)
        copy(tree, link)
    copy(tree, environment / "pyvenv.cfg")
    site = pathlib.Path(sysconfig.get_path("purelib"))
    for entry in site.iterdir():
        if entry.name not in ("pip", "ansible_test", "__pycache__"):
            copy(tree, entry)
    # Ansible wants UTF-8, which some systems have as a file.
    locale = pathlib.Path("/usr/lib/locale/C.utf8")
    if locale.exists():
        copy(tree, locale)
    for library in libraries(tree):
        # The loader's name is a link to what it is on some systems, and the other way round on others.
        target = tree / library.relative_to("/")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, target, follow_symlinks=True)


main()
