"""House test: the tables of README.md say what the program says, and its links lead somewhere.

usage: readme.py SOURCE-ROOT PROGRAM

README marks a table as <!-- verbs --> ... <!-- /verbs -->, and likewise options, variables and
exit-codes. Between the marks stands a Markdown table, or a copy of that part of --help in a fence.

  verbs       the same names and summaries, in the same order
  options     the same names, arguments and summaries, in any order
  variables   each variable of --help, and only variables that the sources know
  exit-codes  the same numbers

A link to #something leads to a heading, and each section (##) but the licence has such a link.
"""

import os
import re
import subprocess
import sys

import report

BLOCKS = ['verbs', 'options', 'variables', 'exit-codes']


def sections(text):
    """The parts of --help: heading to the indented lines below it."""
    result, heading = {}, None
    for line in text.splitlines():
        if re.match(r'\S', line):
            heading = line.rstrip(':')
            result[heading] = []
        elif heading and line.strip():
            result[heading].append(line)
    return result


def entries(lines):
    """(name, text) of "  name  text" lines; a name may stand alone, its text on the next line."""
    result = []
    for line in lines:
        match = re.match(r'  (\S.*?)(?:  +(\S.*)|)$', line)
        if match:
            result.append((match.group(1), match.group(2) or ''))
        elif result and not result[-1][1]:
            result[-1] = (result[-1][0], line.strip())
        elif result:
            result[-1] = (result[-1][0], result[-1][1] + ' ' + line.strip())
    return result


def of_program(text):
    """What --help says, by the name of README's block."""
    parts = sections(text)
    options, variables = [], []
    for heading, lines in parts.items():
        if not heading.lower().startswith('options'):
            continue
        for name, said in entries(lines):
            if name.startswith('-') and said:
                variable = re.search(r' variable ([A-Z_]+)$', said)
                options.append((name, said[:variable.start()] if variable else said))
                variables += [variable.group(1)] if variable else []
    codes = re.findall(r'(?:^|  )(\d+) \S', '\n'.join(parts.get('Exit codes', [])), re.M)
    return {'verbs': entries(parts.get('Verbs', [])), 'options': options, 'variables': variables,
            'exit-codes': [int(code) for code in codes]}


def block(readme, name):
    """(line, rows) of a block of README: the cells of each row; None where it has no such block."""
    match = re.search(rf'<!-- {name} -->\n(.*?)<!-- /{name} -->', readme, re.S)
    if not match:
        return None
    line = readme.count('\n', 0, match.start()) + 1
    text = match.group(1)
    rows = [[cell.strip() for cell in re.split(r'(?<!\\)\|', row.strip())[1:-1]]
            for row in text.splitlines() if row.lstrip().startswith('|')]
    if rows:
        return line, [[re.sub(r'`|\\(?=\|)', '', cell) for cell in row] for row in rows[2:]]
    fence = re.search(r'```\w*\n(.*?)```', text, re.S)
    body = fence.group(1).splitlines() if fence else []
    return line, [list(entry) for entry in entries(body)]


def _same(name, line, stated, true):
    for row in [row for row in true if row not in stated]:
        yield report.Finding('README.md', line, name, f'the program also says: {row}')
    for row in [row for row in stated if row not in true]:
        yield report.Finding('README.md', line, name, f'the program does not say: {row}')
    if name == 'verbs' and sorted(stated) == sorted(true) and stated != true:
        yield report.Finding('README.md', line, name, 'the order is not the program\'s')


def compare(readme, help_text, sources):
    """Where README's blocks and the program differ."""
    true = of_program(help_text)
    for name in BLOCKS:
        found = block(readme, name)
        if not found:
            yield report.Finding('README.md', 1, name, f'has no block <!-- {name} -->')
            continue
        line, rows = found
        if not true[name]:
            yield report.Finding('README.md', line, name, f'--help shows no {name} to compare with')
        elif name == 'variables':
            stated = [word for row in rows for word in re.findall(r'\b[A-Z][A-Z0-9_]{3,}\b', row[0])]
            for variable in true[name]:
                if variable not in stated:
                    yield report.Finding('README.md', line, name, f'{variable} is missing')
            for variable in stated:
                if variable.startswith('POSTLUDE_') and f'"{variable}"' not in sources:
                    yield report.Finding('README.md', line, name, f'nothing reads {variable}')
        elif name == 'exit-codes':
            stated = [int(code) for row in rows for code in re.findall(r'\d+', row[0])[:1]]
            yield from _same(name, line, stated, true[name])
        else:
            yield from _same(name, line, [tuple(row[:2]) for row in rows], true[name])


def headings(readme):
    """(level, anchor) of each heading, as GitHub makes anchors."""
    prose = re.sub(r'```.*?```', '', readme, flags=re.S)
    return [(len(marks), re.sub(r'[^\w -]', '', text.lower()).strip().replace(' ', '-'))
            for marks, text in re.findall(r'^(#+) (.*)$', prose, re.M)]


def links(readme):
    """Links that lead nowhere, and sections to which none leads."""
    true = headings(readme)
    anchors = [anchor for _, anchor in true]
    stated = re.findall(r'\]\(#([^)]*)\)', readme)
    for anchor in sorted(set(stated) - set(anchors)):
        yield report.Finding('README.md', 1, 'links', f'there is no heading for #{anchor}')
    for level, anchor in true:
        if level == 2 and anchor not in stated and anchor != 'licence':
            yield report.Finding('README.md', 1, 'links', f'no link leads to #{anchor}')


def main():
    root, program = sys.argv[1:3]
    if not os.path.exists(os.path.join(root, 'README.md')):
        report.skip('there is no README.md yet')
    if not os.path.exists(program):
        report.skip(f'there is no {program} yet')
    done = subprocess.run([program, '--help'], capture_output=True, text=True, check=True,
                          env={'PATH': '/usr/bin:/bin'}, timeout=60)
    sources = ''.join(report.read(root, name) for name in report.c_files(root)
                      if name.startswith(('lib/', 'cmd/')))
    text = report.read(root, 'README.md')
    report.finish([*compare(text, done.stdout, sources), *links(text)], len(BLOCKS) + 1)


if __name__ == '__main__':
    main()
