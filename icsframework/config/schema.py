"""The JSON schema (draft 2020-12) of the whole file with the plugins that are installed.

The core's sections come from their models.  An entry that names a plugin gets
the core's keys, and by ``if``/``then`` on ``plugin`` the plugin's own; so an
editor that knows JSON schema completes and checks both.  Built on demand only:
nothing here runs when the gateway starts.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from icsframework.config.configuration import VERSION
from icsframework.config.gateway import ControlSection, GatewaySection
from icsframework.config.helpers import HelperSection
from icsframework.config.lans import LanSection, ServiceSection
from icsframework.config.plugins import KINDS, Plugins
from icsframework.config.publish import PublishSection
from icsframework.config.uplinks import UplinkSection
from icsframework.errors import PluginError
from icsframework.fields import text_type

__all__ = ["definition_of", "json_schema"]

Schema = dict[str, Any]

_REF = "#/$defs/"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9\-_]")
"""What pydantic replaces in the name of a definition."""
_CORE = (
    GatewaySection,
    ControlSection,
    LanSection,
    ServiceSection,
    UplinkSection,
    HelperSection,
    PublishSection,
)
_ENTRIES = {"uplink": UplinkSection, "lan_service": ServiceSection, "nat_helper": HelperSection}


class _Generator(GenerateJsonSchema):
    """A before-validator may take other spellings than its type; unless it says which, the schema does not judge them."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> Schema:
        inner = super().function_before_schema(schema)
        return inner if "json_schema_input_schema" in schema else {"anyOf": [inner, {}]}


def json_schema(plugins: Plugins) -> Schema:
    """The schema of the file; a plugin that cannot be loaded takes any keys, and its description says why."""
    found = dict(_find(plugins))
    models: list[type[BaseModel]] = [*_CORE, *(m for m in found.values() if not isinstance(m, str))]
    references, body = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_Generator
    )
    definitions: dict[str, Schema] = body.get("$defs", {})
    for model in _all_models(models):
        _document(model, definitions)
    names: dict[Any, str] = {
        model: references[model, "validation"]["$ref"].removeprefix(_REF) for model in models
    }
    for own in set(models) - set(_CORE):
        # The core's keys stand beside the plugin's; the entry refuses what neither knows.
        definitions[names[own]].pop("additionalProperties", None)
    for kind, entry in _ENTRIES.items():
        _join(definitions[names[entry]], kind, found, names)
    lan = definitions[names[LanSection]]["properties"]
    lan["services"] = _list_of(names[ServiceSection], lan["services"].get("description", ""))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of an ics gateway",
        "type": "object",
        "additionalProperties": False,
        "required": ["lans", "uplinks"],
        "properties": {
            "version": {"const": VERSION, "description": "The version of the file format."},
            "gateway": {"$ref": _REF + names[GatewaySection]},
            "lans": {**_list_of(names[LanSection], "The networks behind the gateway."), "minItems": 1},
            "uplinks": {
                **_list_of(names[UplinkSection], "The ways to the Internet, in order of preference."),
                "minItems": 1,
            },
            "helpers": _list_of(names[HelperSection], "Plugins for protocols that NAT breaks."),
            "publish": _list_of(names[PublishSection], "Services offered to the Internet."),
            "control": {"$ref": _REF + names[ControlSection]},
        },
        "$defs": definitions,
    }


def _find(plugins: Plugins) -> Iterator[tuple[tuple[str, str], type[BaseModel] | str]]:
    """(kind, name) and the model of each installed plugin, or why it has none."""
    for kind in KINDS:
        for name in sorted(plugins.names(kind)):
            try:
                yield (kind, name), plugins.get(kind, name).Config
            except PluginError as error:
                yield (kind, name), str(error)


def _join(
    entry: Schema, kind: str, found: dict[tuple[str, str], type[BaseModel] | str], names: dict[Any, str]
) -> None:
    """Let an entry take the keys of the plugin that it names."""
    mine = {name: model for (of_kind, name), model in found.items() if of_kind == kind}
    entry.pop("additionalProperties", None)
    entry["unevaluatedProperties"] = False
    entry["properties"].pop("own", None)
    entry["properties"]["plugin"] = {
        "description": entry["properties"]["plugin"]["description"],
        "anyOf": [{"enum": list(mine)}, {"type": "string", "pattern": ":"}],
    }
    entry["allOf"] = [_branch({"const": name}, model, names) for name, model in mine.items()]
    entry["allOf"].append(_branch({"pattern": ":"}, "keys of a plugin given as module:attribute", names))


def _branch(condition: Schema, model: type[BaseModel] | str, names: dict[Any, str]) -> Schema:
    if isinstance(model, str):
        then: Schema = {"description": model, "additionalProperties": True}
    else:
        then = {"$ref": _REF + names[model]}
    return {"if": {"properties": {"plugin": condition}, "required": ["plugin"]}, "then": then}


def _list_of(name: str, description: str) -> Schema:
    return {"type": "array", "description": description, "items": {"$ref": _REF + name}}


# --- descriptions -----------------------------------------------------------------------


def _all_models(models: list[type[BaseModel]]) -> set[type[BaseModel]]:
    """These models and those of their fields."""
    seen: set[type[BaseModel]] = set()
    waiting: list[Any] = list(models)
    while waiting:
        here = waiting.pop()
        if isinstance(here, type) and issubclass(here, BaseModel) and here not in seen:
            seen.add(here)
            waiting += [field.annotation for field in here.model_fields.values()]
        waiting += getattr(here, "__args__", ())
    return seen


def definition_of(model: type[BaseModel], definitions: dict[str, Schema]) -> Schema | None:
    """The definition of a model among ``$defs``: by its name, or by its full one where two models have the same."""
    full = _NOT_IN_NAMES.sub("_", f"{model.__module__}.{model.__qualname__}".replace(".", "__"))
    return definitions.get(model.__name__, definitions.get(full))


def _document(model: type[BaseModel], definitions: dict[str, Schema]) -> None:
    """Describe each key by its field's docstring, and write its default as the file would."""
    definition = definition_of(model, definitions)
    if definition is None:
        return
    texts = _field_docstrings(model)
    for name, field in model.model_fields.items():
        key = definition["properties"].get(field.alias or name)
        if key is None:
            continue
        key.pop("title", None)
        meaning = field.description or texts.get(name)
        if meaning:
            form = key.get("description")
            key["description"] = (
                f"{meaning.removesuffix('.')} ({form})" if form and form != meaning else meaning
            )
        _write_default(key, field)


def _write_default(key: Schema, field: FieldInfo) -> None:
    if key.get("default", "") is None:
        del key["default"]  # left out
    for annotation in field.metadata:
        if isinstance(annotation, text_type) and "default" in key:
            key["default"] = annotation.show(field.default)


def _field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The string below each field, on one line.  A model without source has none."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    except (OSError, SyntaxError, TypeError):  # TypeError: its module is no file
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return {
        statement.target.id: " ".join(text.value.value.split())
        for statement, text in pairwise(body)
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
