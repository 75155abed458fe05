"""Policies, configuration, preflight: what is made of them, and everything that is wrong at once."""

from __future__ import annotations

import base64
import json
import os
import pickle

import pytest

import spacelift_worker as sw

POLICY = """package spacelift

deny contains sprintf("%s may not apply", [input.run.triggered_by]) if {
    input.run.state == "PREPARING_APPLY"
    input.run.triggered_by == "mallory"
}

sample if true
"""


def test_a_decision_has_reasons_and_is_true_where_the_run_may_start():
    policy = sw.InitializationPolicy.from_source(POLICY)
    denied = policy.evaluate({"run": {"state": "PREPARING_APPLY", "triggered_by": "mallory"}})
    assert (denied.allowed, denied.reasons, denied.sampled, bool(denied)) == (False, ("mallory may not apply",), True, False)
    allowed = policy.evaluate('{"run": {"state": "PREPARING_APPLY", "triggered_by": "alice"}}')
    assert (allowed.allowed, allowed.reasons, allowed.failure, bool(allowed)) == (True, (), None, True)


def test_a_policy_names_all_its_mistakes_with_their_places():
    with pytest.raises(sw.PolicyError) as refused:
        sw.InitializationPolicy.from_source("package spacelift\n\ndeny contains a if b\n\nsample := 5\n", name="my.rego")
    error = refused.value
    assert len(error.problems) >= 2 and (error.line, error.column) == (error.problems[0].line, error.problems[0].column)
    assert "my.rego:3:" in str(error) and isinstance(error, ValueError)
    again = pickle.loads(pickle.dumps(error))
    assert (again.problems, str(again), again.code) == (error.problems, str(error), error.code)


def test_a_policy_from_a_file_has_its_path_for_a_name(tmp_path):
    (tmp_path / "policy.rego").write_text(POLICY)
    policy = sw.InitializationPolicy.from_path(tmp_path / "policy.rego")
    assert (policy.name, policy.source) == (str(tmp_path / "policy.rego"), POLICY)
    assert "mallory" not in repr(policy)


@pytest.mark.parametrize(("document", "error"), [("{", ValueError), (b"\xff", ValueError), ({"a": object()}, TypeError), ({"a": float("nan")}, ValueError), (5, TypeError)])
def test_what_is_no_document_is_refused(document, error):
    with pytest.raises(error):
        sw.InitializationPolicy.from_source(POLICY).evaluate(document)


def test_a_policy_that_takes_too_long_denies():
    slow = """package spacelift

deny contains "slow" if {
    input.run.title == "slow"
    some i, j, k
    numbers.range(1, 3000)[i] + numbers.range(1, 3000)[j] + numbers.range(1, 3000)[k] == -1
}
"""
    policy = sw.InitializationPolicy.from_source(slow, time_limit=0.2)
    decision = policy.evaluate({"run": {"title": "slow"}})
    assert not decision and decision.failure.kind == "timeout"


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_is_a_number_of_seconds(limit):
    with pytest.raises(ValueError, match="time limit"):
        sw.InitializationPolicy.from_source(POLICY, time_limit=limit)


def variables(token_text, key, **more):
    return {"SPACELIFT_TOKEN": token_text, "SPACELIFT_POOL_PRIVATE_KEY": base64.b64encode(key.to_pem()).decode(), **more}


def test_a_configuration_is_read_from_any_mapping(token_text, key):
    config = sw.LauncherConfig.from_env(
        variables(
            token_text,
            key,
            SPACELIFT_LAUNCHER_RUN_TIMEOUT="1h30m",
            SPACELIFT_METADATA_zone="a",
            SPACELIFT_WHITELIST_ENVS="PATH,HOME",
            SPACELIFT_WORKER_EXTRA_MOUNTS="/a:/b",
        )
    )
    assert config.timeouts.run == 5400.0 and config.metadata == {"zone": "a"}
    assert config.environment.allowed[-2:] == ("PATH", "HOME")
    assert config.docker.extra_mounts == (sw.Mount("/a", "/b"),)


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(sw.ConfigError) as refused:
        sw.LauncherConfig.from_env({"SPACELIFT_LAUNCHER_RUN_TIMEOUT": "soon"})
    problems = refused.value.problems
    names = [problem.variable for problem in problems]
    assert {"SPACELIFT_TOKEN", "SPACELIFT_POOL_PRIVATE_KEY", "SPACELIFT_LAUNCHER_RUN_TIMEOUT"} == set(names)
    assert str(refused.value).splitlines() == [str(problem) for problem in problems]
    assert isinstance(refused.value, ValueError)
    assert pickle.loads(pickle.dumps(refused.value)).problems == problems


def test_what_is_probably_not_meant_is_a_warning(token_text, key):
    config = sw.LauncherConfig.from_env(variables(token_text, key, SPACELIFT_TOKN="x") | {"PS1": "\udcff"})
    assert any("SPACELIFT_TOKN" in warning for warning in config.warnings)
    assert "PS1: left out, since it is not UTF-8" in config.warnings


@pytest.mark.parametrize("name", ["SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", "SPACELIFT_MASK_ENVS", "SPACELIFT_X"])
def test_a_variable_of_ours_that_is_not_utf8_is_never_left_out(name, token_text, key):
    environ = variables(token_text, key) | {name: "/etc/r\udce9gles.rego"}
    with pytest.raises(sw.ConfigError) as refused:
        sw.LauncherConfig.from_env(environ)
    assert [problem.variable for problem in refused.value.problems] == [name]
    assert "UTF-8" in str(refused.value)
    found = sw.preflight(environ)
    assert not found and any(name in repr(check) and check.verdict == "failed" for check in found.checks)


def test_nothing_shows_a_secret_of_the_configuration(token_text, key):
    environ = variables(token_text, key, HTTPS_PROXY="http://user:hunter2@proxy:3128")
    config = sw.LauncherConfig.from_env(environ)
    shown = repr(config) + str(config)
    assert token_text not in shown and "hunter2" not in shown and environ["SPACELIFT_POOL_PRIVATE_KEY"] not in shown
    with pytest.raises(TypeError):
        pickle.dumps(config)
    with pytest.raises(AttributeError):
        config.metadata = {}


def test_the_environment_of_the_process_is_the_default(token_text, key, monkeypatch):
    for name, value in variables(token_text, key).items():
        monkeypatch.setenv(name, value)
    assert sw.LauncherConfig.from_env() == sw.LauncherConfig.from_env(os.environ)


def test_preflight_tells_what_lacks_as_data_and_as_a_table(token_text, key):
    found = sw.preflight(variables(token_text, key))
    checks = {check.what: check for check in found.checks}
    assert checks["key and certificate"].verdict == "passed" and "01HQZX3V6MS8ZJH3YDFG5N4R7K" in checks["key and certificate"].detail
    assert "memory" in str(found) and json.dumps([check.verdict for check in found.checks])
    broken = sw.preflight({"SPACELIFT_TOKEN": "x"})
    assert (broken.exit_code, broken.passed, bool(broken)) == (2, False, False)
    unread = sw.preflight({"X": "\udcff"})
    assert any("not UTF-8" in check.detail for check in unread.checks)
