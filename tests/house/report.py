"""What a house test finds, and the files it looks at."""

import os
import subprocess
import sys

SKIPPED = 77  # what meson takes for a skipped test

# Folders that hold what a build or a tool made; only needed where there is no git.
MADE = {'.git', '.cache', '__pycache__', 'node_modules'}


class Finding:
    """One offence against one rule, at one place."""

    def __init__(self, path, line, rule, message):
        self.path, self.line, self.rule, self.message = path, line, rule, message

    def __str__(self):
        return f'{self.path}:{self.line}: {self.message} [{self.rule}]'


def _walk(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in MADE and not f.startswith('build'))
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), root)


def tracked(root):
    """Every file of the project, relative to root: git's, and those git would add."""
    if os.path.exists(os.path.join(root, '.git')):
        command = ['git', '-c', f'safe.directory={os.path.realpath(root)}', '-C', root, 'ls-files',
                   '-z', '--cached', '--others', '--exclude-standard']
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode == 0:
            names = {os.fsdecode(name) for name in done.stdout.split(b'\0') if name}
            return sorted(n for n in names if os.path.isfile(os.path.join(root, n)))
    return sorted(_walk(root))


def files(root, *ends):
    """The files of the project whose names end so."""
    return [name for name in tracked(root) if name.endswith(ends)]


def c_files(root):
    """The C sources and headers of the project."""
    return files(root, '.c', '.h')


def read(root, name):
    """A text file, bytes that are not UTF-8 kept as surrogates."""
    with open(os.path.join(root, name), encoding='utf-8', errors='surrogateescape',
              newline='') as file:
        return file.read()


def finish(findings, looked_at):
    """Prints what was found and ends the test; nothing looked at is a failure too."""
    for finding in findings:
        print(finding)
    if not looked_at:
        print('nothing was looked at: the test itself is broken')
    print(f'{looked_at} looked at, {len(findings)} found')
    sys.exit(1 if findings or not looked_at else 0)


def skip(why):
    """Ends the test as skipped, saying why."""
    print(f'skipped: {why}')
    sys.exit(SKIPPED)
