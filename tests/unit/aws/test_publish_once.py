"""Holds our signer and transport against the stand-in for AWS, which checks with botocore.

    test_publish_once.py PUBLISH_ONCE
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from datetime import timedelta

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "lab"))

from aws_endpoint import AwsEndpoint  # pylint: disable=wrong-import-position

PROGRAM = sys.argv.pop()
SANITIZERS = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}


def certificate(folder, name):
    """A self-signed certificate and its key, for a day."""
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-subj", "/CN=lab", "-addext",
                    f"subjectAltName={name}", "-out", cert, "-keyout", key],
                   check=True, capture_output=True)
    return cert, key


class Case(unittest.TestCase):
    """One endpoint a test."""

    def setUp(self):
        self.aws = AwsEndpoint().start()
        self.addCleanup(self.aws.stop)

    def start(self, env, topic=None, text="{}", deadline_ms=20000, grace_ms=3000):
        """The program, started."""
        args = [PROGRAM, topic or self.aws.arn("orders"), text, str(deadline_ms), str(grace_ms)]
        return subprocess.Popen(args, env={**SANITIZERS, **env}, stdout=subprocess.PIPE, text=True)

    def publish(self, env=None, **options):
        """Its output, in lines."""
        process = self.start(env or self.aws.environment(), **options)
        output, _ = process.communicate(timeout=60)
        for secret in self.aws.secrets():
            self.assertNotIn(secret, output)
        return output.splitlines()

    def assert_sent(self, output):
        self.assertEqual(output, ["sent " + self.aws.messages()[-1]["id"]], self.aws.refusals())

    def assert_refused(self, output, kind, code, *words):
        self.assertEqual(output[:2], [kind, code])
        for word in words:
            self.assertIn(word, "\n".join(output))


class Signed(Case):
    """What botocore says to our signatures."""

    def test_credentials_of_the_container(self):
        self.assert_sent(self.publish())

    def test_static_credentials(self):
        self.assert_sent(self.publish(self.aws.static_environment()))

    def test_wrong_secret(self):
        env = self.aws.static_environment() | {"AWS_SECRET_ACCESS_KEY": "wrong/secret+key"}
        output = self.publish(env)
        self.assert_refused(output, "unreachable", "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY")
        self.assertNotIn("Canonical", "\n".join(output))

    def test_unknown_key(self):
        env = self.aws.static_environment() | {"AWS_ACCESS_KEY_ID": "AKIANOBODY"}
        self.assert_refused(self.publish(env), "unreachable", "InvalidClientTokenId", "deleted")

    def test_the_message_arrives_whole(self):
        text = "{\"note\": \"café + 100% ~ok* 'q' \\\\ &=?/ \U0001f600\"}\n"
        self.assert_sent(self.publish(text=text))
        message = self.aws.messages()[0]
        self.assertEqual(message["message"], text)
        self.assertEqual(message["subject"], "orders: 1 migration applied")
        self.assertEqual(message["attributes"],
                         {"outcome": ("String", "applied"), "exit_code": ("Number", "0")})
        self.assertIsNone(message["deduplication"])

    def test_a_large_message(self):
        self.assert_sent(self.publish(text="é" * 60000))

    def test_fifo(self):
        self.assert_sent(self.publish(topic=self.aws.arn("orders.fifo")))
        message = self.aws.messages()[0]
        self.assertEqual((message["group"], message["deduplication"]), ("orders", "0198-applied"))

    def test_clock_that_is_an_hour_off(self):
        for hours in (1, -1):
            self.aws.clock_offset = timedelta(hours=hours)
            self.assert_sent(self.publish())
        self.assertEqual([refusal["code"] for refusal in self.aws.refusals()],
                         ["SignatureDoesNotMatch"] * 2)

    def test_credentials_that_ran_out(self):
        self.aws.lifetime = timedelta(hours=1)
        self.aws.fail("ExpiredToken")
        self.assert_sent(self.publish())

    def test_unknown_topic(self):
        output = self.publish(topic=self.aws.arn("gone"))
        self.assert_refused(output, "unreachable", "NotFound", "eu-west-3", "210987654321")

    def test_topic_of_another_account(self):
        topic = "arn:aws:sns:eu-west-3:111111111111:orders"
        self.assert_refused(self.publish(topic=topic), "unreachable", "AuthorizationError",
                            "sns:Publish on " + topic)

    def test_environment_is_left_without_secrets(self):
        self.aws.fail("hang")
        env = self.aws.environment()
        process = self.start(env)
        time.sleep(1)
        with open(f"/proc/{process.pid}/environ", encoding="utf-8") as file:
            self.assertNotIn(env["AWS_CONTAINER_AUTHORIZATION_TOKEN"], file.read())
        process.kill()
        process.communicate()


class Failing(Case):
    """What goes wrong on the way."""

    def test_passing_faults_are_tried_again(self):
        for fault in ("Throttling", "KMSThrottling", "InternalError", "html", "empty", "close"):
            with self.subTest(fault):
                self.aws.fail(fault, times=2)
                self.assert_sent(self.publish())

    def test_faults_that_stay(self):
        self.aws.fail("ServiceUnavailable", times=9)
        self.assert_refused(self.publish(), "unreachable", "ServiceUnavailable",
                            "gave up after 4 attempts")

    def test_answers_that_are_not_of_sns(self):
        for fault, code in (("not-sns", "200"), ("redirect", "302"), ("huge", "too-large")):
            with self.subTest(fault):
                self.aws.clear()
                self.aws.fail(fault)
                self.assert_refused(self.publish(), "unreachable", code)

    def test_credentials_endpoint_that_fails_twice(self):
        for fault in ("html", "close", "empty"):
            with self.subTest(fault):
                self.aws.fail(fault, times=2, where="credentials")
                self.assert_sent(self.publish())

    def test_credentials_endpoint_that_keeps_failing(self):
        self.aws.fail("html", times=3, where="credentials")
        self.assert_refused(self.publish(), "unreachable", "BadCredentials", "task role")

    def test_wrong_authorization_token(self):
        env = self.aws.environment() | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"}
        self.assert_refused(self.publish(env), "unreachable", "BadCredentials", "401")

    def test_deadline(self):
        self.aws.fail("hang", times=9)
        started = time.monotonic()
        self.assert_refused(self.publish(deadline_ms=1500), "interrupted", "", "out of time")
        self.assertLess(time.monotonic() - started, 4)

    def assert_stopped(self, output):
        """Nothing is wrong anywhere: no hint sends somebody to look for it."""
        kind, code, message, hint = output.split("\n")[:4]
        self.assertEqual((kind, code, hint), ("interrupted", "stopped", ""))
        self.assertIn("told to stop while waiting for an answer", message)

    def test_stop_leaves_the_grace(self):
        self.aws.fail("hang", times=9)
        started = time.monotonic()
        process = self.start(self.aws.environment(), grace_ms=1000)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
        self.assert_stopped(output)
        self.assertLess(time.monotonic() - started, 5)

    def test_stop_without_grace_ends_at_once(self):
        self.aws.fail("hang", times=9)
        process = self.start(self.aws.environment(), grace_ms=0)
        time.sleep(0.5)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
        self.assert_stopped(output)
        self.assertLess(time.monotonic() - started, 2)

    def test_nobody_listens(self):
        env = self.aws.static_environment() | {"AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:1"}
        self.assert_refused(self.publish(env), "unreachable", "connect", "AWS_ENDPOINT_URL_SNS")

    def test_nobody_answers_the_call_to_connect(self):
        # A queue that is full takes no more connections, nor does it refuse them.
        listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(listener.close)
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
            self.addCleanup(waiting.close)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        env = self.aws.static_environment() | {"AWS_ENDPOINT_URL_SNS": url}
        # It waits 3 s for that, not for as long as for an answer: the first attempt has ended.
        self.assert_refused(self.publish(env, deadline_ms=5000), "unreachable", "timeout",
                            "no answer in time", "AWS_ENDPOINT_URL_SNS")

    def test_name_that_does_not_resolve(self):
        env = self.aws.static_environment() | {"AWS_ENDPOINT_URL_SNS": "https://sns.invalid"}
        self.assertIn(self.publish(env)[1], ("resolve", "timeout"))

    def test_proxies_are_passed_by(self):
        env = self.aws.environment() | {"http_proxy": "http://127.0.0.1:1",
                                        "all_proxy": "http://127.0.0.1:1"}
        self.assert_sent(self.publish(env))


class Proxy:
    """A proxy that reads one request and answers it with a status."""

    def __init__(self, status):
        self.status = status
        self.requests = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.close()

    @property
    def port(self):
        """Where it listens."""
        return self._socket.getsockname()[1]

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.requests.append(connection.recv(65536).decode())
                connection.sendall(f"HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n"
                                   "Connection: close\r\n\r\n".encode())


class Proxied(Case):
    """HTTPS_PROXY, on the way to a host that is not this machine."""

    def through(self, proxy, **more):
        """The output of a run that goes through proxy, to the real host's name."""
        env = self.aws.static_environment()
        del env["AWS_ENDPOINT_URL_SNS"]
        return self.publish(env | {"HTTPS_PROXY": proxy} | more)

    def test_a_proxy_that_refuses(self):
        for status, times in ((403, 1), (407, 1), (502, 4)):
            with self.subTest(status), Proxy(status) as proxy:
                output = self.through(f"http://user:hidden@127.0.0.1:{proxy.port}")
                self.assert_refused(output, "unreachable", "proxy", str(status), "NO_PROXY")
                self.assertNotIn("hidden", "\n".join(output))
                self.assertEqual(len(proxy.requests), times)
                for request in proxy.requests:
                    self.assertTrue(request.startswith("CONNECT sns.eu-west-3.amazonaws.com:443 "))
                    self.assertNotIn("\r\nAuthorization:", request)
                    self.assertNotIn("X-Amz", request)

    def test_a_proxy_that_is_no_address(self):
        for proxy in ("ftp://user:hidden@127.0.0.1:1", "http://user:hidden@[127.0.0.1:1"):
            with self.subTest(proxy):
                output = self.through(proxy)
                self.assert_refused(output, "unreachable", "proxy", "HTTPS_PROXY reads")
                self.assertNotIn("hidden", "\n".join(output))

    def test_a_proxy_that_is_not_there(self):
        self.assert_refused(self.through("http://127.0.0.1:1"), "unreachable", "connect",
                            "127.0.0.1 port 1")

    def test_hosts_that_need_no_proxy(self):
        output = self.through("http://127.0.0.1:1", NO_PROXY="sns.invalid",
                              AWS_ENDPOINT_URL_SNS="https://sns.invalid")
        self.assertNotIn("127.0.0.1", "\n".join(output))


