"""Checks what `wheels.sh` built: the stable ABI, old systems, contents, licences, the SBOM, and that a wheel works when it is alone."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

USE = """
import spacelift_worker as sw
key = sw.PoolKey.generate(bits=2048)
sealed = sw.seal(b"plan", recipients=[key.public_key()], context={"run": "1"}, signer=key)
assert sw.unseal(sealed, key=key, context={"run": "1"}, signer=key.public_key()) == b"plan"
assert sw.Masker(["hunter2"]).push(b"hunter2!") == b"*****!"
"""


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for wanted in ("LICENSE-APACHE", "LICENSE-MIT"):
            assert any(name.endswith(f"licenses/{wanted}") for name in names), f"{wheel.name} lacks {wanted}"
        assert any(name.endswith("spacelift_worker/py.typed") for name in names), "py.typed"
        assert any(name.endswith("spacelift_worker/_native.pyi") for name in names), "_native.pyi"
        boms = [name for name in names if "/sboms/" in name]
        assert boms, f"{wheel.name} lacks an SBOM"
        bom = json.loads(archive.read(boms[0]))
        assert bom["bomFormat"] == "CycloneDX" and len(bom["components"]) > 50
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
        assert "License-Expression: Apache-2.0 OR MIT" in metadata
        assert "Requires-Dist" not in metadata


def interpreter(wheel: Path) -> str | None:
    """One of this machine that a wheel is for."""
    if platform.machine() not in wheel.name or "manylinux" not in wheel.name:
        return None
    return sys.executable if "-abi3-" in wheel.name else shutil.which("python3.14t")


def try_alone(wheel: Path, interpreter: str) -> None:
    """In an environment with nothing else in it."""
    with tempfile.TemporaryDirectory() as folder:
        run(interpreter, "-m", "venv", folder)
        python = Path(folder, "bin", "python")
        run(python, "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", wheel)
        run(python, "-X", "dev", "-W", "error", "-c", USE)
        run(Path(folder, "bin", "spacelift-worker"), "--version")
        run(python, "-m", "pip", "check")


def main(folder: Path) -> None:
    wheels = sorted(folder.glob("*.whl"))
    assert wheels, "no wheel was built"
    for wheel in wheels:
        stable = "-abi3-" in wheel.name
        if stable:
            run("abi3audit", "--strict", wheel)
        run("check-wheel-contents", "--ignore", "W004", wheel)
        fits = run("auditwheel", "show", wheel)
        wanted = next(tag for tag in wheel.stem.split("-")[-1].split(".") if "linux_" in tag)
        assert wanted in fits, fits
        check_contents(wheel)
        here = interpreter(wheel)
        if here is not None:
            try_alone(wheel, here)
        how = "works alone" if here is not None else "not tried: it is for another system, or for an interpreter that is not here"
        abi = "stable ABI" if stable else "for one version"
        print(f"{wheel.name}  {wheel.stat().st_size / 1e6:.1f} MB  {wanted}, {abi}, licences, SBOM; {how}")
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    for wanted in ("LICENSE-APACHE", "LICENSE-MIT", "Cargo.lock", "PKG-INFO"):
        assert any(name.endswith(wanted) for name in names), f"the sdist lacks {wanted}"
    with tempfile.TemporaryDirectory() as unpacked:
        with tarfile.open(sdist) as archive:
            archive.extractall(unpacked, filter="data")
        # All that a build takes is in it: the crates that it names, in the versions that were tested.
        manifest = Path(unpacked, sdist.name.removesuffix(".tar.gz"), "spacelift-worker-py", "Cargo.toml")
        run("cargo", "check", "--quiet", "--manifest-path", manifest, "--target-dir", folder.parent)
    print(f"{sdist.name}  {sdist.stat().st_size / 1e6:.1f} MB  builds")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
