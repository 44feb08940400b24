"""How the AWS stand-in is talked to: HTTP, and answers that are none."""

import json
import ssl
import uuid
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aws_signature import Request

HTML = "<html><head><title>503 Service Unavailable</title></head><body>503</body></html>"
LOGIN = "<html><body>Please log in to the network</body></html>"


class Answer:
    """What goes back."""

    def __init__(self, status, kind, text, headers=()):
        self.status = status
        self.kind = kind  # Content-Type; None: there is none
        self.data = text.encode()
        self.headers = dict(headers)


class Call(Request):
    """A request to one of the services: what came, and what was found out about it."""

    def __init__(self, method, url, headers, body):
        super().__init__(method, url, headers, body)
        self.target = "/" + url.split("/", 3)[3]  # path and query, as they came
        self.path = self.target.partition("?")[0]
        self.service = None
        self.action = None
        self.region = None
        self.key = None  # that signed it, once that is proved
        self.parsed = None  # the body, as a dictionary

    def entry(self, accepted):
        """What requests() tells about it."""
        claim = self.claim()
        return {"service": self.service, "action": self.action, "method": self.method,
                "path": self.target, "accepted": accepted,
                "headers": {name.lower(): value for name, value in self.headers},
                "body": self.parsed, "raw": self.body,
                "region": claim["region"] if claim else None,
                "access_key_id": claim["key"] if claim else None}


class Server(ThreadingHTTPServer):
    """Serves an endpoint's answers on a free loopback port."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, endpoint, cert=None, key=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = endpoint
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            # Each handshake in its own thread.
            self.socket = context.wrap_socket(self.socket, server_side=True,
                                              do_handshake_on_connect=False)

    def handle_error(self, request, client_address):
        """A client that hangs up or dislikes our certificate is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "lab"
    sys_version = ""

    def log_message(self, *_):
        """stderr belongs to the tests."""

    def date_time_string(self, timestamp=None):
        """The Date header follows the endpoint's clock."""
        return formatdate(timestamp or self.server.endpoint.now().timestamp(), usegmt=True)

    def do_GET(self):
        """Control, and what reads."""
        endpoint = self.server.endpoint
        control = {"/_lab/environment": endpoint.environment, "/_lab/messages": endpoint.messages,
                   "/_lab/refusals": endpoint.refusals}
        if self.path in control:
            self._answer_control(control[self.path]())
        else:
            self._call()

    def do_POST(self):
        """Control, and the services."""
        endpoint = self.server.endpoint
        if self.path == "/_lab/fail":
            endpoint.fail(**json.loads(self._body()))
            self._answer_control({})
        elif self.path == "/_lab/expire":
            endpoint.expire()
            self._answer_control({})
        else:
            self._call()

    def do_PUT(self):
        """An instance's token, or an answer to CloudFormation."""
        self._call()

    def do_DELETE(self):
        """Nothing has that."""
        self._call()

    def _body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            self.close_connection = True
            return b""  # nobody here takes one
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _call(self):
        endpoint = self.server.endpoint
        url = f"{endpoint.scheme}://{self.headers.get('Host')}{self.path}"
        call = Call(self.command, url, self.headers.items(), self._body())
        answer = endpoint.answer(call)
        if isinstance(answer, str):
            getattr(self, "_fault_" + answer.replace("-", "_"))()
        else:
            self._answer(answer)

    def _fault_hang(self):
        self.server.endpoint.closing.wait()
        self.close_connection = True

    def _fault_close(self):
        self.close_connection = True

    def _fault_html(self):
        self._answer(Answer(503, "text/html", HTML))

    def _fault_empty(self):
        self._answer(Answer(502, "text/plain", ""))

    def _fault_not_aws(self):
        self._answer(Answer(200, "text/html", LOGIN))

    _fault_not_sns = _fault_not_aws

    def _fault_redirect(self):
        self._answer(Answer(302, None, "", {
            "Location": f"{self.server.endpoint.url}/elsewhere"}))

    def _fault_huge(self):
        self._answer(Answer(200, "text/xml", "x" * (1 << 20)))

    def _answer_control(self, value):
        self._answer(Answer(200, "application/json", json.dumps(value)))

    def _answer(self, answer):
        self.send_response(answer.status)
        if answer.kind:
            self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.data)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.data)
