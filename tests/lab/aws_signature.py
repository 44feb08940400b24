"""Checks the signature of a request as AWS does, by botocore's own signer."""

import hmac
import re
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=5)
SCOPE = (r"(?P<key>[^/, ]+)/(?P<day>\d{8})/(?P<region>[^/, ]+)/(?P<service>[^/, ]+)/aws4_request")
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential={SCOPE}, ?SignedHeaders=(?P<signed>[a-z0-9;-]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})")
TOKEN_LIFETIME = 900  # seconds, of a database login
TOKEN_PARTS = {"Action", "DBUser", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date",
               "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"}


class Refusal(Exception):
    """What AWS answers instead of doing what was asked."""

    def __init__(self, status, code, message, headers=()):
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers)


class Key:
    """An access key of the principal `arn`: static, or temporary with a token and an end."""

    def __init__(self, arn, access_key_id, secret, token=None, expires=None):
        self.arn = arn
        self.access_key_id = access_key_id
        self.secret = secret
        self.token = token
        self.expires = expires

    @property
    def account(self):
        """The account that it belongs to."""
        return self.arn.split(":")[4]


class Request:
    """A request as it came over the wire."""

    def __init__(self, method, url, headers, body):
        self.method = method
        self.url = url
        self.headers = list(headers)  # (name, value) in order
        self.body = body

    def header(self, name):
        """The first header of that name, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def claim(self):
        """What its Authorization header says: key, day, region, service, ...; None when nothing
        of the right form."""
        return AUTHORIZATION.fullmatch(self.header("authorization") or "")


def verify(request, keys, regions, service, now):
    """Returns (key, region) when one of keys signed request, for one of the regions and the
    service, at about now; raises Refusal otherwise."""
    claim = _claim(request)
    key = _known(keys, claim["key"], request.header("x-amz-security-token"))
    _check_date(request.header("x-amz-date"), claim["day"], now)
    if claim["region"] not in regions:
        raise _mismatch("Credential should be scoped to a valid region.")
    if claim["service"] != service:
        raise _mismatch(f"Credential should be scoped to correct service: '{service}'.")
    _check_signed_headers(request, claim["signed"].split(";"))
    _check_signature(request, claim, key)
    _check_end(key, now)
    return key, claim["region"]


def verify_token(text, keys, region, place, now):
    """Returns (key, user) of an RDS authentication token for place ("host:port"); raises
    Refusal."""
    head, _, query = text.partition("/?")
    parts = dict(parse_qsl(query, keep_blank_values=True))
    if head.lower() != place.lower():
        raise _mismatch(f"the token is for {head}, not for {place}")
    if not TOKEN_PARTS <= set(parts) <= TOKEN_PARTS | {"X-Amz-Security-Token"}:
        raise _mismatch(f"the token consists of {sorted(parts)}")
    claim = re.fullmatch(SCOPE, parts["X-Amz-Credential"])
    if claim is None or (parts["X-Amz-Algorithm"], parts["Action"]) != (ALGORITHM, "connect"):
        raise _mismatch("the token's scope, algorithm or action is not one")
    if (claim["region"], claim["service"]) != (region, "rds-db"):
        raise _mismatch(f"the token is scoped to {claim['region']}/{claim['service']}")
    key = _known(keys, claim["key"], parts.get("X-Amz-Security-Token"))
    _check_token_time(parts, claim["day"], now)
    _check_token_signature(parts, place, key, claim)
    _check_end(key, now)
    return key, parts["DBUser"]


def _claim(request):
    if request.header("authorization") is None:
        raise Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    match = request.claim()
    if match is None:
        raise Refusal(403, "IncompleteSignature", "Authorization header is malformed.")
    return match


def _known(keys, name, token):
    key = keys.get(name)
    if key is None or (token or None) != key.token:
        raise Refusal(403, "InvalidClientTokenId",
                      "The security token included in the request is invalid.")
    return key


def _check_end(key, now):
    if key.expires and now >= key.expires:
        raise Refusal(403, "ExpiredToken", "The security token included in the request is expired")


def _mismatch(message):
    return Refusal(403, "SignatureDoesNotMatch", message)


def _moment(stamp, day):
    if stamp is None or not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        raise Refusal(403, "IncompleteSignature", "Date must be in ISO-8601 'basic format'.")
    if stamp[:8] != day:
        raise _mismatch(f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                        f"of date from HTTP: '{day}' != '{stamp[:8]}'.")
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)


def _check_date(stamp, day, now):
    signed_at = _moment(stamp, day)
    if signed_at < now - SKEW:
        raise _mismatch(f"Signature expired: {stamp} is now earlier than "
                        f"{now - SKEW:%Y%m%dT%H%M%SZ}")
    if signed_at > now + SKEW:
        raise _mismatch(f"Signature not yet current: {stamp} is still later than "
                        f"{now + SKEW:%Y%m%dT%H%M%SZ}")


def _check_token_time(parts, day, now):
    signed_at = _moment(parts["X-Amz-Date"], day)
    lifetime = parts["X-Amz-Expires"]
    if not lifetime.isdigit() or not 0 < int(lifetime) <= TOKEN_LIFETIME:
        raise _mismatch(f"X-Amz-Expires is {lifetime}")
    if signed_at > now + SKEW:
        raise _mismatch(f"the token is of {parts['X-Amz-Date']}, which is still to come")
    if now >= signed_at + timedelta(seconds=int(lifetime)):
        raise _mismatch(f"the token is of {parts['X-Amz-Date']}, and has expired")


def _check_signed_headers(request, signed):
    if signed != sorted(set(signed)):
        raise Refusal(403, "IncompleteSignature", "SignedHeaders are not sorted.")
    sent = {name.lower() for name, _ in request.headers}
    required = {"host"} | {name for name in sent if name.startswith("x-amz-")}
    missing = sorted(required - set(signed)) + sorted(set(signed) - sent)
    if missing:
        raise _mismatch(f"'{missing[0]}' must be a 'SignedHeader' in the AWS Authorization.")


def _check_signature(request, claim, key):
    copy = AWSRequest(method=request.method, url=request.url, data=request.body)
    copy.context["timestamp"] = request.header("x-amz-date")
    for name, value in request.headers:
        if name.lower() in claim["signed"].split(";"):
            copy.headers.add_header(name, value)
    _compare(copy, key, claim, claim["signature"])


def _check_token_signature(parts, place, key, claim):
    if parts["X-Amz-SignedHeaders"] != "host":
        raise _mismatch("a token signs the host, and nothing else")
    signed = [(name, value) for name, value in parts.items() if name != "X-Amz-Signature"]
    copy = AWSRequest(method="GET", url=f"https://{place}/", params=signed,
                      headers={"host": place.lower()})
    copy.context["timestamp"] = parts["X-Amz-Date"]
    _compare(copy, key, claim, parts["X-Amz-Signature"])


def _compare(copy, key, claim, signature):
    signer = SigV4Auth(Credentials(key.access_key_id, key.secret, key.token), claim["service"],
                       claim["region"])
    canonical = signer.canonical_request(copy)
    string = signer.string_to_sign(copy, canonical)
    if not hmac.compare_digest(signer.signature(string, copy), signature):
        raise _mismatch(
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            f"details.\n\nThe Canonical String for this request should have been\n'{canonical}'"
            f"\n\nThe String-to-Sign should have been\n'{string}'\n")
