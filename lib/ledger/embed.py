"""Writes a C file that holds the ledger's SQL files, in order: embed.py OUTPUT FILE..."""

import pathlib
import sys


def byte_rows(text):
    """The text as C bytes (a string literal may not be that long), NUL at the end."""
    data = text.encode("ascii") + b"\0"
    lines = [data[at : at + 20] for at in range(0, len(data), 20)]
    return "\n".join("    " + "".join("%d," % byte for byte in line) for line in lines)


def main(output, files):
    arrays, rows = [], []
    for path in sorted(map(pathlib.Path, files), key=lambda path: path.name):
        version = int(path.name.split("_")[0])
        text = path.read_text(encoding="ascii")
        arrays.append("static const char sql_%d[] = {\n%s\n};\n" % (version, byte_rows(text)))
        rows.append("    {%d, sql_%d},\n" % (version, version))
    pathlib.Path(output).write_text(
        '#include "ledger/upgrades.h"\n\n'
        + "".join(arrays)
        + "\nconst struct ledger_upgrade ledger_upgrades[] = {\n"
        + "".join(rows)
        + "};\nconst size_t ledger_upgrade_count ="
        " sizeof ledger_upgrades / sizeof ledger_upgrades[0];\n",
        encoding="ascii",
    )


main(sys.argv[1], sys.argv[2:])
