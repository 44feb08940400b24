"""House test: clang-format agrees with every C file.

usage: layout.py SOURCE-ROOT
"""

import re
import shutil
import subprocess
import sys

import report

# Other releases lay some code out differently.
RELEASE = 14


def tool():
    """clang-format of the right release, or None."""
    for name in (f'clang-format-{RELEASE}', 'clang-format'):
        path = shutil.which(name)
        if not path:
            continue
        said = subprocess.run([path, '--version'], capture_output=True, text=True, check=True)
        if re.search(rf'version {RELEASE}\.', said.stdout):
            return path
    return None


def misplaced(path, root, names):
    """Findings of clang-format, one a line."""
    done = subprocess.run([path, '--dry-run', '--Werror', '--style=file', *names], cwd=root,
                          capture_output=True, text=True, check=False)
    for line in done.stderr.splitlines():
        match = re.match(r'(.+?):(\d+):\d+: error: ', line)
        if match:
            yield report.Finding(match.group(1), int(match.group(2)), 'format',
                                 f'run clang-format -i {match.group(1)}')
    if done.returncode and 'error:' not in done.stderr:
        yield report.Finding('.clang-format', 1, 'format', done.stderr.strip())


def main():
    root = sys.argv[1]
    path = tool()
    if not path:
        report.skip(f'clang-format {RELEASE} is not installed (Debian package clang-format-{RELEASE})')
    names = report.c_files(root)
    report.finish(list(misplaced(path, root, names)) if names else [], len(names))


if __name__ == '__main__':
    main()
