"""Plan folders for tests: a dictionary written as YAML, and its SQL files."""

import json
import os


def write_plan(folder, files, db, changes):
    """Writes files (name -> text or bytes) and postlude.yaml into folder; returns its path.

    The plan is valid and complete; `changes` replaces whole sections or, with a dictionary, single
    keys of a section (None drops one): database={"role": "orders_owner"}, migrations=[...],
    plan="other". `text` writes the plan as it stands there.
    """
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(text if isinstance(text, bytes) else text.encode())
    path = f"{folder}/postlude.yaml"
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(changes["text"] if "text" in changes else plan_text(files, db, changes))
    return path


def plan_text(files, db, changes):
    """The YAML of such a plan."""
    plan = {
        "version": 1,
        "plan": "orders",
        "trigger": {"pipelines": ["orders-*"]},
        "database": {"host": "${DB_HOST}", "port": "${DB_PORT}", "name": db, "user": "migrator",
                     "password": "${DB_PASSWORD}", "ca_file": "${DB_CA_FILE}", "wait": "1s"},
        "report": {"topic": "${SNS_TOPIC_ARN:-}"},
        "migrations": [name for name in files if name.endswith(".sql")],
    }
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(plan.get(key), dict):
            plan[key] = {k: v for k, v in {**plan[key], **value}.items() if v is not None}
        else:
            plan[key] = value
    return "".join(_member(key, value, "") for key, value in plan.items() if value is not None)


def _member(key, value, indent):
    if isinstance(value, dict) and value:
        inner = "".join(_member(k, v, indent + "  ") for k, v in value.items())
        return f"{indent}{key}:\n{inner}"
    if isinstance(value, list) and value:
        return f"{indent}{key}:\n" + "".join(_item(item, indent + "  ") for item in value)
    return f"{indent}{key}: {_scalar(value)}\n"


def _item(item, indent):
    if isinstance(item, dict):
        lines = "".join(_member(k, v, indent + "  ") for k, v in item.items())
        return f"{indent}- {lines.lstrip()}"
    return f"{indent}- {_scalar(item)}\n"


def _scalar(value):
    # JSON's strings are YAML's double-quoted ones.
    return json.dumps(value, ensure_ascii=False)
