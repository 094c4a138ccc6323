"""Descriptions of JSON values. Each is a function from a value and its path to the faults found, as texts."""

import re
from datetime import datetime


def kind(expected, name):
    def validate(value, path):
        # True is an int in Python, and a client that counts with it is surprised.
        fits = isinstance(value, expected) and (expected is bool or not isinstance(value, bool))
        if not fits:
            yield f"{path}: expected {name}, got {value!r:.80}"

    return validate


TEXT = kind(str, "a string")
INTEGER = kind(int, "an integer")
FLAG = kind(bool, "true or false")
ANY_OBJECT = kind(dict, "an object")


def anything(_value, _path):
    return ()


def one_of(*allowed):
    def validate(value, path):
        if value not in allowed:
            yield f"{path}: expected one of {', '.join(map(repr, allowed))}, got {value!r:.80}"

    return validate


def matching(pattern, name):
    compiled = re.compile(pattern)

    def validate(value, path):
        if not isinstance(value, str) or not compiled.fullmatch(value):
            yield f"{path}: expected {name}, got {value!r:.80}"

    return validate


def list_of(item):
    def validate(value, path):
        if not isinstance(value, list):
            yield f"{path}: expected a list, got {value!r:.80}"
            return
        for index, element in enumerate(value):
            yield from item(element, f"{path}[{index}]")

    return validate


def map_of(value_kind, key_kind=anything):
    def validate(value, path):
        if not isinstance(value, dict):
            yield f"{path}: expected an object, got {value!r:.80}"
            return
        for key, element in value.items():
            yield from key_kind(key, f"a key of {path}")
            yield from value_kind(element, f"{path}.{key}")

    return validate


def fields(required, optional=None):
    """An object with these fields; more are allowed, as the specification demands of both sides."""

    def validate(value, path):
        if not isinstance(value, dict):
            yield f"{path}: expected an object, got {value!r:.80}"
            return
        for name, field in required.items():
            if name in value:
                yield from field(value[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}: missing"
        for name, field in (optional or {}).items():
            if name in value:
                yield from field(value[name], f"{path}.{name}")

    return validate


def either(choose):
    """The description that `choose` gives for the value."""
    return lambda value, path: choose(value)(value, path)


def iso_date(value, path):
    try:
        datetime.fromisoformat(re.sub("Z$", "+00:00", value))
    except (TypeError, ValueError):
        yield f"{path}: expected a date in ISO 8601, got {value!r:.80}"
