"""Checks the signature of a request as AWS does, by botocore's own signer."""

import hmac
import re
from datetime import datetime, timedelta, timezone

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=5)
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<key>[^/, ]+)/(?P<day>\d{{8}})/(?P<region>[^/, ]+)/"
    r"(?P<service>[^/, ]+)/aws4_request, ?SignedHeaders=(?P<signed>[a-z0-9;-]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})")


class Refusal(Exception):
    """What AWS answers instead of doing what was asked."""

    def __init__(self, status, code, message):
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


class Key:
    """An access key: static, or temporary with a token and an end."""

    def __init__(self, access_key_id, secret, token=None, expires=None):
        self.access_key_id = access_key_id
        self.secret = secret
        self.token = token
        self.expires = expires


class Request:
    """A request as it came over the wire."""

    def __init__(self, method, url, headers, body):
        self.method = method
        self.url = url
        self.headers = headers  # (name, value) in order
        self.body = body

    def header(self, name):
        """The first header of that name, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)


def verify(request, keys, region, service, now):
    """Raises Refusal unless one of keys signed request, for region and service, at about now."""
    claim = _claim(request)
    key = keys.get(claim["key"])
    if key is None or (request.header("x-amz-security-token") or None) != key.token:
        raise Refusal(403, "InvalidClientTokenId",
                      "The security token included in the request is invalid.")
    _check_date(request.header("x-amz-date"), claim["day"], now)
    _check_scope(claim, region, service)
    _check_signed_headers(request, claim["signed"].split(";"))
    _check_signature(request, claim, key)
    if key.expires and now >= key.expires:
        raise Refusal(403, "ExpiredToken", "The security token included in the request is expired")


def _claim(request):
    text = request.header("authorization")
    if text is None:
        raise Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    match = AUTHORIZATION.fullmatch(text)
    if match is None:
        raise Refusal(403, "IncompleteSignature", "Authorization header is malformed.")
    return match


def _mismatch(message):
    return Refusal(403, "SignatureDoesNotMatch", message)


def _check_date(stamp, day, now):
    if stamp is None or not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        raise Refusal(403, "IncompleteSignature", "Date must be in ISO-8601 'basic format'.")
    if stamp[:8] != day:
        raise _mismatch(f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                        f"of date from HTTP: '{day}' != '{stamp[:8]}'.")
    signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    if signed_at < now - SKEW:
        raise _mismatch(f"Signature expired: {stamp} is now earlier than "
                        f"{now - SKEW:%Y%m%dT%H%M%SZ}")
    if signed_at > now + SKEW:
        raise _mismatch(f"Signature not yet current: {stamp} is still later than "
                        f"{now + SKEW:%Y%m%dT%H%M%SZ}")


def _check_scope(claim, region, service):
    if claim["region"] != region:
        raise _mismatch("Credential should be scoped to a valid region.")
    if claim["service"] != service:
        raise _mismatch(f"Credential should be scoped to correct service: '{service}'.")


def _check_signed_headers(request, signed):
    if signed != sorted(set(signed)):
        raise Refusal(403, "IncompleteSignature", "SignedHeaders are not sorted.")
    sent = {name.lower() for name, _ in request.headers}
    required = {"host"} | {name for name in sent if name.startswith("x-amz-")}
    missing = sorted(required - set(signed)) + sorted(set(signed) - sent)
    if missing:
        raise _mismatch(f"'{missing[0]}' must be a 'SignedHeader' in the AWS Authorization.")


def _check_signature(request, claim, key):
    signer = SigV4Auth(Credentials(key.access_key_id, key.secret, key.token), claim["service"],
                       claim["region"])
    copy = AWSRequest(method=request.method, url=request.url, data=request.body)
    copy.context["timestamp"] = request.header("x-amz-date")
    for name, value in request.headers:
        if name.lower() in claim["signed"].split(";"):
            copy.headers.add_header(name, value)
    canonical = signer.canonical_request(copy)
    string = signer.string_to_sign(copy, canonical)
    if not hmac.compare_digest(signer.signature(string, copy), claim["signature"]):
        raise _mismatch(
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            f"details.\n\nThe Canonical String for this request should have been\n'{canonical}'"
            f"\n\nThe String-to-Sign should have been\n'{string}'\n")
