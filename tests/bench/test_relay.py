"""The relay between a client and a server of our own: what comes out, when, and what is counted.

usage: test_relay.py RELAY
"""

import os
import socket
import subprocess
import sys
import threading
import time
import unittest

RELAY = sys.argv.pop()
BIG = os.urandom(1 << 20) * 16
DELAY_MS = 20


def receive(stream, size):
    """size bytes, or fewer when the stream ends before."""
    parts = []
    while size > 0:
        part = stream.recv(min(size, 1 << 20))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Wire:
    """A relay, and a client's and a server's socket with the relay in between."""

    def __init__(self, delay_ms):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._relay = subprocess.Popen(
            [RELAY, str(self._listener.getsockname()[1]), str(delay_ms * 1000)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._port = int(self._relay.stdout.readline())
        self._streams = []

    def __enter__(self):
        return self

    def connect(self):
        """(client, server)"""
        client = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        server = self._listener.accept()[0]
        server.settimeout(30)
        self._streams += [client, server]
        return client, server

    def counted(self):
        """Connections, round trips, bytes up, bytes down; the relay has ended then."""
        return [int(word) for word in self._relay.communicate()[0].split()]

    def __exit__(self, *_):
        self._relay.kill()
        self._relay.communicate()
        for stream in [self._listener, *self._streams]:
            stream.close()


class RelayTest(unittest.TestCase):
    def ask(self, client, server, question=b"ping", answer=b"pong!"):
        """Milliseconds from a question to its answer."""
        start = time.monotonic()
        client.sendall(question)
        self.assertEqual(receive(server, len(question)), question)
        server.sendall(answer)
        self.assertEqual(receive(client, len(answer)), answer)
        return (time.monotonic() - start) * 1000

    def read_all(self, got, stream):
        """For a thread: puts what comes into got."""
        got[stream] = receive(stream, len(BIG))

    def test_round_trips_and_bytes_are_counted(self):
        with Wire(0) as wire:
            client, server = wire.connect()
            for _ in range(7):
                self.ask(client, server)
            other, its_server = wire.connect()
            self.ask(other, its_server)
            other.sendall(b"a question without an answer")
            receive(its_server, 28)
            self.assertEqual(wire.counted(), [2, 8, 8 * 4 + 28, 8 * 5])

    def test_what_the_server_adds_is_no_round_trip(self):
        with Wire(0) as wire:
            client, server = wire.connect()
            self.ask(client, server)
            server.sendall(b"more")
            receive(client, 4)
            server.sendall(b"still more")
            receive(client, 10)
            self.assertEqual(wire.counted()[1], 1)

    def test_who_hangs_up_waits_for_no_answer(self):
        with Wire(0) as wire:
            client, server = wire.connect()
            self.ask(client, server)
            client.sendall(b"goodbye")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(receive(server, 100), b"goodbye")
            server.sendall(b"farewell")
            self.assertEqual(receive(client, 8), b"farewell")
            self.assertEqual(wire.counted(), [1, 1, 4 + 7, 5 + 8])

    def test_each_way_takes_the_delay_and_the_first_a_handshake_too(self):
        with Wire(DELAY_MS) as wire:
            client, server = wire.connect()
            first = self.ask(client, server)
            later = min(self.ask(client, server) for _ in range(5))
            self.assertGreaterEqual(first, 4 * DELAY_MS - 1)
            self.assertGreaterEqual(later, 2 * DELAY_MS)
            self.assertLess(later, 2 * DELAY_MS + 5)

    def test_without_a_delay_it_adds_next_to_nothing(self):
        with Wire(0) as wire:
            client, server = wire.connect()
            self.assertLess(min(self.ask(client, server) for _ in range(500)), 1)

    def test_much_goes_both_ways_at_once_whole_and_at_once(self):
        for delay in (0, DELAY_MS):
            with Wire(delay) as wire:
                client, server = wire.connect()
                start = time.monotonic()
                writers = [threading.Thread(target=stream.sendall, args=(BIG,))
                           for stream in (client, server)]
                got = {}
                readers = [threading.Thread(target=self.read_all, args=(got, s))
                           for s in (client, server)]
                for thread in writers + readers:
                    thread.start()
                for thread in writers + readers:
                    thread.join()
                self.assertTrue(got[client] == BIG and got[server] == BIG)
                # A wait for each 128 KiB would take 2.6 s.
                self.assertLess(time.monotonic() - start, 2)
                self.assertEqual(wire.counted()[2:], [len(BIG), len(BIG)])

    def test_an_end_is_passed_on_after_what_was_sent(self):
        with Wire(DELAY_MS) as wire:
            client, server = wire.connect()
            client.sendall(b"last words")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(receive(server, 100), b"last words")
            server.sendall(b"farewell")
            server.close()
            self.assertEqual(receive(client, 100), b"farewell")

    def test_nobody_to_connect_to_is_a_connection_that_ends(self):
        with Wire(0) as wire:
            wire._listener.close()  # pylint: disable=protected-access
            with socket.create_connection(("127.0.0.1", wire._port), timeout=30) as client:
                self.assertEqual(receive(client, 1), b"")


if __name__ == "__main__":
    unittest.main()
