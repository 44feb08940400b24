#!/usr/bin/python3
"""A stand-in for AWS on a loopback port: SNS Publish and the ECS credentials endpoint.

    with AwsEndpoint() as aws:
        run(env=aws.environment())
        assert aws.messages()[0]["subject"] == "..."

Every request's signature is checked by botocore's own signer, every message by SNS's rules, and
the answers are SNS's. It can be told to fail. As a program it serves until it gets SIGTERM:

    aws_endpoint.py --port-file FILE [--log FILE] [--cert FILE --key FILE]

Control, for tests in another process: GET /_lab/environment, /_lab/messages, /_lab/refusals;
POST /_lab/fail with {"kind": "Throttling", "times": 2, "where": "sns"}, POST /_lab/expire.
"""

import argparse
import json
import os
import secrets
import signal
import ssl
import threading
import uuid
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aws_signature import Key, Refusal, Request, verify
from aws_sns import complaint, read_publish, receipt

DEDUPLICATION = timedelta(minutes=5)
HTML = "<html><head><title>503 Service Unavailable</title></head><body>503</body></html>"

# What `fail` can be told: AWS's refusals by code, as (status, message).
FAULTS = {
    "AuthorizationError": (403, "User: arn:aws:sts::210987654321:assumed-role/lab/task is not "
                                "authorized to perform: SNS:Publish on resource"),
    "ExpiredToken": (403, "The security token included in the request is expired"),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidClientTokenId": (403, "The security token included in the request is invalid."),
    "KMSAccessDenied": (400, "User is not authorized to perform: kms:GenerateDataKey on resource"),
    "KMSThrottling": (400, "The request was denied due to request throttling."),
    "NotFound": (404, "Topic does not exist"),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the "
                                   "signature you provided."),
    "Throttling": (400, "Rate exceeded"),
}
# And what is no refusal: no answer, an end in the middle, answers that are not AWS's.
OTHER_FAULTS = ("hang", "close", "html", "empty", "not-sns", "redirect", "huge")


