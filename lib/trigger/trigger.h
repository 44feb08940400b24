/*
 * Why was I started: an event as JSON, as scalar variables, a schedule, or nothing (by hand).
 *
 * Contract, section 3. Pure: settings come in as a struct, nothing is read here. The event is
 * judged as far as that goes without the plan; whether the plan admits it is engine/admit's to say.
 */
#ifndef POSTLUDE_TRIGGER_TRIGGER_H
#define POSTLUDE_TRIGGER_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/secret.h"

enum {
    TRIGGER_EVENT_MAX = 256 * 1024,
    /* Of a request's members, in bytes of JSON: they all fit into one answer. */
    TRIGGER_URL_MAX = 8192, /* a signature with a session token has 2 to 4 KB */
    TRIGGER_STACK_MAX = 1024,
    TRIGGER_ID_MAX = 255,
    TRIGGER_PHYSICAL_MAX = 1024,
};

enum trigger_kind {
    TRIGGER_MANUAL,
    TRIGGER_CODEPIPELINE,
    TRIGGER_STAGE,
    TRIGGER_SCHEDULE,
    TRIGGER_CLOUDFORMATION,
    TRIGGER_OTHER, /* another service, an action event, another state: to be ignored */
};

/* What main found. NULL = not given. The scalars may be "", which means "path missing". */
struct trigger_input {
    const char *event; /* JSON text */
    size_t event_length;
    const char
        *event_name; /* where it came from, for messages: "--event", "POSTLUDE_EVENT", a path */
    bool scalars;    /* some POSTLUDE_EVENT_* or schedule variable is set, even to nothing */
    const char *detail_type, *source, *id, *time, *account, *region, *pipeline, *execution_id,
        *state, *attempt, *version, *stage;
    const char *schedule_arn, *scheduled_time;
    bool on_ecs; /* a task metadata variable is there: then a manual run needs a reason */
    const char *reason, *by;
};

enum trigger_request_type {
    TRIGGER_REQUEST_CREATE,
    TRIGGER_REQUEST_UPDATE,
    TRIGGER_REQUEST_DELETE,
    TRIGGER_REQUEST_UNKNOWN,
};

/* What CloudFormation asks of a custom resource, as far as it could be understood: what is missing,
 * or cannot be given back as it came, is NULL. */
struct trigger_request {
    enum trigger_request_type type;
    struct secret response_url; /* where the answer goes; its query is a credential */
    char *stack, *request_id, *logical_id, *physical_id;
    int64_t timeout_ms; /* how long CloudFormation waits: ServiceTimeout, else an hour */
    struct error wrong; /* ERROR_REFUSED: why it must not run, though it has to be answered */
};

struct trigger {
    enum trigger_kind kind;
    char *ignored; /* why this event is none of ours, one line; NULL = it may run */
    char *event_id;
    char *account, *region; /* of the pipeline (of a request: of the stack), not of the database */
    char *pipeline, *stage, *execution_id, *state;
    int64_t attempt;      /* 1 when the event does not say, or says 0.0 as notification forms do */
    int64_t version;      /* the pipeline's structure version, -1 when the event does not say */
    int64_t time_ms;      /* wall clock; -1 when the event has none */
    char *schedule;       /* ARN of rule or schedule */
    char *scheduled_time; /* in UTC, "2031-03-14T09:00:00Z", however it was written */
    char *reason, *by;
    struct trigger_request *request; /* TRIGGER_CLOUDFORMATION only */
};

/* Reads it. What is kept of an event is in the alphabet that AWS gives it; of one that is to be
 * ignored, fields that are not are left out. Reason and by are cut at 500 characters and otherwise
 * raw: escape them where they are shown. ERROR_REFUSED: malformed, or by hand on ECS without a
 * reason; the message names the likely mistake. A CloudFormation request is read even where it
 * is malformed, since it has to be answered: see its `wrong`; one to delete is `ignored`. The
 * caller frees *out_trigger. */
MUST_CHECK bool trigger_read(const struct trigger_input *input, struct trigger **out_trigger,
                             struct error *err);
void trigger_free(struct trigger *trigger);

/* "codepipeline", "codepipeline-stage", "schedule", "manual", "cloudformation", "other". */
const char *trigger_name(enum trigger_kind kind);

/* "Create", "Update", "Delete", or NULL. */
const char *trigger_request_name(const struct trigger_request *request);

/* Whether text (may be NULL) may hold a request with its signed URL, and so is a secret. */
bool trigger_holds_url(const char *text);

/* Whether it stands for one execution of a pipeline or schedule, so that a second delivery is a
 * duplicate. */
bool trigger_has_key(const struct trigger *trigger);

/* One line for people: "pipeline orders-prod, execution 5b1c..., attempt 1 SUCCEEDED". */
struct buf;
void trigger_describe(const struct trigger *trigger, struct buf *out);

DEFINE_AUTO(trigger, struct trigger *, trigger_free)

#endif
