"""The subcommands: their arguments, and what each does."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import io
import json
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

from . import __version__
from ._newfile import NewFile
from ._progress import Progress
from .checks import preflight
from .crypto import RECIPIENT, UNSIGNED, Sealer, Signer, Unsealer, inspect
from .errors import KeyFormatError, WorkerError
from .keys import PoolKey, PoolPublicKey, PoolToken
from .masking import Secrets
from .policy import InitializationPolicy
from .streams import write_all

_BATCH = 1024 * 1024


def parser() -> argparse.ArgumentParser:
    """All arguments."""
    made = argparse.ArgumentParser(
        prog="spacelift-worker",
        description="Keys, tokens, sealed run state, masking, policies and checks of private workers.",
        epilog="Files named - are standard input and output.",
    )
    made.add_argument("--version", action="version", version=f"spacelift-worker {__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def command(place: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = place.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        one.add_argument("--json", action="store_true", help="print JSON, errors included")
        one.set_defaults(run=run)
        return one

    one = command(commands, "keygen", keygen, "make a pool's private key, and a certificate request with it")
    one.add_argument("key", metavar="KEY", help="the file for the private key, which must not be there yet")
    one.add_argument("csr", metavar="CSR", nargs="?", help="the file for the certificate request")
    one.add_argument("--name", default="workers", help="the common name of the request (%(default)s)")
    one.add_argument("--bits", type=int, default=4096, help="length of the key (%(default)s)")

    one = command(commands, "csr", csr, "make a certificate request for a private key")
    one.add_argument("key", metavar="KEY", help="the file of the private key")
    one.add_argument("out", metavar="CSR", nargs="?", default="-", help="where to write it (standard output)")
    one.add_argument("--name", default="workers", help="its common name (%(default)s)")
    _password(one)

    token = commands.add_parser("token", help="look into a worker pool token").add_subparsers(
        required=True, metavar="COMMAND"
    )
    one = command(token, "show", token_show, "say what stands in a token, without its secrets")
    one.add_argument("token", metavar="TOKEN", nargs="?", help="its file; else the variable SPACELIFT_TOKEN is read")

    one = command(commands, "seal", seal, "seal a file to a pool's key")
    _files(one)
    one.add_argument("--to", metavar="FILE", required=True, help="public key, certificate or private key in PEM")
    one.add_argument("--sign-with", metavar="KEY", help="private key to sign with; without it nobody signs")
    _password(one)
    _context(one, "say for what it is; may be given again")

    one = command(commands, "unseal", unseal, "open a sealed file")
    _files(one)
    one.add_argument("--key", metavar="KEY", action="append", required=True, help="private key; may be given again")
    _password(one)
    trust = one.add_mutually_exclusive_group(required=True)
    trust.add_argument("--signed-by", metavar="FILE", action="append", help="trust this public key or certificate")
    trust.add_argument("--signed-by-recipient", action="store_true", help="trust the key that it is sealed to")
    trust.add_argument("--unsigned", action="store_true", help="take what nobody signed")
    _context(one, "expect exactly this; may be given again")

    one = command(commands, "inspect", show_header, "say what a sealed file says of itself; nothing is verified")
    one.add_argument("file", metavar="FILE")

    one = command(commands, "mask", mask, "pass standard input on with every secret masked")
    one.add_argument("--env", metavar="NAME", action="append", default=[], help="mask the value of this variable")
    one.add_argument("--file", metavar="FILE", action="append", default=[], help="mask each line of this file")
    one.add_argument("--well-known", action="store_true", help="mask what looks like a token of a well-known service")
    one.add_argument("--commands", action="store_true", help="obey ::add-mask lines")

    policy = commands.add_parser("policy", help="run initialization policies").add_subparsers(
        required=True, metavar="COMMAND"
    )
    one = command(policy, "check", policy_check, "say everything that is wrong with a policy")
    one.add_argument("policy", metavar="POLICY", help="a file in Rego")
    one = command(policy, "eval", policy_eval, "judge a document by a policy; exit code 1 where it denies")
    one.add_argument("policy", metavar="POLICY", help="a file in Rego")
    one.add_argument("document", metavar="DOCUMENT", nargs="?", default="-", help="a file in JSON (standard input)")

    one = command(commands, "preflight", check_all, "look at all that a worker needs in this environment")
    one.add_argument("--probe", action="store_true", help="try each endpoint step by step")
    return made


def _files(one: argparse.ArgumentParser) -> None:
    one.add_argument("source", metavar="SOURCE")
    one.add_argument("target", metavar="TARGET")


def _password(one: argparse.ArgumentParser) -> None:
    text = "the first line is the password of a protected private key; without it a terminal is asked"
    one.add_argument("--password-file", metavar="FILE", help=text)


def _context(one: argparse.ArgumentParser, text: str) -> None:
    one.add_argument("--context", metavar="KEY=VALUE", action="append", default=[], type=_pair, help=text)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return name, value


def _print(options: argparse.Namespace, facts: dict[str, Any], out: TextIO | None = None) -> None:
    """As JSON, or a line for each fact."""
    out = out or sys.stdout
    if options.json:
        print(json.dumps(facts), file=out)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        shown = "-" if value is None else " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name.replace('_', ' '):<{width}}  {shown}", file=out)


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    with open(name, "rb") as file:
        return file.read()


def _private(name: str, options: argparse.Namespace) -> PoolKey:
    return _opened(name, _read(name), options)


def _opened(name: str, pem: bytes, options: argparse.Namespace) -> PoolKey:
    """A private key; what protects it is asked for, unless a file has it."""
    try:
        return PoolKey.from_pem(pem)
    except KeyFormatError as error:
        if error.code != "encrypted":
            raise
        if options.password_file is not None:
            first, _, _ = _read(options.password_file).partition(b"\n")
            return PoolKey.from_pem(pem, password=first.removesuffix(b"\r"))
        if not _has_terminal():
            raise ValueError(f"{name} is protected by a password; name a file that holds it: --password-file FILE") from None
    return PoolKey.from_pem(pem, password=getpass.getpass(f"Password of {name}: "))


def _has_terminal() -> bool:
    """Whether there is one to ask at, wherever standard input and output go."""
    try:
        with open("/dev/tty", "rb"):
            return True
    except OSError:
        return False


def _public(name: str, options: argparse.Namespace) -> PoolPublicKey:
    pem = _read(name)
    if b"-----BEGIN CERTIFICATE-----" in pem:
        return PoolPublicKey.from_certificate(pem)
    try:
        return PoolPublicKey.from_pem(pem)
    except KeyFormatError as error:
        if error.code != "label":
            raise
        return _opened(name, pem, options).public_key()


def keygen(options: argparse.Namespace) -> int:
    """``keygen``"""
    with NewFile(options.key, replace=False) as file:
        key = PoolKey.generate(bits=options.bits)
        write_all(file, key.to_pem())
    if options.csr:
        with NewFile(options.csr, replace=True) as file:
            write_all(file, key.csr(options.name))
    _print(options, {"key": options.key, "csr": options.csr, "kid": key.public_key().kid})
    return 0


def csr(options: argparse.Namespace) -> int:
    """``csr``"""
    key = _private(options.key, options)
    request = key.csr(options.name)
    if options.out == "-":
        if options.json:
            print(json.dumps({"kid": key.public_key().kid, "csr": request.decode()}))
        else:
            sys.stdout.write(request.decode())
        return 0
    with NewFile(options.out) as file:
        write_all(file, request)
    _print(options, {"csr": options.out, "kid": key.public_key().kid})
    return 0


def token_show(options: argparse.Namespace) -> int:
    """``token show``"""
    if options.token:
        text = _read(options.token)
    else:
        text = os.environb.get(b"SPACELIFT_TOKEN", b"")
    token = PoolToken.parse(text)
    signing_key = token.signing_key
    _print(
        options,
        {
            "pool": token.pool_id,
            "broker": token.broker_endpoint,
            "namespace": token.namespace,
            "kid": token.public_key.kid,
            "valid_from": token.not_before.isoformat(),
            "valid_until": token.not_after.isoformat(),
            "own_ca": token.ca_pem is not None,
            "signing_kid": None if signing_key is None else signing_key.kid,
        },
    )
    return 0


@contextlib.contextmanager
def _source(name: str) -> Iterator[tuple[io.FileIO, int | None]]:
    """A file and its length, where it has one."""
    if name == "-":
        # Unbuffered: what fills a buffer in one go answers no Ctrl-C before it is full.
        yield io.FileIO(sys.stdin.fileno(), closefd=False), None
        return
    with open(name, "rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        yield file, facts.st_size if stat.S_ISREG(facts.st_mode) else None


@contextlib.contextmanager
def _target(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with NewFile(name) as file:
        yield file


def _pump(source: io.FileIO, target: BinaryIO, stream: Sealer | Unsealer, progress: Progress) -> int:
    written = 0
    while piece := source.read(_BATCH):
        ready = stream.update(piece)
        write_all(target, ready)
        written += len(ready)
        progress.add(len(piece))
    rest = stream.finish()
    write_all(target, rest)
    return written + len(rest)


def seal(options: argparse.Namespace) -> int:
    """``seal``"""
    recipient = _public(options.to, options)
    signer = None if options.sign_with is None else _private(options.sign_with, options)
    context = dict(options.context)
    with _source(options.source) as (source, length):
        sealer = Sealer(recipients=[recipient], context=context, signer=signer, plain_len=length)
        with _target(options.target) as target, Progress("sealing", length) as progress:
            written = _pump(source, target, sealer, progress)
    facts = {"target": options.target, "bytes": written, "kid": recipient.kid, "context": context}
    _print(options, facts, sys.stderr if options.target == "-" else None)
    return 0


def unseal(options: argparse.Namespace) -> int:
    """``unseal``"""
    signer: Signer = UNSIGNED
    if options.signed_by_recipient:
        signer = RECIPIENT
    elif options.signed_by:
        signer = [_public(name, options) for name in options.signed_by]
    keys = [_private(name, options) for name in options.key]
    unsealer = Unsealer(key=keys, context=dict(options.context), signer=signer)
    with (
        _source(options.source) as (source, length),
        _target(options.target) as target,
        Progress("opening", length) as progress,
    ):
        written = _pump(source, target, unsealer, progress)
    _print(options, {"target": options.target, "bytes": written}, sys.stderr if options.target == "-" else None)
    return 0


def show_header(options: argparse.Namespace) -> int:
    """``inspect``"""
    start = b""
    with _source(options.file) as (source, _):
        while len(start) < 20 * 1024 and (piece := source.read(20 * 1024)):
            start += piece
    header = inspect(start)
    _print(options, header)
    return 0


def mask(options: argparse.Namespace) -> int:
    """``mask``"""
    values: list[bytes] = []
    for name in options.env:
        value = os.environb.get(os.fsencode(name))
        if value is None:
            raise WorkerError(f"the variable {name} is not set, so that its value cannot be masked", "variable")
        values.append(value)
    for name in options.file:
        values += [line for line in _read(name).splitlines() if line.strip()]
    secrets = Secrets(values, well_known=options.well_known)
    for at, why in secrets.refused:
        name = options.env[at] if at < len(options.env) else "a line of a file"
        print(f"spacelift-worker: {name} is not masked: {why.replace('_', ' ')}", file=sys.stderr)
    masker = secrets.masker(commands=options.commands)
    out = sys.stdout.buffer
    # Whatever is there, at once: who looks at a log does not wait for a buffer to fill.
    while piece := os.read(sys.stdin.fileno(), 64 * 1024):
        out.write(masker.push(piece))
        out.flush()
    out.write(masker.finish())
    out.flush()
    for notice in masker.notices():
        print(f"spacelift-worker: {notice}", file=sys.stderr)
    return 0


def policy_check(options: argparse.Namespace) -> int:
    """``policy check``"""
    policy = InitializationPolicy.from_path(options.policy)
    _print(options, {"policy": options.policy, "valid": True, "version": policy.version})
    return 0


def policy_eval(options: argparse.Namespace) -> int:
    """``policy eval``"""
    decision = InitializationPolicy.from_path(options.policy).evaluate(_read(options.document))
    if options.json:
        failure = decision.failure
        print(
            json.dumps(
                {
                    "allowed": decision.allowed,
                    "reasons": decision.reasons,
                    "sampled": decision.sampled,
                    "warnings": decision.warnings,
                    "failure": None if failure is None else {"kind": failure.kind, "detail": failure.detail},
                }
            )
        )
    else:
        print("allow" if decision else "deny")
        for reason in decision.reasons:
            print(f"  {reason}")
        for warning in decision.warnings:
            print(f"warning: {warning}", file=sys.stderr)
    return 0 if decision else 1


def check_all(options: argparse.Namespace) -> int:
    """``preflight``"""
    found = preflight(probe=options.probe)
    if options.json:
        checks = [
            {"area": check.area, "what": check.what, "verdict": check.verdict, "detail": check.detail}
            for check in found.checks
        ]
        print(json.dumps({"checks": checks, "exit_code": found.exit_code}))
    else:
        print(found)
    return found.exit_code
