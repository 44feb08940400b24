"""JSON whose numbers stay as they were written: an event's 6.0 is not 6, and a transformer passes
on what it found."""

import json


class Number(str):
    """The text of a JSON number."""

    __slots__ = ()


def read(text):
    """The value of a JSON text, numbers as Number; raises ValueError."""
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse)


def _refuse(word):
    raise ValueError(f"{word} is no JSON")


def write(value):
    """A value of read() as JSON text, without blanks."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{write(key)}:{write(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
