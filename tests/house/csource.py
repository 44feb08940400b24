"""A tokenizer for C, and the functions, parameters, switches and enums in a file.

It knows comments, strings, directives and brackets, and nothing about types: enough to hold the
style against, and no more.
"""

import re

_TOKEN = re.compile(r'''
    (?P<directive>^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*)
  | (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:[^"\\\n]|\\.|\\\n)*")
  | (?P<char>'(?:[^'\\\n]|\\.)*')
  | (?P<number>\.?[0-9](?:[eEpP][+-]|[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<arrow>->)
  | (?P<space>\n|[^\S\n]+|\\\n)
  | (?P<mark>.)
''', re.X | re.S | re.M)

# A word before a bracket that is no function's name.
_NO_NAME = re.compile(r'^(__\w+__|_Static_assert|[A-Z][A-Z0-9_]*|if|for|while|switch|return|sizeof|do)$')


class Token:
    """A piece of source: its kind, text and line."""

    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line

    def __repr__(self):
        return f'{self.line}:{self.text}'


class Function:
    """A function's definition (with its last line) or declaration."""

    def __init__(self, name, first, last, parameters, defined, static):
        self.name, self.first, self.last = name, first, last
        self.parameters, self.defined, self.static = parameters, defined, static


class Switch:
    """A switch: the words of its own case labels, and the line of its default, if it has one."""

    def __init__(self, line, labels, default):
        self.line, self.labels, self.default = line, labels, default


def tokens(text, line=1):
    """Every token but blanks, comments and directives among them."""
    found = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup != 'space':
            found.append(Token(match.lastgroup, match.group(), line))
        line += match.group().count('\n')
    return found


def code(found):
    """Without comments and directives."""
    return [t for t in found if t.kind not in ('comment', 'directive')]


def with_macros(found):
    """The code, the bodies of #define included, since they are code as well."""
    result = []
    for token in found:
        if token.kind == 'directive' and re.match(r'\s*#\s*define\b', token.text):
            body = re.sub(r'^\s*#\s*define\s+\w+', lambda m: ' ' * len(m.group()), token.text)
            result += code(tokens(body, token.line))
        elif token.kind not in ('comment', 'directive'):
            result.append(token)
    return result


def closing(found, at):
    """The index of the bracket that closes the one at `at`."""
    pairs = {'(': ')', '{': '}', '[': ']'}
    opener, closer = found[at].text, pairs[found[at].text]
    depth = 0
    for i in range(at, len(found)):
        if found[i].kind == 'mark':
            depth += (found[i].text == opener) - (found[i].text == closer)
            if depth == 0:
                return i
    return len(found) - 1


def _parameters(found):
    """How many parameters stand between the brackets; "..." is none."""
    text = ' '.join(t.text for t in found[1:-1])
    if text in ('', 'void'):
        return 0
    count, depth = 1, 0
    for token in found[1:-1]:
        depth += (token.text in '([{') - (token.text in ')]}') if token.kind == 'mark' else 0
        count += token.text == ',' and depth == 0
    return count - text.endswith('. . .')


def _signature(found):
    """(name, parameters) of a declaration at file level, or None when it declares no function."""
    depth = 0
    for i, token in enumerate(found):
        if token.text == '=' and depth == 0:
            return None
        if token.text == '(' and depth == 0 and i and found[i - 1].kind == 'word':
            if not _NO_NAME.match(found[i - 1].text):
                return found[i - 1].text, _parameters(found[i:closing(found, i) + 1])
        depth += (token.text in '([{') - (token.text in ')]}') if token.kind == 'mark' else 0
    return None


def functions(found):
    """Every function defined or declared at file level."""
    found = code(found)
    result, head, i = [], [], 0
    while i < len(found):
        token = found[i]
        if token.text not in ('{', ';', '}') or token.kind != 'mark':
            head.append(token)
            i += 1
            continue
        end = closing(found, i) if token.text == '{' else i
        signature = None
        if head and head[0].text != 'typedef':
            signature = _signature(head)
        if signature and token.text in '{;':
            result.append(Function(signature[0], head[0].line, found[end].line, signature[1],
                                   token.text == '{', head[0].text == 'static'))
        # "struct x { ... } name = ...;" goes on after its braces.
        goes_on = token.text == '{' and not signature
        head = head + found[i:end + 1] if goes_on else []
        i = end + 1
    return result


def switches(found):
    """Every switch, inner ones on their own."""
    found = code(found)
    result = []
    for at, token in enumerate(found):
        if token.text != 'switch' or token.kind != 'word':
            continue
        start = closing(found, at + 1) + 1
        if start >= len(found) or found[start].text != '{':
            continue
        labels, default, i, end = [], 0, start + 1, closing(found, start)
        while i < end:
            if found[i].text == 'switch':
                i = closing(found, closing(found, i + 1) + 1)
            elif found[i].text == 'case':
                labels += [found[i + 1].text]
            elif found[i].text == 'default' and found[i + 1].text == ':':
                default = found[i].line
            i += 1
        result.append(Switch(token.line, labels, default))
    return result


def enum_constants(found):
    """The constants of every enum that has a name."""
    found = code(found)
    result = set()
    for i, token in enumerate(found[:-2]):
        if token.text != 'enum' or found[i + 1].kind != 'word' or found[i + 2].text != '{':
            continue
        body = found[i + 2:closing(found, i + 2)]
        for before, word in zip(body, body[1:]):
            if before.text in '{,' and word.kind == 'word':
                result.add(word.text)
    return result
