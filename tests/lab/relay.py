"""A relay in front of a database: a proxy that passes no request to cancel on, or falls silent."""

import socket
import struct
import threading

CANCEL = 80877102  # the code of a CancelRequest: length 16, code, process id, key


def shut(one):
    """Ends a connection that may have ended already."""
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Relay:
    """A loopback `port` whose connections go on to target, a port as well.

    `swallowed` counts the requests to cancel that were dropped: libpq up to 16 sends one without
    TLS, as the first packet of a new connection; others ask for TLS first and are not seen here.
    hold() stops passing anything on in either direction, and takes no new connection; cut() breaks
    the connections there are.
    """

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.swallowed = 0
        self._open = threading.Event()
        self._open.set()
        self._sockets = []
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open.set()
        for one in [self._listener, *self._sockets]:
            shut(one)
            one.close()

    def hold(self):
        self._open.clear()

    def cut(self):
        for one in list(self._sockets):
            shut(one)

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            threading.Thread(target=self._client, args=(client,), daemon=True).start()

    def _client(self, client):
        try:
            self._open.wait()
            first = client.recv(8, socket.MSG_WAITALL)
            if len(first) == 8 and struct.unpack("!ii", first)[1] == CANCEL:
                self.swallowed += 1
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets.append(server)
            server.sendall(first)
        except OSError:
            client.close()
            return
        threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _pump(self, source, target):
        try:
            while data := source.recv(65536):
                self._open.wait()
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            shut(one)
