"""What a run of postlude came to, and the search for secrets in what it left."""

import json
import shlex
import urllib.parse


class Leak(AssertionError):
    """A secret was seen where none may be."""


class Run:
    """Exit code, stdout and stderr, and both as JSON where they are."""

    def __init__(self, args, code, out, err):
        self.args = args
        self.code = code
        self.out = out.decode("utf-8", "surrogateescape")
        self.err = err.decode("utf-8", "surrogateescape")

    @property
    def report(self):
        """The one JSON document on stdout; raises when it is not that."""
        return json.loads(self.out)

    @property
    def error(self):
        return self.report["error"]

    @property
    def log(self):
        """The log lines (JSON); raises when one is none."""
        return [json.loads(line) for line in self.err.splitlines()]

    def __str__(self):
        return (f"exit code {self.code} of {' '.join(map(str, self.args))}\n"
                f"--- stdout\n{self.out[-6000:]}\n--- stderr\n{self.err[-6000:]}")


def spellings(secret):
    """A secret as it would look in plain text, JSON, YAML, SQL, a shell, a URL, a form."""
    forms = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
             secret.replace("'", "''"), secret.replace("\\", "\\\\").replace("'", "\\'"),
             shlex.quote(secret), urllib.parse.quote(secret, safe=""),
             urllib.parse.quote_plus(secret)}
    # JSON inside JSON, as a log line that quotes a report.
    forms |= {json.dumps(form, ensure_ascii=False)[1:-1] for form in list(forms)}
    return {form.strip().encode() for form in forms}


def find_secret(secrets, text):
    """Where one of secrets stands in text: its surroundings, itself masked; None when nowhere."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    for secret in secrets:
        for form in spellings(secret):
            at = data.find(form)
            if form and at >= 0:
                around = data[max(0, at - 80):at] + b"*SECRET*" + data[at + len(form):][:80]
                return around.decode("utf-8", "replace")
    return None
