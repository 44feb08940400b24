"""House test: the rules of the hand, on every C file, and the sizes of every TypeScript file.

usage: style.py SOURCE-ROOT
"""

import fnmatch
import re
import sys

import csource
import report

FUNCTION_LINES = 60
FILE_LINES = 500
TYPESCRIPT_LINES = 400
PARAMETERS = 6
COLUMNS = 100
TYPESCRIPT_COLUMNS = 140

# Never in lib and cmd: what writes without knowing the size, reads numbers without errors, is not
# reentrant, or waits where nothing can stop it.
BANNED = '''strcpy strcat sprintf vsprintf strtok gets sscanf fscanf scanf stpcpy strncpy strncat
    atoi atol atoll atof localtime gmtime ctime asctime system popen sleep usleep nanosleep
    getenv secure_getenv putenv setjmp longjmp alloca rand srand random tmpnam mktemp
    PQexec PQexecParams PQexecPrepared PQprepare PQconnectdb PQconnectdbParams PQsetdbLogin
    PQsetdb PQreset PQescapeString PQprint'''.split()

# Only where it says, because one place does it for all: (words, where, instead).
ONE_PLACE = [
    ('time gettimeofday clock_gettime timespec_get', ['lib/base/clock.c'], 'base/clock.h'),
    ('strtol strtoul strtoll strtoull', ['lib/base/text.c'], 'text_integer()'),
    ('malloc calloc realloc reallocarray strdup strndup', ['lib/base/memory.c'], 'base/memory.h'),
    ('asprintf vasprintf', ['lib/base/finding.c', 'lib/plan/spot.c'], 'base/buf.h'),
    ('exit quick_exit', ['cmd/*'], 'a struct error'),
    ('_exit abort', ['lib/base/memory.c', 'lib/base/stop.c', 'lib/base/child.c', 'cmd/*'],
     'a struct error'),
    ('poll ppoll select pselect epoll_wait', ['lib/base/*'], 'wait_fd()'),
    ('signal sigaction alarm', ['lib/base/stop.c', 'lib/base/child.c', 'lib/base/child_run.c'],
     'base/stop.h'),
    ('fork vfork posix_spawn posix_spawnp execv execve execvp execvpe execl execlp execle',
     ['lib/base/child.c'], 'child_run() or child_call()'),
    ('setenv unsetenv clearenv', ['lib/base/env.c', 'lib/base/child.c'], 'base/env.h'),
]

# Names that say nothing.
EMPTY_WORDS = {'util', 'utils', 'helper', 'helpers', 'manager', 'misc', 'stuff'}


def _finding(name, line, rule, message):
    return report.Finding(name, line, rule, message)


def lines(name, text, columns=COLUMNS, length=FILE_LINES):
    """Width, tabs, and the length of the file."""
    rows = text.split('\n')
    for number, row in enumerate(rows, 1):
        if '\t' in row:
            yield _finding(name, number, 'tab', 'a tab; the indentation is blanks')
        if len(row) > columns:
            yield _finding(name, number, 'width', f'{len(row)} columns, more than {columns}')
    if len(rows) - 1 > length:
        yield _finding(name, length + 1, 'file-length',
                       f'{len(rows) - 1} lines, more than {length}: split it by topic')


def _allowed(name, places):
    return any(fnmatch.fnmatch(name, place) for place in places)


def banned(name, found):
    """Functions that have a better one in base."""
    found = csource.with_macros(found)
    for i, token in enumerate(found):
        if token.kind != 'word':
            continue
        called = i + 1 < len(found) and found[i + 1].text == '('
        member = i and found[i - 1].text in ('.', '->')
        if member or not called and token.text not in ('sprintf', 'strcpy', 'getenv', 'gets'):
            continue
        if token.text in BANNED:
            yield _finding(name, token.line, 'banned', f'{token.text}() is banned')
        for words, places, instead in ONE_PLACE:
            if token.text in words.split() and not _allowed(name, places):
                yield _finding(name, token.line, 'banned',
                               f'{token.text}() only in {", ".join(places)}; use {instead}')


def words(name, found):
    """goto, typedef struct, and // comments."""
    found = csource.with_macros(found)
    for token, after in zip(found, found[1:]):
        if token.kind == 'word' and token.text == 'goto':
            yield _finding(name, token.line, 'goto', 'goto: let AUTO free, and return')
        if token.text == 'typedef' and after.text in ('struct', 'union', 'enum'):
            yield _finding(name, token.line, 'typedef', f'a {after.text} keeps its full name')


def comments(name, found):
    """Comments are /* */."""
    for token in found:
        if token.kind == 'comment' and token.text.startswith('//'):
            yield _finding(name, token.line, 'comment', 'comments are written /* so */')