class AwsEndpoint:
    """The stand-in: state and switches. Anything may be called while it serves."""

    def __init__(self, region="eu-west-3", account="210987654321", cert=None, key=None, log=None):
        self.region = region
        self.account = account
        self.scheme = "https" if cert else "http"
        self.clock_offset = timedelta(0)  # of our clock, against the machine's
        self.lifetime = timedelta(hours=6)  # of temporary credentials
        self.topics = {self.arn("orders"), self.arn("orders.fifo")}
        self.closing = threading.Event()
        self._log = open(log, "a", encoding="utf-8") if log else None
        self._lock = threading.Lock()
        self._static = self._new_key("AKIA", None, None)
        self._keys = {self._static.access_key_id: self._static}
        self._authorization = secrets.token_urlsafe(24)
        self._path = f"/v2/credentials/{uuid.uuid4()}"
        self._messages = []
        self._refusals = []
        self._faults = []
        self._sequence = 10000000000000003000
        self._server = _Server(("127.0.0.1", 0), _Handler, self)
        if cert:
            self._server.wrap(cert, key)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,),
                                        daemon=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Serves from now on, in a thread."""
        self._thread.start()
        return self

    def stop(self):
        """Ends it; requests that hang are broken off."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        if self._log:
            self._log.close()

    # What a client is told -------------------------------------------------------------------

    @property
    def port(self):
        """The port, free when it was chosen."""
        return self._server.server_port

    @property
    def url(self):
        """Where it serves."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def arn(self, name):
        """The ARN of a topic here."""
        return f"arn:aws:sns:{self.region}:{self.account}:{name}"

    def environment(self, topic="orders"):
        """Variables of a task whose role gets credentials here and may publish to topic."""
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url + self._path,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._authorization,
                "AWS_ENDPOINT_URL_SNS": self.url, "AWS_REGION": self.region,
                "SNS_TOPIC_ARN": self.arn(topic)}

    def static_environment(self, topic="orders"):
        """The same with a static access key."""
        return {"AWS_ACCESS_KEY_ID": self._static.access_key_id,
                "AWS_SECRET_ACCESS_KEY": self._static.secret,
                "AWS_ENDPOINT_URL_SNS": self.url, "AWS_REGION": self.region,
                "SNS_TOPIC_ARN": self.arn(topic)}

    # What happened ---------------------------------------------------------------------------

    def messages(self):
        """Every message that was taken: topic, subject, message, attributes, group, ..."""
        with self._lock:
            return list(self._messages)

    def refusals(self):
        """Every request that was refused: path, code, reason."""
        with self._lock:
            return list(self._refusals)

    def secrets(self):
        """What must be seen nowhere."""
        with self._lock:
            keys = list(self._keys.values())
        found = [self._authorization]
        for key in keys:
            found += [key.secret] + ([key.token] if key.token else [])
        return found

    def clear(self):
        """Forgets messages, refusals and faults."""
        with self._lock:
            self._messages, self._refusals, self._faults = [], [], []

    # Switches --------------------------------------------------------------------------------

    def fail(self, kind, times=1, where="sns"):
        """The next `times` requests to "sns" or "credentials" end in kind, see FAULTS."""
        if kind not in FAULTS and kind not in OTHER_FAULTS:
            raise ValueError(f"no such fault: {kind}")
        with self._lock:
            self._faults += [(where, kind)] * times

    def expire(self):
        """Ends all temporary credentials handed out so far."""
        with self._lock:
            for key in self._keys.values():
                key.expires = key.expires and self.now()

    # For the handler -------------------------------------------------------------------------

    def now(self):
        """Our clock."""
        return datetime.now(timezone.utc) + self.clock_offset

    def next_fault(self, where):
        """The fault that this request has to end in, or None."""
        with self._lock:
            for fault in self._faults:
                if fault[0] == where:
                    self._faults.remove(fault)
                    return fault[1]
        return None

    def credentials(self, path, authorization):
        """Fresh temporary credentials, as ECS answers them; raises Refusal."""
        if path != self._path:
            raise Refusal(404, "NotFound", "no credentials at this path")
        if authorization != self._authorization:
            raise Refusal(401, "AccessDenied", "the authorization token is wrong or missing")
        with self._lock:
            key = self._new_key("ASIA", secrets.token_urlsafe(200) + "/+==",
                                self.now() + self.lifetime)
            self._keys[key.access_key_id] = key
        return {"RoleArn": f"arn:aws:iam::{self.account}:role/lab",
                "AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret,
                "Token": key.token, "Expiration": f"{key.expires:%Y-%m-%dT%H:%M:%SZ}"}

    def publish(self, request):
        """Checks and takes a message; returns SNS's XML; raises Refusal."""
        with self._lock:
            keys = dict(self._keys)
        verify(request, keys, self.region, "sns", self.now())
        kind = request.header("content-type") or ""
        if not kind.startswith("application/x-www-form-urlencoded"):
            raise Refusal(400, "MalformedInput", "Content-Type is not a form's")
        message = read_publish(request.body, self.topics, self.region, self.account)
        return self._take(message)

    def refused(self, path, refusal):
        """Keeps what was refused."""
        self._keep(self._refusals, {"path": path, "code": refusal.code, "reason": refusal.message})

    def _take(self, message):
        message["id"] = str(uuid.uuid4())
        message["time"] = self.now().timestamp()
        message["duplicate"] = self._is_duplicate(message)
        self._keep(self._messages, message)
        if not message["topic"].endswith(".fifo"):
            return receipt(message["id"])
        self._sequence += 1
        return receipt(message["id"], self._sequence)

    def _is_duplicate(self, message):
        return message["deduplication"] is not None and any(
            (known["topic"], known["deduplication"]) == (message["topic"], message["deduplication"])
            and message["time"] - known["time"] < DEDUPLICATION.total_seconds()
            for known in self.messages())

    def _keep(self, where, entry):
        with self._lock:
            where.append(entry)
            if self._log:
                print(json.dumps(entry), file=self._log, flush=True)

    @staticmethod
    def _new_key(prefix, token, expires):
        name = "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
        return Key(prefix + name, secrets.token_urlsafe(28) + "/+", token, expires)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, handler, endpoint):
        super().__init__(address, handler)
        self.endpoint = endpoint

    def wrap(self, cert, key):
        """Speaks TLS from now on; each handshake in its own thread."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
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
        """Credentials and control."""
        endpoint = self.server.endpoint
        control = {"/_lab/environment": endpoint.environment, "/_lab/messages": endpoint.messages,
                   "/_lab/refusals": endpoint.refusals}
        if self.path in control:
            self._answer_json(200, control[self.path]())
        elif not self._fail("credentials"):
            self._credentials()

    def do_POST(self):
        """SNS and control."""
        endpoint = self.server.endpoint
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_lab/fail":
            endpoint.fail(**json.loads(body))
            self._answer_json(200, {})
        elif self.path == "/_lab/expire":
            endpoint.expire()
            self._answer_json(200, {})
        elif not self._fail("sns"):
            self._publish(body)

    def _credentials(self):
        endpoint = self.server.endpoint
        try:
            found = endpoint.credentials(self.path, self.headers.get("Authorization"))
        except Refusal as refusal:
            endpoint.refused(self.path, refusal)
            self._answer_json(refusal.status, {"code": refusal.code, "message": refusal.message})
        else:
            self._answer_json(200, found)

    def _publish(self, body):
        endpoint = self.server.endpoint
        url = f"{endpoint.scheme}://{self.headers.get('Host')}{self.path}"
        try:
            text = endpoint.publish(Request(self.command, url, self.headers.items(), body))
        except Refusal as refusal:
            endpoint.refused(self.path, refusal)
            self._answer(refusal.status, "text/xml", complaint(refusal))
        else:
            self._answer(200, "text/xml", text)

    def _fail(self, where):
        """Ends this request in the fault that was asked for; False when none was."""
        kind = self.server.endpoint.next_fault(where)
        if kind is None:
            return False
        if kind in FAULTS:
            status, message = FAULTS[kind]
            refusal = Refusal(status, kind, message)
            self.server.endpoint.refused(self.path, refusal)
            self._answer(status, "text/xml", complaint(refusal))
        else:
            getattr(self, "_fault_" + kind.replace("-", "_"))()
        return True

    def _fault_hang(self):
        self.server.endpoint.closing.wait()
        self.close_connection = True

    def _fault_close(self):
        self.close_connection = True

    def _fault_html(self):
        self._answer(503, "text/html", HTML)

    def _fault_empty(self):
        self._answer(502, "text/plain", "")

    def _fault_not_sns(self):
        self._answer(200, "text/html", "<html><body>Please log in to the network</body></html>")

    def _fault_redirect(self):
        self.send_response(302)
        self.send_header("Location", f"{self.server.endpoint.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _fault_huge(self):
        self._answer(200, "text/xml", "x" * (1 << 20))

    def _answer_json(self, status, value):
        self._answer(status, "application/json", json.dumps(value))

    def _answer(self, status, kind, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.end_headers()
        self.wfile.write(data)


def main():
    """Serves until told to stop."""
    parser = argparse.ArgumentParser(description="A stand-in for SNS and the ECS credentials "
                                                 "endpoint on a loopback port.")
    parser.add_argument("--port-file", required=True, help="gets the port, once it serves")
    parser.add_argument("--log", help="gets a JSON line for each message and refusal")
    parser.add_argument("--cert", help="serve TLS with this certificate")
    parser.add_argument("--key", help="and this key")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with AwsEndpoint(cert=options.cert, key=options.key, log=options.log) as aws:
        with open(options.port_file + ".new", "w", encoding="ascii") as file:
            print(aws.port, file=file)
        os.replace(options.port_file + ".new", options.port_file)
        stop.wait()


if __name__ == "__main__":
    main()
