"""Which decorators keep what they decorate, so that a second definition of the name takes nothing.

Owns what a decorator's own text tells of that: `@app.route("/a")` puts a function into a registry,
where it lives on under whatever name; `@lru_cache(maxsize=9)` wraps it, and the wrapper goes with
the name. Where the text leaves it open a decorator is taken to register: a finding that is not made
costs less than one that is wrong.
"""

from __future__ import annotations

import re

# Modules whose decorators wrap; a registry is somebody's object.
_WRAPPING_MODULES = (
    r"functools|contextlib|dataclasses|abc|typing|typing_extensions|types|enum|warnings|asyncio"
    r"|unittest|mock|hypothesis|pytest\.mark|attrs?|numba|nb|torch|jax|tf|tenacity|backoff|click"
    r"|tornado|six|support|transaction|ray"
)
_WRAPPERS = (
    r"\w*property|staticmethod|classmethod|final|overrid\w+|\w*cache\w*|memoi[sz]e\w*|\w*memo"
    r"|wraps|\w*contextmanager|dataclass\w*|define|frozen|mutable|total_ordering|unique"
    r"|runtime_checkable|no_type_check|deprecat\w+|patch(?:\.\w+)?|skip\w*|expectedFailure|xfail"
    r"|usefixtures|parametri[sz]e\w*|settings|example|seed|freeze_time|retry\w*|\w+_retry|n?jit"
    r"|(?:gu)?vectorize|require\w*|\w+_required|\w+_exempt|\w*permission\w*|user_passes_test"
    r"|login_\w+|vary_on_\w+|method_decorator|atomic|coroutine|timed|timeout|timeit|traced?"
    r"|logg?ed|log_\w+|lock\w*|synchronized|throttle\w*|debounce\w*|rate_?limit\w*|limit\w*"
    r"|inject|with_\w+|pass_\w+|option|argument|\w+_option|validate_\w+|typechecked|beartype"
    r"|singleton|no_grad|inference_mode|compile|contract\w*|suppress\w*|benchmark|profile\w*"
)
_WRAPS = re.compile(rf"(?:{_WRAPPING_MODULES})\..+|(?:[\w.]+\.)?_*(?:{_WRAPPERS})")
# `given("a step")` of behave takes a text, `given(st.text())` of hypothesis what makes values.
_STEP = re.compile(r"""[rRuUbBfF]{0,2}["']|parsers?\b|parse\w*\(|re\.|cfparse\b""")


def registers(decorator: str, text: str) -> bool:
    """True where a decorator hands what it decorates to somebody who keeps it.

    Args:
        decorator: As written, without the `@`.
        text: The file's text, whose imports say what is a module and what an object.
    """
    callee, _, arguments = decorator.partition("(")
    callee, arguments = callee.strip(), arguments.strip()
    if _WRAPS.fullmatch(callee):
        return False
    if callee.rpartition(".")[2] == "given":
        return _STEP.match(arguments) is not None
    if arguments not in ("", ")"):
        return True
    root, dot, _ = callee.partition(".")
    # `@app.before_request` is asked of an object, `@library.fast` is a module's function.
    return bool(dot) and not _is_module(root, text)


def overload_names(text: str) -> frozenset[str]:
    """The names that a file imports `overload` under."""
    return frozenset(re.findall(r"\boverload\s+as\s+(\w+)", text))


def _is_module(name: str, text: str) -> bool:
    imported = rf"(?m)^[ \t]*import[ \t]+(?:[\w. \t,]*[ \t,])?{re.escape(name)}\b"
    return re.search(imported, text) is not None