def functions(name, found):
    """Length, parameters and names of functions."""
    for function in csource.functions(found):
        length = function.last - function.first + 1
        if function.defined and length > FUNCTION_LINES:
            yield _finding(name, function.first, 'function-length',
                           f'{function.name}() has {length} lines, more than {FUNCTION_LINES}')
        if function.parameters > PARAMETERS:
            yield _finding(name, function.first, 'parameters',
                           f'{function.name}() has {function.parameters} parameters, more than '
                           f'{PARAMETERS}: a struct is missing')
        empty = EMPTY_WORDS & set(function.name.lower().split('_'))
        if empty or function.name.startswith('process_'):
            yield _finding(name, function.first, 'name', f'{function.name}() says nothing')


def prefixes(name, found, headers):
    """What a room gives others begins with the room's name, or with that of one of its headers:
    message.h declares message_make(), parts.h part_place()."""
    parts = name.split('/')
    if parts[0] != 'lib' or parts[1] == 'base':
        return
    known = {parts[1]} | {header.split('/')[-1][:-2] for header in headers
                          if header.split('/')[:2] == parts[:2]}
    known |= {word[:-1] for word in known if word.endswith('s')}
    for function in csource.functions(found):
        name_ = function.name + '_'
        if not function.static and not any(name_.startswith(word + '_') for word in known):
            yield _finding(name, function.first, 'prefix',
                           f'{function.name}() is not static, and begins with the name neither of '
                           'its room nor of a header of it')


def file_name(name):
    """Names of files and folders."""
    empty = EMPTY_WORDS & set(re.split(r'[/_.-]', name.lower()))
    if empty:
        yield _finding(name, 1, 'name', f'"{sorted(empty)[0]}" says nothing')


def switch_defaults(name, found, constants):
    """No default where the compiler can say which constant is missing."""
    for switch in csource.switches(found):
        if switch.default and constants & set(switch.labels):
            yield _finding(name, switch.default, 'default',
                           'a default in a switch over our own enum hides a missing case')


def guard_of(name):
    """The include guard that a header must have."""
    parts = name[:-2].split('/')
    if parts[0] == 'lib':
        parts = parts[1:]
    parts = [part for part in parts if part != 'unit']
    return '_'.join(['POSTLUDE'] + [re.sub(r'\W', '_', part).upper() for part in parts] + ['H'])


def header(name, found):
    """A comment first, and the guard around all."""
    if not found or found[0].kind != 'comment':
        yield _finding(name, 1, 'header', 'a header begins with a comment that says what it is for')
    directives = [t for t in found if t.kind == 'directive']
    texts = [re.sub(r'\s+', ' ', re.sub(r'#\s*', '#', t.text.strip())) for t in directives]
    guard = guard_of(name)
    whole = (texts[:2] == [f'#ifndef {guard}', f'#define {guard}'] and texts[-1][:6] == '#endif'
             and not [t for t in found[:found.index(directives[0])] if t.kind != 'comment']
             and not [t for t in found[found.index(directives[-1]) + 1:] if t.kind != 'comment'])
    if not whole:
        yield _finding(name, directives[0].line if directives else 1, 'guard',
                       f'the include guard around all of it is {guard}')


def check_file(name, text, constants, headers):
    """Every finding in one C file."""
    found = csource.tokens(text)
    product = name.startswith(('lib/', 'cmd/'))
    yield from lines(name, text)
    yield from file_name(name)
    yield from words(name, found)
    yield from comments(name, found)
    yield from functions(name, found)
    yield from switch_defaults(name, found, constants)
    if product:
        yield from banned(name, found)
        yield from prefixes(name, found, headers)
    if name.endswith('.h'):
        yield from header(name, found)


def check_typescript(name, text):
    """Every finding in one TypeScript file."""
    yield from lines(name, text, TYPESCRIPT_COLUMNS, TYPESCRIPT_LINES)
    yield from file_name(name)


def constants_of(texts):
    """The constants of every named enum in these sources."""
    result = set()
    for text in texts:
        result |= csource.enum_constants(csource.tokens(text))
    return result


def main():
    root = sys.argv[1]
    sources = {name: report.read(root, name) for name in report.c_files(root)}
    constants = constants_of(text for name, text in sources.items()
                             if name.startswith(('lib/', 'cmd/')))
    headers = [name for name in sources if name.endswith('.h')]
    findings = []
    for name, text in sources.items():
        findings += check_file(name, text, constants, headers)
    typescript = report.files(root, '.ts')
    for name in typescript:
        findings += check_typescript(name, report.read(root, name))
    print(f'{len(constants)} enum constants')
    report.finish(findings, len(sources) + len(typescript))


if __name__ == '__main__':
    main()
