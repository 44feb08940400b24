"""Shows postlude at work: docker/try calls this once everything is installed and built.

A CodePipeline event against a throw-away PostgreSQL behind PgBouncer, the message that the SNS
topic got, and the same event once more. Nothing is left.
"""

import json
import os
import subprocess
import sys
import textwrap

from aws_endpoint import AwsEndpoint
from lab import REPOSITORY, Lab

WIDTH = 78
EVENT = {
    "version": "0", "id": "1f0a6c0e-52b7-9d11-6a3e-7a9a1f6c2b10",
    "detail-type": "CodePipeline Pipeline Execution State Change", "source": "aws.codepipeline",
    "account": "210987654321", "time": "2031-03-14T09:26:53Z", "region": "eu-west-3",
    "resources": ["arn:aws:codepipeline:eu-west-3:210987654321:orders-prod"],
    "detail": {"pipeline": "orders-prod", "execution-id": "5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18",
               "start-time": "2031-03-14T09:11:02.481Z", "state": "SUCCEEDED", "version": 6.0,
               "pipeline-execution-attempt": 1.0}}


def heading(title, text=""):
    print(f"\n{bold('== ' + title)}")
    if text:
        print(textwrap.fill(" ".join(text.split()), WIDTH))
    sys.stdout.flush()


def bold(text):
    return f"\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else text


def show(text):
    """Prints text indented, long lines folded."""
    for line in text.rstrip("\n").split("\n"):
        print(textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="      ",
                            drop_whitespace=False, break_on_hyphens=False))


def pretty(value, indent=0):
    """JSON as people like it: what is short stays on one line."""
    text = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or indent + len(text) < WIDTH - 20:
        return text
    if isinstance(value, dict):
        inner = [f"{json.dumps(key)}: {pretty(item, indent + 2)}" for key, item in value.items()]
    else:
        inner = [pretty(item, indent + 2) for item in value]
    margin = "\n" + " " * indent
    return text[0] + f"{margin}  " + f",{margin}  ".join(inner) + margin + text[-1]


def play(lab, db, plan):
    """One delivery of the event, seen as on a terminal; the exit code."""
    env = {**lab.environment(), "DB_NAME": db, "POSTLUDE_EVENT": json.dumps(EVENT),
           "TERM": os.environ.get("TERM", "dumb")}
    terminal = sys.stderr.isatty() and sys.stdout.isatty()
    print(f"\n$ postlude run --plan {os.path.relpath(plan, REPOSITORY)}")
    sys.stdout.flush()
    done = subprocess.run(lab.command("run", *[] if terminal else ["--log", "text"], plan=plan),
                          env=env, check=False, stdin=subprocess.DEVNULL,
                          stderr=None if terminal else subprocess.STDOUT)
    sys.stdout.flush()
    print(f"(exit code {done.returncode})")
    return done.returncode


def tables(lab, db):
    """Tables with their columns, as psql would list them, in short."""
    return lab.psql("select format('%-12s %s', c.relname, string_agg(a.attname, ', ' order by "
                    "a.attnum)) from pg_class c join pg_attribute a on a.attrelid = c.oid and "
                    "a.attnum > 0 and not a.attisdropped where c.relkind = 'r' and c.relnamespace "
                    "= 'public'::regnamespace group by c.relname order by 1", db)


def main():
    with AwsEndpoint() as aws, Lab(aws=aws) as lab:
        return story(lab, aws)


def story(lab, aws):
    db = lab.database()
    plan = f"{REPOSITORY}/migrations/postlude.yaml"
    version = lab.value("show server_version").split()[0]
    heading("What is running", f"""
        PostgreSQL {version} on port {lab.direct} (TLS, SCRAM), an empty database; in front of it
        PgBouncer in transaction mode on port {lab.pooler}, as RDS Proxy would be; and on port
        {aws.port} a stand-in for SNS and for the service where an ECS task gets its credentials.
        It checks every signature with botocore. All of it is in {lab.folder}, and goes away.""")

    heading("The event", """
        What EventBridge sends when a pipeline has SUCCEEDED. The numbers really come as 6.0 and
        1.0. The task gets it in the variable POSTLUDE_EVENT.""")
    print()
    show(pretty(EVENT))

    heading("The run", "The task starts. On a terminal it speaks to people, otherwise in JSON.")
    first = play(lab, db, plan)
    heading("The database now", "The tables that the migrations made, and the ledger's rows:")
    print()
    show(tables(lab, db))
    print()
    show(lab.psql("select format('%-32s %-8s %s ms', id, state, duration_ms) "
                  "from postlude.migration order by applied_at", db))

    heading("What the topic got", "Signed with the task's credentials; the signature was right.")
    for message in aws.messages():
        print()
        show(f"Subject: {message['subject']}")
        for name, (kind, value) in sorted(message["attributes"].items()):
            show(f"Attribute {name} ({kind}): {value}")
        show(pretty(json.loads(message["message"])))

    heading("The same event again", """
        EventBridge delivers at least once, so every event may come twice. Nothing changes, and
        nothing is published.""")
    before, published = lab.fingerprint(db), len(aws.messages())
    second = play(lab, db, plan)
    same = lab.fingerprint(db) == before and len(aws.messages()) == published
    print("\n" + ("The database is what it was before, and the topic got nothing." if same else
                  "THE DATABASE HAS CHANGED, which must not be."))
    return 0 if (first, second, same) == (0, 0, True) else 1


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = 130
    print("\nEverything is taken down." if code == 0 else f"\nThis ended with {code}.")
    sys.exit(code)
