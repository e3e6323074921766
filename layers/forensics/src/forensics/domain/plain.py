"""Frozen dataclasses as plain JSON values and back: what one step of a job leaves for the next."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Self, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
_hints = cache(get_type_hints)


def to_plain(value: DataclassInstance) -> dict[str, Any]:
    """Return the object as dictionaries, lists, strings and numbers that `json` can write."""
    plain: dict[str, Any] = asdict(value, dict_factory=lambda pairs: {name: _listed(v) for name, v in pairs})
    return plain


def from_plain(kind: type[T], value: Mapping[str, Any]) -> T:
    """Return the dataclass that `to_plain` took apart; members that are left out keep their defaults.

    Raises TypeError when a member without a default is missing.
    """
    hints = _hints(kind)  # type: ignore[arg-type]
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _built(hints[name], v) for name, v in value.items() if name in known})


class Plain:
    """Gives a dataclass `to_json()` and `from_json()`."""

    def to_json(self) -> dict[str, Any]:
        """Return dictionaries, lists, strings and numbers."""
        return to_plain(self)  # type: ignore[arg-type]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` took apart."""
        return from_plain(cls, value)


def _listed(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_listed(v) for v in value]
    return value.value if isinstance(value, Enum) else value


def _built(hint: Any, value: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else _built(next(a for a in inner if a is not type(None)), value)
    if origin is tuple:
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_built(k, v) for k, v in zip(kinds, value, strict=True))
    if is_dataclass(hint):
        return from_plain(hint, value)  # type: ignore[arg-type]
    if isinstance(hint, type) and issubclass(hint, Enum | float):
        return hint(value)
    return value
