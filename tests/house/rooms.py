"""House test: who may include whom, and that what is called pure is.

usage: rooms.py SOURCE-ROOT [BUILD-ROOT]
"""

import json
import os
import re
import subprocess
import sys

import report
import table

# Every file of these rooms is pure, and so are these files of others. Files not there are skipped.
PURE_ROOMS = {'sql', 'trigger', 'outcome'}
PURE_FILES = {
    'lib/base/base64.c', 'lib/base/buf.c', 'lib/base/digest.c', 'lib/base/error.c',
    'lib/base/finding.c', 'lib/base/json.c', 'lib/base/secret.c', 'lib/base/text.c',
    'lib/aws/advice.c', 'lib/aws/rds_token.c', 'lib/aws/secrets_parse.c', 'lib/aws/sigv4.c',
    'lib/aws/task_links.c', 'lib/aws/task_read.c',
    'lib/aws/codepipeline_read.c', 'lib/confirm/advice.c', 'lib/confirm/judge.c',
    'lib/engine/admit.c', 'lib/engine/decide.c', 'lib/engine/message.c',
    'lib/plan/parse.c', 'lib/plan/syntax.c', 'lib/plan/value.c',
}

# A library's header is for one room only.
OWNED = {'libpq-fe.h': 'pg', 'libpq': 'pg', 'postgres_ext.h': 'pg', 'curl/': 'aws',
         'yaml.h': 'plan'}

# What a pure file may not call: clock, environment, files, sockets, processes, chance.
IMPURE = re.compile(r'''^(
    time|gettimeofday|clock|clock_\w+|timespec_get|ftime|(local|gm)time(_r)?|mktime|
    \w*sleep|alarm|setitimer|timer_\w+|
    (secure_)?getenv|putenv|(un)?setenv|clearenv|environ|__environ|setlocale|
    (f|fd|fre)?open(64|at|at64|dir)?|creat(64)?|p?read(v|dir)?(64)?|p?write(v)?(64)?|close(dir)?|
    f(read|write|gets|puts|getc|putc|close|flush|printf|scanf|seek\w*|tell\w*)(_unlocked)?|
    stdin|stdout|stderr|puts|printf|putchar|perror|getline|getdelim|getchar|
    [fl]?stat(64|at|x)?|access|faccessat|unlink(at)?|rename(at)?|mkdir(at)?|rmdir|realpath|
    getcwd|chdir|glob|mkstemp\w*|tmpfile\w*|
    socket\w*|connect|bind|listen|accept4?|send\w*|recv\w*|poll|ppoll|p?select|epoll_\w+|
    getaddrinfo|gethostby\w+|pipe2?|dup[23]?|fcntl(64)?|ioctl|
    fork|vfork|exec\w+|posix_spawn\w*|system|popen|kill|raise|signal|sigaction|waitpid|
    rand(om)?(_r)?|srand(om)?|getrandom|getentropy|RAND_\w+|getpid|gethostname|
    exit|_exit|quick_exit|
    env_(take|conceal|withdraw)|file_\w+|log_\w+|child_\w+|wait_\w+|deadline_\w+|stop_\w+|uuid_\w+|
    PQ\w+|curl_\w+
)$''', re.X)
# Pure functions of base/clock.h, and what a fortified libc makes of pure ones.
PURE_CALLS = {'clock_parse', 'clock_format', 'clock_format_basic'}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)


def _room_of(name):
    parts = name.split('/')
    return parts[1] if parts[0] == 'lib' and len(parts) > 2 else parts[0]


def _owner(header):
    for begin, room in OWNED.items():
        if header == begin or (begin.endswith('/') and header.startswith(begin)):
            return room
        if header.startswith(begin + '/'):
            return room
    return None


def _include_fault(room, header, known, allowed):
    """What is wrong with this file including that header, or None."""
    owner = _owner(header)
    if owner and room != owner:
        return f'<{header}> is for lib/{owner} only'
    target = header.split('/')[0]
    if '/' in header and target in known and target not in allowed:
        return f'room "{room}" does not stand on "{target}"'
    if target in known and target != room and os.path.basename(header) == 'internal.h':
        return f'"{header}" is for lib/{target} only'
    if header.startswith('.') or (target == 'cmd' and room != 'cmd'):
        return f'"{header}" is not of a room that "{room}" stands on'
    return None


def includes(root, rooms_table, files):
    """Includes that the table does not allow."""
    known = {room.name for room in rooms_table}
    for name in files:
        room = _room_of(name)
        if room != 'cmd' and room not in known:
            continue  # not a room yet; once it has a source, unbuilt() asks for its row
        allowed = known if room == 'cmd' else table.reach(rooms_table, room)
        text = report.read(root, name)
        for match in INCLUDE.finditer(text):
            fault = _include_fault(room, match.group(2), known, allowed)
            if fault:
                line = text.count('\n', 0, match.start()) + 1
                yield report.Finding(name, line, 'include', fault)


def unbuilt(rooms_table, files):
    """Sources of a room that its row does not name, so that nothing builds or tests them."""
    named = {f'lib/{room.name}/{file}' for room in rooms_table for file in room.files
             if isinstance(file, str)}
    for name in files:
        if name.startswith('lib/') and name.endswith('.c') and name not in named:
            yield report.Finding(name, 1, 'table', 'is not in the table of lib/meson.build')


def _objects(build):
    """Source, relative to its root, to the object made of it."""
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        for entry in json.load(file):
            source = os.path.normpath(os.path.join(entry['directory'], entry['file']))
            yield source, os.path.join(entry['directory'], entry['output'])


def impure_symbols(object_file):
    """Undefined symbols of an object that a pure file may not need."""
    done = subprocess.run(['nm', '--undefined-only', '--format=posix', object_file],
                          capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        symbol = line.split()[0].split('@')[0]
        # __open_2, __read_chk and the like are the fortified forms, __isoc99_fscanf a versioned one.
        plain = re.sub(r'^__(isoc\d+_)?|_(2|chk)$', '', symbol)
        if plain not in PURE_CALLS and (IMPURE.match(symbol) or IMPURE.match(plain)):
            yield symbol


def purity(root, build):
    """(objects looked at, findings) of the pure files that were built."""
    looked_at, findings = 0, []
    for source, object_file in _objects(build):
        name = os.path.relpath(source, os.path.realpath(root))
        pure = _room_of(name) in PURE_ROOMS and name.startswith('lib/') or name in PURE_FILES
        if not pure or not os.path.exists(object_file):
            continue
        looked_at += 1
        for symbol in impure_symbols(object_file):
            findings.append(report.Finding(name, 1, 'pure', f'is pure, but needs {symbol}()'))
    return looked_at, findings


def main():
    root = sys.argv[1]
    rooms_table = table.rooms(report.read(root, 'lib/meson.build'))
    files = [f for f in report.c_files(root) if f.startswith(('lib/', 'cmd/'))]
    findings = list(includes(root, rooms_table, files)) + list(unbuilt(rooms_table, files))
    if len(sys.argv) > 2:
        looked_at, found = purity(root, sys.argv[2])
        findings += found
        print(f'{looked_at} pure objects')
        files = files if looked_at else []
    report.finish(findings, len(files))


if __name__ == '__main__':
    main()
