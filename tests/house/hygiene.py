"""House test: every file is clean text, says nothing about the machine it was written on, and
stands where it should.

usage: hygiene.py SOURCE-ROOT
"""

import os
import re
import sys

import report

TOP = {'cmd', 'lib', 'config', 'migrations', 'docker', 'tests', 'meson.build', 'README.md',
       'LICENSE', 'meson_options.txt'}

# Bytes of these files are the test: they may lack a line end, or not be UTF-8.
RAW = re.compile(r'^tests/(.+/)?(cases|corpus|golden)/')
BINARY = re.compile(r'\.(png|ico|gz|der|p12)$')

# What no file may say. Brackets keep a pattern from finding itself.
WORDS = [
    ('machine-path', r'(?<![\w.])/(wo[r]k|roo[t]|home/\w+|Use[r]s/\w+|tmp/w[t])/',
     'names a path of one machine'),
    ('machine-path', r'/tmp/(brie[f]|bash[_]jobs)', 'names a path of one machine'),
    ('registry', r'\b(registry\.npmjs\.or[g]|pypi\.or[g]|files\.pythonhosted\.or[g]|'
                 r'proxy\.golang\.or[g]|docker\.i[o]/|quay\.i[o]|ghcr\.i[o])',
     'names a package registry'),
    ('registry', r'https?://(10\.\d|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)\S*',
     'names a host of a private network'),
    ('registry', r'https?://[\w.-]+\.(internal|local|lan|corp|intranet)\b',
     'names a host of a private network'),
    ('history', r'\b(issu[e]|ticke[t]) +(no\.? *|#)?\d+', 'names an issue: history is git\'s'),
    ('author', r'\b(cl[a]ude|anthr[o]pic|ch[a]tgpt|open[a]i|c[o]pilot|co-auth[o]red-by|'
               r'sub-?ag[e]nts?|language m[o]del|AI ass[i]stant)\b',
     'says who or what wrote it'),
]
WORDS = [(rule, re.compile(pattern, re.I), said) for rule, pattern, said in WORDS]


def top_level(names):
    """What stands at the top, beside dot files."""
    for name in sorted({name.split('/')[0] for name in names}):
        if name not in TOP and not name.startswith('.'):
            yield report.Finding(name, 1, 'top', 'does not belong at the top level')


def _line(data, at):
    return data.count(b'\n', 0, at) + 1


def form(name, data):
    """UTF-8, line ends, blanks."""
    try:
        data.decode('utf-8')
    except UnicodeDecodeError as error:
        yield report.Finding(name, _line(data, error.start), 'utf-8', 'is not UTF-8')
    if data.startswith(b'\xef\xbb\xbf'):
        yield report.Finding(name, 1, 'utf-8', 'begins with a byte order mark')
    for number, row in enumerate(data.split(b'\n'), 1):
        if row.endswith(b'\r'):
            yield report.Finding(name, number, 'line-end', 'the line ends in CR LF')
        elif row.endswith((b' ', b'\t')):
            yield report.Finding(name, number, 'trailing', 'blanks at the end of the line')
    if data and not data.endswith(b'\n'):
        yield report.Finding(name, _line(data, len(data)), 'last-line', 'the last line has no end')
    if data.endswith(b'\n\n'):
        yield report.Finding(name, _line(data, len(data) - 1), 'last-line',
                             'empty lines at the end of the file')


def words(name, data):
    """What a file may not say."""
    text = data.decode('utf-8', 'replace')
    for rule, pattern, said in WORDS:
        for match in pattern.finditer(text):
            line = text.count('\n', 0, match.start()) + 1
            yield report.Finding(name, line, rule, f'{said}: "{match.group()}"')


def main():
    root = sys.argv[1]
    names = report.tracked(root)
    findings = list(top_level(names))
    for name in names:
        findings += words(name, name.encode())
        path = os.path.join(root, name)
        if BINARY.search(name) or os.path.islink(path):
            continue
        with open(path, 'rb') as file:
            data = file.read()
        if not RAW.match(name):
            findings += form(name, data)
        findings += words(name, data)
    report.finish(findings, len(names))


if __name__ == '__main__':
    main()
