"""STS: temporary credentials for a role, for who may assume it."""

import base64
import json
import re
import uuid
from datetime import timedelta
from xml.sax.saxutils import escape

import aws_faults
from aws_keys import identifier, stamp
from aws_query import QueryService, result
from aws_signature import Refusal

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
ROLE = re.compile(r"arn:[a-z0-9-]+:iam::(\d{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})")
SESSION = re.compile(r"[\w+=,.@-]{2,64}")
PROVIDER = "oidc.eks.eu-west-3.amazonaws.com/id/5B1C7E0A9F424D1E8A630C2F7D9E4B18"
SUBJECT = "system:serviceaccount:ops:migrate"


def _encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class Sts(QueryService):
    """`roles` are those that can be assumed. `web_identity` is the token that is good now."""

    name = "sts"
    namespace = NAMESPACE
    faults = aws_faults.STS
    actions = {"AssumeRole": "assume_role", "GetCallerIdentity": "get_caller_identity",
               "AssumeRoleWithWebIdentity": "assume_role_with_web_identity"}
    unsigned = ("AssumeRoleWithWebIdentity",)

    def __init__(self, aws):
        super().__init__(aws)
        self.roles = {f"arn:aws:iam::{aws.account}:role/lab"}
        self.web_identity = None

    def issue_web_identity(self):
        """A new web identity token; the one before is no longer good."""
        now = int(self.aws.now().timestamp())
        claims = {"aud": ["sts.amazonaws.com"], "iss": f"https://{PROVIDER}", "sub": SUBJECT,
                  "iat": now, "exp": now + 86400, "jti": str(uuid.uuid4())}
        self.web_identity = ".".join((_encoded({"alg": "RS256", "kid": uuid.uuid4().hex}),
                                      _encoded(claims), uuid.uuid4().hex * 8))
        self.aws.hide(self.web_identity)
        return self.web_identity

    def assume_role(self, call, form):
        """AssumeRole, which is signed."""
        role, name, session, lifetime = self._read(form)
        if role not in self.roles:
            raise Refusal(403, "AccessDenied", f"User: {call.key.arn} is not authorized to perform:"
                                               f" sts:AssumeRole on resource: {role}")
        self.aws.allow_only(call.key, "sts:AssumeRole", role, "AccessDenied")
        return self._answer(call.action, role, name, session, lifetime)

    def assume_role_with_web_identity(self, call, form):
        """AssumeRoleWithWebIdentity, which carries a token of its own."""
        role, name, session, lifetime = self._read(form)
        token = form.get("WebIdentityToken", "")
        if not 4 <= len(token) <= 20000:
            raise Refusal(400, "ValidationError",
                          "1 validation error detected: Value at 'webIdentityToken' failed to "
                          "satisfy constraint: Member must have length between 4 and 20000")
        if token.count(".") != 2 or token != token.strip():
            raise Refusal(400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. "
                          "(You may see this error if you sent an Access Token)")
        if token != self.web_identity:
            moment = int(self.aws.now().timestamp())
            raise Refusal(400, "ExpiredTokenException", f"Token expired: current date/time {moment}"
                          f" must be before the expiration date/time{moment - 60}")
        if role not in self.roles:
            raise Refusal(403, "AccessDenied",
                          "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        more = (f"<SubjectFromWebIdentityToken>{SUBJECT}</SubjectFromWebIdentityToken>"
                f"<Audience>sts.amazonaws.com</Audience><Provider>arn:aws:iam::{self.aws.account}:"
                f"oidc-provider/{PROVIDER}</Provider>")
        return self._answer(call.action, role, name, session, lifetime, more)

    def get_caller_identity(self, call, _form):
        """GetCallerIdentity, which nobody can be denied."""
        return result(NAMESPACE, call.action,
                      f"<Arn>{escape(call.key.arn)}</Arn><UserId>{identifier('AROA')}:lab</UserId>"
                      f"<Account>{call.key.account}</Account>")

    def _read(self, form):
        role = ROLE.fullmatch(form.get("RoleArn", ""))
        session = form.get("RoleSessionName", "")
        lifetime = form.get("DurationSeconds", "3600")
        if form.get("Version") != "2011-06-15":
            raise Refusal(400, "InvalidAction", "Could not find operation for version "
                                                f"{form.get('Version')}")
        if role is None:
            raise Refusal(400, "ValidationError", f"{form.get('RoleArn')} is invalid")
        if not SESSION.fullmatch(session):
            raise Refusal(400, "ValidationError",
                          f"1 validation error detected: Value '{session}' at 'roleSessionName' "
                          "failed to satisfy constraint: Member must satisfy regular expression "
                          r"pattern: [\w+=,.@-]*")
        if not lifetime.isdigit() or not 900 <= int(lifetime) <= 43200:
            raise Refusal(400, "ValidationError",
                          f"1 validation error detected: Value '{lifetime}' at 'durationSeconds' "
                          "failed to satisfy constraint")
        return role[0], role[2], session, timedelta(seconds=int(lifetime))

    def _answer(self, action, role, name, session, lifetime, more=""):
        arn = (role.replace(":iam::", ":sts::").partition(":role/")[0]
               + f":assumed-role/{name}/{session}")
        key = self.aws.keys.temporary(arn, self.aws.now(), min(lifetime, self.aws.keys.lifetime))
        return result(NAMESPACE, action, (
            f"<AssumedRoleUser><AssumedRoleId>{identifier('AROA')}:{escape(session)}"
            f"</AssumedRoleId><Arn>{escape(arn)}</Arn></AssumedRoleUser>"
            f"<Credentials><AccessKeyId>{key.access_key_id}</AccessKeyId><SecretAccessKey>"
            f"{key.secret}</SecretAccessKey><SessionToken>{key.token}</SessionToken><Expiration>"
            f"{stamp(key.expires)}</Expiration></Credentials>{more}"))
