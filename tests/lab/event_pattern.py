"""Event patterns of EventBridge, matched as its own matcher (Event Ruler, open source) does.

An event is flattened into fields: a dotted name, a value, and which element of which array it
stands in. A pattern is flattened into names with alternatives; every name has to be met by one
field, and no two of these fields may stand in different elements of one array. A name that must not
exist is judged, in the order of the names, among the fields that agree with the elements chosen so
far.
"""

import itertools
import re
from decimal import Decimal

import raw_json
from raw_json import Number

# A number beyond is compared as text, and has no place in a range.
NUMBER_MAX = Decimal(5_000_000_000)
LOWER = {">": lambda a, b: a > b, ">=": lambda a, b: a >= b}
UPPER = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b}
ABSENT = object()


class PatternError(ValueError):
    """PutRule refuses the pattern."""


class Field:
    """A leaf of an event."""

    def __init__(self, name, value, places):
        self.name = name
        self.value = value
        self.places = places  # {array: element}


class EventPattern:
    """A pattern: compiled from its JSON text, raises PatternError."""

    def __init__(self, text):
        try:
            pattern = raw_json.read(text)
        except ValueError as error:
            raise PatternError(f"Event pattern is not valid: {error}") from error
        if not isinstance(pattern, dict):
            raise PatternError("Filter is not an object")
        self._rules = [sorted(rule.items()) for rule in _rules(pattern, "")]

    def matches(self, event):
        """Whether an event, as raw_json reads it, meets the pattern."""
        fields = list(_fields(event, "", {}, itertools.count()))
        return any(_search(rule, fields, {}) for rule in self._rules)


# The event ------------------------------------------------------------------------------------


def _fields(value, name, places, arrays):
    """The leaves below a value. An empty object or array has none."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _fields(item, f"{name}.{key}" if name else key, places, arrays)
    elif isinstance(value, list):
        array = next(arrays)
        for number, item in enumerate(value):
            inside = {**places, array: number} if isinstance(item, (dict, list)) else places
            yield from _fields(item, name, inside, arrays)
    else:
        yield Field(name, value, places)


def _agree(chosen, places):
    """Both sets of elements in one, or None when they name two elements of one array."""
    if any(chosen.get(array, number) != number for array, number in places.items()):
        return None
    return {**chosen, **places}


def _search(rule, fields, chosen):
    if not rule:
        return True
    (name, tests), rest = rule[0], rule[1:]
    there = False
    for field in fields:
        both = _agree(chosen, field.places) if field.name == name else None
        if both is None:
            continue
        there = True
        met = any(test is not ABSENT and test(field.value) for test in tests)
        if met and _search(rest, fields, both):
            return True
    return not there and ABSENT in tests and _search(rest, fields, chosen)


# The pattern ----------------------------------------------------------------------------------


def _rules(pattern, prefix):
    """The pattern as alternatives without $or: each a dictionary of names and their tests."""
    if not pattern:
        raise PatternError("Empty objects are not allowed")
    parts = []
    for key, value in pattern.items():
        name = f"{prefix}.{key}" if prefix else key
        if key == "$or":
            parts.append(_alternatives(value, prefix))
        elif isinstance(value, dict):
            parts.append(_rules(value, name))
        elif isinstance(value, list):
            if not value:
                raise PatternError("Empty arrays are not allowed")
            parts.append([{name: [_test(item) for item in value]}])
        else:
            raise PatternError(f'"{key}" must be an object or an array')
    return [_together(choice) for choice in itertools.product(*parts)]


def _alternatives(value, prefix):
    if not (isinstance(value, list) and len(value) > 1 and
            all(isinstance(item, dict) for item in value)):
        raise PatternError("$or must be an array of at least two objects")
    return [rule for item in value for rule in _rules(item, prefix)]


def _together(rules):
    joined = {}
    for rule in rules:
        if joined.keys() & rule.keys():
            raise PatternError("a name stands beside $or and in it")
        joined.update(rule)
    return joined


def _test(item):
    """What one element of a pattern's array asks of a value."""
    if isinstance(item, dict):
        if len(item) != 1:
            raise PatternError("Only one key allowed in match expression")
        (word, argument), = item.items()
        if word not in OPERATORS:
            raise PatternError(f"Unrecognized match type {word}")
        return OPERATORS[word](argument)
    if isinstance(item, list):
        raise PatternError("Match value must be String, number, true, false, or null")
    return _equal(item)


