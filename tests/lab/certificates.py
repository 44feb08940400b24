"""A certification authority of our own, for a day, by openssl's command line."""

import subprocess

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(*args):
    subprocess.run(["openssl", "req", "-x509", "-days", "2", *KEY, *args], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Authority:
    """A CA: `certificate` is the file that clients trust."""

    def __init__(self, folder, name):
        self.certificate = f"{folder}/{name}.crt"
        self._key = f"{folder}/{name}.key"
        _openssl("-subj", f"/CN=postlude laboratory {name}", "-out", self.certificate,
                 "-keyout", self._key)

    def issue(self, path, names):
        """Writes path.crt and path.key, valid for names such as "DNS:localhost"."""
        _openssl("-CA", self.certificate, "-CAkey", self._key, "-subj", "/CN=127.0.0.1",
                 "-addext", "subjectAltName=" + ",".join(names),
                 "-addext", "basicConstraints=critical,CA:FALSE",
                 "-out", f"{path}.crt", "-keyout", f"{path}.key")
