"""The command of the package, as a person and as a program use it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import stat
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization

import spacelift_worker as sw
from spacelift_worker import __main__ as command
from spacelift_worker._newfile import NewFile

POLICY = 'package spacelift\n\ndeny contains "closed" if input.run.title == "friday"\n'


def run(*arguments, data=b"", code=0, env=None, text=True):
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "spacelift_worker", *map(str, arguments)],
        input=data,
        capture_output=True,
        env=os.environ | (env or {}),
        timeout=60,
    )
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return (done.stdout.decode() if text else done.stdout), done.stderr.decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, key):
    """A key, its public half and a plan."""
    place = tmp_path_factory.mktemp("command")
    (place / "key").write_bytes(key.to_pem())
    (place / "public").write_bytes(key.public_key().to_pem())
    (place / "plan").write_bytes(os.urandom(3_000_000))
    return place


def test_keygen_makes_a_key_that_only_its_owner_reads_and_a_request(tmp_path):
    out, _ = run("keygen", tmp_path / "key", tmp_path / "csr", "--bits", "2048", "--json")
    key = sw.PoolKey.from_pem((tmp_path / "key").read_bytes())
    assert json.loads(out)["kid"] == key.public_key().kid
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert (tmp_path / "csr").read_bytes().startswith(b"-----BEGIN CERTIFICATE REQUEST-----")
    before = (tmp_path / "key").read_bytes()
    _, error = run("keygen", tmp_path / "key", "--bits", "2048", code=1)
    assert "there already" in error and (tmp_path / "key").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["csr", "key"]


def test_csr_writes_a_request_to_a_file_or_to_standard_output(folder, tmp_path):
    out, _ = run("csr", folder / "key", "--name", "workers.example.com")
    assert out.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    run("csr", folder / "key", tmp_path / "csr")
    assert json.loads(run("csr", folder / "key", "--json")[0])["csr"].startswith("-----BEGIN")


def test_token_show_says_what_it_is_and_never_the_token(token_text, tmp_path):
    out, _ = run("token", "show")
    assert "01HQZX3V6MS8ZJH3YDFG5N4R7K" in out and "localhost:1" in out
    (tmp_path / "token").write_text(token_text + "\n")
    facts = json.loads(run("token", "show", tmp_path / "token", "--json")[0])
    assert facts["pool"] == "01HQZX3V6MS8ZJH3YDFG5N4R7K" and facts["valid_until"].startswith("2124")
    assert token_text[:20] not in out + json.dumps(facts) and "BEGIN" not in out
    _, error = run("token", "show", code=1, env={"SPACELIFT_TOKEN": "no token"})
    assert error.startswith("spacelift-worker: ") and error.count("\n") == 1


def test_seal_and_unseal_file_to_file_and_through_pipes(folder, tmp_path):
    context = ["--context", "run=1", "--context", "phase=plan"]
    out, _ = run("seal", folder / "plan", tmp_path / "sealed", "--to", folder / "public", "--sign-with", folder / "key", *context, "--json")
    assert json.loads(out)["bytes"] == (tmp_path / "sealed").stat().st_size
    run("unseal", tmp_path / "sealed", tmp_path / "plan", "--key", folder / "key", "--signed-by", folder / "public", *context)
    assert (tmp_path / "plan").read_bytes() == (folder / "plan").read_bytes()
    assert stat.S_IMODE((tmp_path / "plan").stat().st_mode) == 0o600
    sealed, _ = run("seal", "-", "-", "--to", folder / "key", data=b"plan", text=False)
    plain, _ = run("unseal", "-", "-", "--key", folder / "key", "--unsigned", data=sealed)
    assert plain == "plan"


def test_a_file_that_does_not_open_leaves_nothing_and_says_why(folder, tmp_path):
    run("seal", folder / "plan", tmp_path / "sealed", "--to", folder / "public", "--sign-with", folder / "key")
    whole = (tmp_path / "sealed").read_bytes()
    (tmp_path / "sealed").write_bytes(whole[:-1])
    arguments = ["unseal", tmp_path / "sealed", tmp_path / "plan", "--key", folder / "key", "--signed-by-recipient"]
    _, error = run(*arguments, "--json", code=1)
    assert json.loads(error)["code"] == "damaged"
    assert [path.name for path in tmp_path.iterdir()] == ["sealed"]
    _, error = run(*arguments, "--context", "run=1", code=1)
    assert "its run is absent, expected 1" in error


def test_inspect_says_what_a_file_says_of_itself(folder, tmp_path):
    run("seal", folder / "plan", tmp_path / "sealed", "--to", folder / "public", "--context", "run=1")
    assert json.loads(run("inspect", tmp_path / "sealed", "--json")[0])["context"] == {"run": "1"}
    out, _ = run("inspect", "-", data=(tmp_path / "sealed").read_bytes())
    assert "run=1" in out and "Cobblestone-256" in out


def test_mask_is_a_filter_that_waits_for_nothing(tmp_path):
    (tmp_path / "secrets").write_text("battery-staple\n\n")
    arguments = ["mask", "--env", "DB_PASSWORD", "--file", tmp_path / "secrets"]
    process = subprocess.Popen(
        [sys.executable, "-m", "spacelift_worker", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"DB_PASSWORD": "correct-horse"},
        bufsize=0,
    )
    process.stdin.write(b"one correct-horse two\n")
    # The first line comes out while the input stays open.
    assert process.stdout.readline() == b"one ***** two\n"
    process.stdin.write(b"battery-staple!")
    process.stdin.close()
    assert process.stdout.read() == b"*****!"
    assert process.wait() == 0
    process.stdout.close()


def test_mask_says_what_it_does_not_mask():
    out, error = run("mask", "--env", "SHORT", data=b"abc", env={"SHORT": "abc"})
    assert out == "abc" and "SHORT is not masked: too short" in error
    _, error = run("mask", "--env", "NOWHERE", code=1)
    assert "NOWHERE is not set" in error
    out, error = run("mask", "--commands", data=b"::add-mask::no\n::add-mask::hunter2\nhunter2!\n")
    assert out == "*****!\n" and "common word" in error


def test_a_reader_that_has_enough_is_no_error_of_ours():
    shell = f"yes password | {sys.executable} -m spacelift_worker mask | head -n 1"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, timeout=60)
    assert done.stdout == b"password\n" and b"Traceback" not in done.stderr and b"Exception" not in done.stderr


def test_policies_are_checked_and_evaluated(tmp_path):
    policy = tmp_path / "policy.rego"
    policy.write_text(POLICY)
    assert "Rego v1" in run("policy", "check", policy)[0]
    assert run("policy", "eval", policy, data=b'{"run": {"title": "monday"}}')[0] == "allow\n"
    (tmp_path / "run.json").write_text('{"run": {"title": "friday"}}')
    assert run("policy", "eval", policy, tmp_path / "run.json", code=1)[0] == "deny\n  closed\n"
    facts = json.loads(run("policy", "eval", policy, tmp_path / "run.json", "--json", code=1)[0])
    assert facts["reasons"] == ["closed"] and facts["allowed"] is False
    policy.write_text("package other\n")
    _, error = run("policy", "check", policy, "--json", code=2)
    assert json.loads(error)["details"]["problems"][0]["line"] == 1


def test_preflight_is_a_table_or_json_and_an_exit_code():
    out, _ = run("preflight", code=2)
    assert "SPACELIFT_POOL_PRIVATE_KEY" in out and "FAILED" in out
    found = json.loads(run("preflight", "--json", code=2)[0])
    assert found["exit_code"] == 2 and found["checks"]


@pytest.mark.parametrize("arguments", [[], ["seal"], ["unseal", "a", "b", "--key", "k"], ["seal", "a", "b", "--to", "k", "--context", "x"]])
def test_wrong_arguments_are_exit_code_2(arguments):
    assert "usage:" in run(*arguments, code=2)[1]


def test_every_subcommand_has_help(capsys):
    for words in (["keygen"], ["csr"], ["token", "show"], ["seal"], ["unseal"], ["inspect"], ["mask"], ["policy", "check"], ["policy", "eval"], ["preflight"]):
        with pytest.raises(SystemExit) as end:
            command.main([*words, "--help"])
        assert end.value.code == 0 and "--json" in capsys.readouterr().out


def on_a_terminal(arguments):
    """Runs it with a terminal for standard error, and gives what is shown there."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "spacelift_worker", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.close(follower)
    return process, leader