def _equal(item):
    if isinstance(item, Number):
        return lambda value: isinstance(value, Number) and _same_number(item, value)
    return lambda value: type(value) is type(item) and value == item


def _same_number(one, other):
    if abs(Decimal(one)) > NUMBER_MAX:
        return str(one) == str(other)
    return Decimal(one) == Decimal(other)


def _is_text(value):
    return isinstance(value, str) and not isinstance(value, Number)


def _on_text(test):
    return lambda value: _is_text(value) and test(value)


def _text_of(word, argument):
    if not _is_text(argument):
        raise PatternError(f"{word} match pattern must be a string")
    return argument


def _exists(argument):
    if not isinstance(argument, bool):
        raise PatternError("exists match pattern must be either true or false.")
    return (lambda value: True) if argument else ABSENT


def _edge(word, of_value):
    """prefix or suffix, in the case that is written or in any."""
    def make(argument):
        if isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
            wanted = _text_of(word, argument["equals-ignore-case"]).lower()
            return _on_text(lambda value: of_value(value.lower(), wanted))
        wanted = _text_of(word, argument)
        return _on_text(lambda value: of_value(value, wanted))
    return make


def _ignore_case(argument):
    wanted = _text_of("equals-ignore-case", argument).lower()
    return _on_text(lambda value: value.lower() == wanted)


def _wildcard(argument):
    expression = ""
    for part in re.findall(r"\\.?|\*+|[^\\*]+", _text_of("wildcard", argument), re.S):
        if part[0] == "\\" and part not in ("\\\\", "\\*"):
            raise PatternError("Invalid escape character")
        if part.startswith("**"):
            raise PatternError("Consecutive wildcard characters")
        expression += ".*" if part == "*" else re.escape(part.removeprefix("\\"))
    wanted = re.compile(expression, re.S)
    return _on_text(lambda value: wanted.fullmatch(value) is not None)


def _numeric(argument):
    """["=", 5], [">", 0], ["<=", 5] or [">=", 0, "<", 5]."""
    if not isinstance(argument, list) or not argument:
        raise PatternError("Value of numeric must be an array.")
    words, bounds = argument[::2], argument[1::2]
    if len(words) != len(bounds) or not all(isinstance(bound, Number) for bound in bounds):
        raise PatternError(f"Value of {words[-1]} must be numeric")
    for word in words:
        if not _is_text(word) or word not in {"=", *LOWER, *UPPER}:
            raise PatternError(f"Unrecognized numeric range operator: {word}")
    if len(words) > 2 or len(words) == 2 and not (words[0] in LOWER and words[1] in UPPER):
        raise PatternError("Too many elements in numeric expression")
    bounds = [Decimal(bound) for bound in bounds]
    _check_range(words, bounds)
    checks = [({**LOWER, **UPPER}.get(word, Decimal.__eq__), bound)
              for word, bound in zip(words, bounds)]
    return lambda value: isinstance(value, Number) and abs(Decimal(value)) <= NUMBER_MAX and all(
        check(Decimal(value), bound) for check, bound in checks)


def _check_range(words, bounds):
    lowest = bounds[0] if words[0] in LOWER else -NUMBER_MAX
    highest = bounds[-1] if words[-1] in UPPER else NUMBER_MAX
    if words[0] != "=" and lowest >= highest or max(map(abs, bounds)) > NUMBER_MAX:
        raise PatternError("Bottom must be less than top")


def _anything_but(argument):
    """Everything else, be it text or not; each value of an array is asked by itself."""
    if isinstance(argument, dict):
        (word, inner), = argument.items() if len(argument) == 1 else [("", None)]
        if word not in NEGATED:
            raise PatternError(f"Unsupported anything-but pattern: {word}")
        unwanted = [OPERATORS[word](_text_of(word, item))
                    for item in (inner if isinstance(inner, list) else [inner])]
    else:
        items = argument if isinstance(argument, list) else [argument]
        if not (items and (all(map(_is_text, items)) or
                           all(isinstance(item, Number) for item in items))):
            raise PatternError("Inside anything but list, either all values are number or string")
        unwanted = [_equal(item) for item in items]
    return lambda value: not any(test(value) for test in unwanted)


OPERATORS = {
    "exists": _exists,
    "prefix": _edge("prefix", str.startswith),
    "suffix": _edge("suffix", str.endswith),
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
NEGATED = ("prefix", "suffix", "equals-ignore-case", "wildcard")
