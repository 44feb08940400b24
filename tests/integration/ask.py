"""Questions to the rooms ledger and catalog themselves, through the program ask."""

import os
import subprocess

BESIDE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      "build/tests/integration/ask")
PROGRAM = os.environ.get("ASK", BESIDE)


def environment(lab, db, user="migrator", port=None, name="asker"):
    """libpq's variables, as the program takes them."""
    env = lab._psql_environment(db, user, port or lab.direct)  # pylint: disable=W0212
    for option in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
        if option in os.environ:
            env[option] = os.environ[option]
    return {**env, "PGAPPNAME": name}


def ask(lab, db, *question, **where):
    """The answer, or "KIND CODE: MESSAGE"."""
    arguments = ["-" if part is None else str(part) for part in question]
    done = subprocess.run([PROGRAM, *arguments], env=environment(lab, db, **where), text=True,
                          capture_output=True, check=False, timeout=60)
    if done.stderr or done.returncode not in (0, 1):
        raise RuntimeError(f"{question}: {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout.rstrip("\n")
