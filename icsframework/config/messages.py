"""pydantic's complaints in words for people, each with the way out.

Types of this project raise FieldError, which brings both halves of the
sentence.  The rest are pydantic's own error types, translated here.  The input
is quoted only where it cannot be a secret.
"""

from collections.abc import Collection, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from icsframework.fields import FieldError
from icsframework.quantities import shown

__all__ = ["explain", "fields_at", "nearest", "unknown_key"]

MAX_WORD = 64
"""Characters that are compared; the time it takes grows with the square."""

_NOT_A = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "a mapping",
    "model": "a mapping",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
}
_ADVICE = {
    "int": "write for example 5",
    "float": "write for example 1.5",
    "bool": "write true or false",
    "dict": "write key: value lines below it, or {key: value}",
    "model": "write key: value lines below it, or {key: value}",
    "list": "write [a, b], or entries that begin with - below it",
    "tuple": "write [a, b], or entries that begin with - below it",
    "set": "write [a, b], or entries that begin with - below it",
    "frozen_set": "write [a, b], or entries that begin with - below it",
}
_BOUNDS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}


def nearest(word: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    """The known word that was probably meant."""
    from difflib import get_close_matches  # only a file with errors needs it

    for spelling in (word, word.lower(), word.lower().replace("_", "-")):
        if found := get_close_matches(spelling[:MAX_WORD], known, 1, cutoff):
            return found[0]
    return None


def unknown_key(key: str, known: Collection[str]) -> tuple[str, str]:
    """The sentence for a key that nobody knows."""
    guess = nearest(key, known)
    advice = f"did you mean {guess}?" if guess else f"known here: {', '.join(sorted(known)) or 'nothing'}"
    return f"unknown key {shown(key)}", advice


def explain(error: Mapping[str, Any]) -> tuple[str, str]:
    """Message and advice for one entry of ``ValidationError.errors()``."""
    kind, value = str(error["type"]), error.get("input")
    context: Mapping[str, Any] = error.get("ctx") or {}
    if kind == "value_error":
        return _from_exception(context.get("error"))
    if kind == "assertion_error":
        return str(context.get("error") or "this value is not acceptable"), ""
    if kind == "missing":
        return "is missing", "add it"
    if kind in ("literal_error", "enum"):
        return _choice(value, str(context.get("expected", "")))
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{shown(value)} is out of range", f"it {words} {context.get(key)}"
    if kind == "too_short" and not value:
        return "is empty", "leave it out, or write an entry"
    if kind in ("too_short", "too_long"):
        bound = context.get("min_length") if kind == "too_short" else context.get("max_length")
        return (
            "has the wrong number of entries",
            f"it takes at {'least' if kind == 'too_short' else 'most'} {bound}",
        )
    if kind.startswith("string_"):
        return _text(kind, value, context)
    base = kind.rpartition("_")[0]
    if base in _NOT_A:
        return f"{shown(value)} is not {_NOT_A[base]}", _ADVICE[base]
    return str(error.get("msg", "this value is not acceptable")).replace("Input should", "it should"), ""


def _from_exception(error: object) -> tuple[str, str]:
    if isinstance(error, FieldError):
        return error.problem, error.advice
    return str(error) or "this value is not acceptable", ""


def _choice(value: object, expected: str) -> tuple[str, str]:
    choices = [word.strip().strip("'") for part in expected.split(", ") for word in part.split(" or ")]
    guess = nearest(value, choices) if isinstance(value, str) else None
    listed = expected.replace("'", "")
    return (
        f"{shown(value)} is not one of the choices",
        f"did you mean {guess}?" if guess else f"write {listed}",
    )


def _text(kind: str, value: object, context: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "string_type":
        what = "true or false" if isinstance(value, bool) else "a number"
        if isinstance(value, int | float):
            return f"this would be read as {what}, but text is wanted", 'put it in quotes: "..."'
        return (
            f"{shown(value)} is not text" if value is None else "this is not text",
            "write a word or a quoted text",
        )
    if kind == "string_too_short":
        return "the text is too short", f"it takes at least {context.get('min_length')} characters"
    if kind == "string_too_long":
        return "the text is too long", f"it takes at most {context.get('max_length')} characters"
    return "the text has the wrong form", f"it must match {context.get('pattern', 'the form required')}"


def fields_at(model: type[BaseModel], path: tuple[str | int, ...]) -> set[str]:
    """The keys that the model at ``path`` below ``model`` knows; empty where there is no model."""
    here: Any = model
    for part in path:
        here = _step(here, part)
    found = _model_in(here)
    return (
        set()
        if found is None
        else {field.alias or name for name, field in found.model_fields.items() if name != "own"}
    )


def _step(annotation: Any, part: str | int) -> Any:
    """The annotation one step down."""
    model = _model_in(annotation)
    if model is not None and isinstance(part, str):
        for name, field in model.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
        return None
    arguments = [a for a in get_args(_bare(annotation)) if a is not Ellipsis]
    return arguments[-1] if arguments else None


def _bare(annotation: Any) -> Any:
    """Without Annotated and without ``| None``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            members = [a for a in get_args(annotation) if a is not type(None)]
            if len(members) != 1:
                return annotation
            annotation = members[0]
        else:
            return annotation


def _model_in(annotation: Any) -> type[BaseModel] | None:
    bare = _bare(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None