class Secured(Case):
    """TLS."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.cert, key = certificate(folder.name, "IP:127.0.0.1")
        self.aws = AwsEndpoint(cert=self.cert, key=key).start()
        self.addCleanup(self.aws.stop)

    def test_trusted(self):
        self.assert_sent(self.publish(self.aws.environment() | {"AWS_CA_BUNDLE": self.cert}))

    def test_not_trusted(self):
        output = self.publish(self.aws.static_environment())
        self.assert_refused(output, "unreachable", "tls", "AWS_CA_BUNDLE")

    def test_bundle_that_is_not_there(self):
        env = self.aws.static_environment() | {"AWS_CA_BUNDLE": "/nowhere.pem"}
        self.assert_refused(self.publish(env), "unreachable", "ca-file", "AWS_CA_BUNDLE")

    def test_bundle_that_holds_no_certificate(self):
        path = os.path.join(os.path.dirname(self.cert), "empty.pem")
        with open(path, "w", encoding="utf-8"):
            pass
        env = self.aws.static_environment() | {"AWS_CA_BUNDLE": path}
        self.assert_refused(self.publish(env), "unreachable", "ca-file", "AWS_CA_BUNDLE")

    def test_certificate_of_another_name(self):
        folder = os.path.dirname(self.cert)
        cert, key = certificate(folder, "DNS:elsewhere.example")
        other = AwsEndpoint(cert=cert, key=key).start()
        self.addCleanup(other.stop)
        env = other.static_environment() | {"AWS_CA_BUNDLE": cert}
        self.assert_refused(self.publish(env, topic=other.arn("orders")), "unreachable", "tls")


if __name__ == "__main__":
    unittest.main(verbosity=2)