@pytest.fixture(scope="module")
def protected(folder, key):
    """The key, with a password."""
    theirs = serialization.load_pem_private_key(key.to_pem(), None)
    protection = serialization.BestAvailableEncryption(b"open sesame")
    pem = theirs.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    (folder / "protected").write_bytes(pem)
    (folder / "password").write_bytes(b"open sesame\r\nnotes\n")
    return folder / "protected"


def test_the_password_of_a_key_comes_from_a_file(folder, protected, tmp_path):
    given = ["--password-file", folder / "password"]
    run("seal", folder / "plan", tmp_path / "sealed", "--to", protected, "--sign-with", protected, *given)
    run("unseal", tmp_path / "sealed", tmp_path / "plan", "--key", protected, "--signed-by", protected, *given)
    assert (tmp_path / "plan").read_bytes() == (folder / "plan").read_bytes()
    assert run("csr", protected, *given)[0].startswith("-----BEGIN CERTIFICATE REQUEST-----")
    (tmp_path / "wrong").write_text("open barley")
    assert "the passphrase does not open" in run("csr", protected, "--password-file", tmp_path / "wrong", code=1)[1]
    # A key without one needs none.
    run("csr", folder / "key", *given)


def test_the_password_of_a_key_is_asked_for_at_the_terminal_and_not_shown(protected):
    leader, follower = pty.openpty()
    program = [sys.executable, "-X", "dev", "-W", "error", "-m", "spacelift_worker", "csr", str(protected)]
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *program], stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.close(follower)
    shown = b""
    while b"Password of" not in shown:
        shown += os.read(leader, 1000)
    os.write(leader, b"open sesame\n")
    out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, b"") and b"CERTIFICATE REQUEST" in out
    assert b"sesame" not in shown + os.read(leader, 1000)
    os.close(leader)


