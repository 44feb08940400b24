"""A door in front of PostgreSQL that lets in who has an RDS authentication token, and nobody else.

To a client it is an instance of RDS, or an RDS Proxy, with IAM authentication: TLS, a password in
plain text, which has to be a token signed for this very host, port and user, at most 15 minutes
ago, with credentials that are still good. Behind it the client is on the lab's own server, which
takes its word over the Unix socket.
"""

import asyncio
import re
import ssl
import struct
import threading

from aws_signature import Refusal, verify_token

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL = 80877102
PACKET_MAX = 65536


class Denied(Exception):
    """What a server says instead of letting somebody in."""

    def __init__(self, sqlstate, message):
        super().__init__(message)
        self.sqlstate = sqlstate


class Door:
    """A loopback `port`. users: who has the role rds_iam. `tokens` are the passwords that came,
    `refusals` the reasons why somebody was not let in, which clients are not told. host and users
    may be changed at any time."""

    def __init__(self, aws, socket_path, certificate, users, host):
        # pylint: disable=too-many-arguments
        self.aws = aws
        self.users = set(users)
        self.host = host
        self.region = aws.region
        self.proxy = False  # speaks as RDS Proxy does
        self.busy = 0  # times that a proxy has too many requests
        self.tokens = []
        self.refusals = []
        self.port = None
        self._socket_path = socket_path
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(f"{certificate}.crt", f"{certificate}.key")
        self._loop = asyncio.new_event_loop()
        self._server = None
        self._tasks = set()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Opens it; port is set then."""
        ready = threading.Event()
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._open(ready)))
        self._thread.start()
        ready.wait(10)
        return self

    def stop(self):
        """Closes it, and breaks its connections. Safe to call twice."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    def cut(self):
        """Breaks the connections there are."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])

    @property
    def place(self):
        """host:port, which tokens are signed for."""
        return f"{self.host}:{self.port}"

    def _serve(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _open(self, ready):
        self._server = await asyncio.start_server(self._visitor, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        ready.set()

    async def _close(self):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _visitor(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._let_in(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # gone, or cut
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _let_in(self, reader, writer):
        first, secure = await self._first_packet(reader, writer)
        if struct.unpack("!I", first[4:8])[0] == CANCEL:
            await self._relay(reader, writer, first)
            return
        try:
            await self._check(reader, writer, _parameters(first), secure)
        except Denied as denied:
            self.refusals.append(str(denied.__cause__ or denied))
            await _say(writer, b"E", b"SFATAL\0VFATAL\0" + b"".join(
                part.encode() + b"\0" for part in ("C" + denied.sqlstate, "M" + str(denied)))
                + b"\0")
            return
        await self._relay(reader, writer, first)

    async def _first_packet(self, reader, writer):
        """The first packet that is no request for encryption; and whether TLS is on."""
        secure = False
        while True:
            packet = await _packet(reader)
            code = struct.unpack("!I", packet[4:8])[0]
            if code == SSL_REQUEST and not secure:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self._context)
                secure = True
            elif code == GSS_REQUEST:
                writer.write(b"N")
                await writer.drain()
            else:
                return packet, secure

    async def _check(self, reader, writer, parameters, secure):
        user = parameters["user"]
        if not secure:
            raise Denied("28000", "This RDS Proxy requires TLS connections." if self.proxy else
                         f'no pg_hba.conf entry for host "127.0.0.1", user "{user}", database '
                         f'"{parameters.get("database", user)}", no encryption')
        await _say(writer, b"R", struct.pack("!I", 3))
        if await reader.readexactly(1) != b"p":
            raise Denied("08P01", "expected password response")
        token = (await _packet(reader))[4:].rstrip(b"\0").decode("utf-8", "replace")
        self.tokens.append(token)
        self.aws.hide("".join(re.findall(r"X-Amz-Signature=([0-9a-f]{64})$", token)))
        if self.proxy and self.busy > 0:
            self.busy -= 1
            raise Denied("28P01", "The IAM authentication failed because of too many competing "
                                  "requests.")
        if user not in self.users:
            raise Denied("28P01", f"This RDS proxy has no credentials for the role {user}. Check "
                         "the credentials for this role and try again." if self.proxy else
                         f'password authentication failed for user "{user}"')
        self._check_token(token, user)

    def _check_token(self, token, user):
        try:
            key, named = verify_token(token, self.aws.keys.known(), self.region, self.place,
                                      self.aws.now())
            if named != user:
                raise Refusal(403, "AccessDenied", f"the token is for user {named}, not {user}")
            if self.aws.is_denied("rds-db:connect") or key.account != self.aws.account:
                raise Refusal(403, "AccessDenied", f"{key.arn} may not rds-db:connect as {user}")
        except Refusal as refusal:
            if self.proxy:
                raise Denied("28P01", f"The IAM authentication failed for the role {user}. Check "
                             "the IAM token for this role and try again.") from refusal
            raise Denied("28000", f'PAM authentication failed for user "{user}"') from refusal

    async def _relay(self, reader, writer, first):
        inner_reader, inner_writer = await asyncio.open_unix_connection(self._socket_path)
        inner_writer.write(first)
        pumps = [asyncio.ensure_future(_pump(reader, inner_writer)),
                 asyncio.ensure_future(_pump(inner_reader, writer))]
        try:
            # Each direction ends by itself: a client that hangs up has a server that still works.
            await asyncio.wait(pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            inner_writer.transport.abort()


async def _packet(reader):
    head = await reader.readexactly(4)
    length = struct.unpack("!I", head)[0]
    if not 4 <= length <= PACKET_MAX:
        raise OSError("not PostgreSQL's protocol")
    return head + await reader.readexactly(length - 4)


def _parameters(packet):
    parts = packet[8:].split(b"\0")
    return {name.decode(): value.decode() for name, value in zip(parts[::2], parts[1::2]) if name}


async def _say(writer, kind, body):
    writer.write(kind + struct.pack("!I", len(body) + 4) + body)
    await writer.drain()


async def _pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    if not writer.is_closing():
        writer.close()
