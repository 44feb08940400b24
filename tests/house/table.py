"""Reads the table of rooms in lib/meson.build.

The value of `rooms` is a list of lists, strings and names: exactly that is understood, so that a
table which is computed instead of written fails here.
"""

import re

_PIECE = re.compile(r"\s+|#[^\n]*|(?P<string>'(?:[^'\\\n]|\\.)*')|(?P<name>\w+)|(?P<mark>[][,])")


class Room:
    """One row: its name, the rooms it names, and its files."""

    def __init__(self, name, needs, files):
        self.name, self.needs, self.files = name, needs, files


def _pieces(text, at):
    while True:
        match = _PIECE.match(text, at)
        if not match:
            line = text.count('\n', 0, at) + 1
            raise ValueError(f'line {line}: the table of rooms is a literal list')
        at = match.end()
        if match.lastgroup:
            yield match.lastgroup, match.group()


def _list(pieces):
    """The list whose opening bracket was just taken."""
    result = []
    for kind, text in pieces:
        if text == ']':
            return result
        if text == '[':
            result.append(_list(pieces))
        elif kind == 'string':
            result.append(text[1:-1])
        elif kind == 'name':
            result.append((text,))  # a dependency or target: not a string
    raise ValueError('the table of rooms has no end')


def rooms(text):
    """The rooms in their order; ValueError where the table is not as README describes it."""
    start = re.search(r'^rooms\s*=\s*\[', text, re.M)
    if not start:
        raise ValueError('no table "rooms = [" was found')
    result = []
    for row in _list(_pieces(text, start.end())):
        if not isinstance(row, list) or len(row) < 4 or not isinstance(row[0], str):
            raise ValueError(f'a row is: room, rooms it stands on, libraries, files; not {row}')
        above = {room.name for room in result}
        for need in row[1]:
            if need not in above:
                raise ValueError(f'"{row[0]}" stands on "{need}", which is not a room above it')
        result.append(Room(row[0], row[1], row[3]))
    return result


def reach(table, name):
    """The room itself and every room it may include."""
    needs = {room.name: room.needs for room in table}
    found, left = set(), [name]
    while left:
        room = left.pop()
        if room not in found:
            found.add(room)
            left += needs[room]
    return found