def test_without_a_terminal_a_file_with_the_password_is_asked_for(protected):
    program = [sys.executable, "-m", "spacelift_worker", "csr", str(protected)]
    done = subprocess.run(program, capture_output=True, stdin=subprocess.DEVNULL, start_new_session=True, timeout=60)
    assert done.returncode == 1 and b"--password-file FILE" in done.stderr and b"Traceback" not in done.stderr


def test_a_bar_is_drawn_on_a_terminal_while_it_takes_long_and_is_gone_after(folder):
    process, leader = on_a_terminal(["seal", "-", "/dev/null-is-no-folder/x", "--to", folder / "public"])
    process.stdin.close()
    assert process.wait(60) == 1
    assert b"sealing" not in os.read(leader, 10_000)
    os.close(leader)
    process, leader = on_a_terminal(["seal", "-", "-", "--to", folder / "public"])
    shown = b""
    while b"sealing" not in shown:
        process.stdin.write(bytes(1024 * 1024))
        process.stdin.flush()
        if select.select([leader], [], [], 0)[0]:
            shown += os.read(leader, 10_000)
    process.stdin.close()
    assert process.wait(60) == 0
    shown += os.read(leader, 10_000)
    os.close(leader)
    assert b"MiB" in shown and b"\x1b[K" in shown
    process.stdin.close()


def test_nothing_is_drawn_where_there_is_no_terminal(folder, tmp_path):
    _, error = run("seal", folder / "plan", tmp_path / "sealed", "--to", folder / "public")
    assert error == ""


def test_ctrl_c_leaves_no_file_behind(folder, tmp_path):
    command = [sys.executable, "-m", "spacelift_worker", "seal", "-", str(tmp_path / "sealed"), "--to", str(folder / "public")]
    with subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not list(tmp_path.iterdir()):
            process.stdin.write(b"x")
        process.send_signal(signal.SIGINT)
        # Python looks for signals between two calls of the system, so the input goes on until it has seen this one.
        with contextlib.suppress(BrokenPipeError):
            while process.poll() is None:
                process.stdin.write(b"x")
        assert process.wait(30) == 130
        assert list(tmp_path.iterdir()) == [] and b"Traceback" not in process.stderr.read()


def interrupt_after(calls):
    """Ctrl-C at the end of the given number of calls: the interpreter looks for signals when it enters and leaves a function."""

    def count(_frame, event, _argument):
        nonlocal calls
        if event in ("call", "c_return"):
            calls -= 1
            if calls == 0:
                raise KeyboardInterrupt

    return count


# A file that is open and not yet bound to a name is closed by the collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("replace", [True, False])
def test_ctrl_c_at_any_moment_leaves_a_whole_file_or_none(tmp_path, replace):
    for calls in range(1, 1000):
        place = tmp_path / str(calls)
        place.mkdir()
        try:
            sys.setprofile(interrupt_after(calls))
            with NewFile(str(place / "new"), replace=replace) as file:
                file.write(b"whole")
        except KeyboardInterrupt:
            pass
        else:
            break
        finally:
            sys.setprofile(None)
        assert [entry.name for entry in place.iterdir()] in ([], ["new"]), f"interrupted after {calls} calls"
        assert all(entry.read_bytes() == b"whole" for entry in place.iterdir())
    assert 10 < calls < 999
