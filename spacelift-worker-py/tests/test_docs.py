"""Every public name is documented, with types and an example, and every example says what happens."""

from __future__ import annotations

import base64
import dataclasses
import doctest
import importlib
import inspect
import os
import pkgutil
import types

import pytest
from conftest import ROOT

import spacelift_worker


@pytest.fixture(autouse=True)
def a_pool(environment, monkeypatch, key):
    """Examples connect as a launcher does, to a broker where nobody listens, and start a control plane where one is built."""
    monkeypatch.setenv("SPACELIFT_POOL_PRIVATE_KEY", base64.b64encode(key.to_pem()).decode())
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    monkeypatch.setenv("SPACELIFT_MOTHERSHIP", os.environ.get("SPACELIFT_MOTHERSHIP", f"{target}/debug/mothership"))


def modules():
    yield spacelift_worker
    for found in pkgutil.iter_modules(spacelift_worker.__path__):
        if found.name not in ("_native", "__main__"):
            yield importlib.import_module(f"spacelift_worker.{found.name}")


def members(owner):
    """Public methods and properties that a class of this package defines itself."""
    for name, value in vars(owner).items():
        if name.startswith("_"):
            continue
        if isinstance(value, classmethod | staticmethod):
            yield name, value.__func__
        elif isinstance(value, property | types.FunctionType):
            yield name, value


def public_names():
    for module in modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if module is spacelift_worker and getattr(value, "__module__", module.__name__) != module.__name__:
                continue  # where it is defined
            if isinstance(value, type | types.FunctionType):
                yield f"{module.__name__}.{name}", value
            if isinstance(value, type):
                for member, function in members(value):
                    yield f"{module.__name__}.{name}.{member}", function


NAMES = dict(public_names())


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_an_example_that_does_what_it_says(name):
    value = NAMES[name]
    text = inspect.getdoc(value)
    assert text, f"{name} has no documentation"
    examples = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert examples.examples, f"{name} has no example"
    failures = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=failures.append, clear_globs=True)
    assert not failures, "".join(failures)


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.__name__)
def test_the_examples_of_a_module_do_what_they_say(module):
    assert module.__doc__, "a module says its job first"
    test = doctest.DocTestParser().get_doctest(module.__doc__, {}, module.__name__, None, 0)
    failures = []
    doctest.DocTestRunner().run(test, out=failures.append)
    assert not failures, "".join(failures)


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_types(name):
    value = NAMES[name]
    function = value.fget if isinstance(value, property) else value
    if isinstance(function, type):
        function = function.__init__
        if not isinstance(function, types.FunctionType) or dataclasses.is_dataclass(value):
            return
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty, name
    for parameter in list(signature.parameters.values()):
        if parameter.name not in ("self", "cls"):
            assert parameter.annotation is not inspect.Parameter.empty, f"{name}({parameter.name})"


def test_all_lists_every_public_name_once_and_in_order():
    names = spacelift_worker.__all__
    assert len(names) == len(set(names))
    assert all(hasattr(spacelift_worker, name) for name in names)


def test_help_shows_no_native_name():
    import pydoc

    for name in spacelift_worker.__all__:
        text = pydoc.plain(pydoc.render_doc(getattr(spacelift_worker, name)))
        assert "spacelift_worker" in text
