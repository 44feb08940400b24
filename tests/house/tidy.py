"""House test: clang-tidy finds nothing in lib and cmd.

usage: tidy.py SOURCE-ROOT BUILD-ROOT
"""

import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

import report

AT_ONCE = 2


def sources(root, build):
    """The files of lib and cmd that the build compiles, relative to root."""
    root = os.path.realpath(root)
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        entries = json.load(file)
    found = set()
    for entry in entries:
        name = os.path.relpath(os.path.realpath(os.path.join(entry['directory'], entry['file'])),
                               root)
        if name.startswith(('lib/', 'cmd/')):
            found.add(name)
    return sorted(found)


def complaints(path, root, build, name):
    """What clang-tidy says about one file."""
    done = subprocess.run([path, '--quiet', '-p', build, os.path.join(os.path.realpath(root), name)],
                          cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ''
    return done.stdout + (done.stderr if 'error:' not in done.stdout else '')


def main():
    root, build = sys.argv[1:3]
    path = shutil.which('clang-tidy-14') or shutil.which('clang-tidy')
    if not path:
        report.skip('clang-tidy is not installed (Debian package clang-tidy)')
    names = sources(root, build)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(lambda name: complaints(path, root, build, name), names))
    bad = 0
    for text in said:
        bad += bool(text)
        print(text, end='')
    print(f'{len(names)} looked at, {bad} with findings')
    sys.exit(1 if bad or not names else 0)


if __name__ == '__main__':
    main()
