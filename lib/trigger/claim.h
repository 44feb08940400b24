/*
 * What an event claims, before it is believed: its fields as text, from JSON or from variables
 * alike, and the checks on each. Not for other rooms.
 */
#ifndef POSTLUDE_TRIGGER_CLAIM_H
#define POSTLUDE_TRIGGER_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "trigger/trigger.h"

enum claim_field {
    CLAIM_DETAIL_TYPE,
    CLAIM_SOURCE,
    CLAIM_ID,
    CLAIM_TIME,
    CLAIM_ACCOUNT,
    CLAIM_REGION,
    CLAIM_PIPELINE,
    CLAIM_EXECUTION_ID,
    CLAIM_STATE,
    CLAIM_ATTEMPT,
    CLAIM_VERSION,
    CLAIM_STAGE,
    CLAIM_SCHEDULE,
    CLAIM_SCHEDULED_TIME,
    CLAIM_FIELDS,
};

/* What an event is about, by source and detail-type. */
enum claim_topic {
    CLAIM_ABOUT_PIPELINE,
    CLAIM_ABOUT_STAGE,
    CLAIM_ABOUT_ACTION,
    CLAIM_ABOUT_SCHEDULE,
    CLAIM_ABOUT_OTHERS,
};

struct claim {
    char *text[CLAIM_FIELDS];        /* NULL: not there; "": a variable whose path was missing */
    bool scalars;                    /* from variables; else from JSON */
    const char *origin;              /* where the JSON came from, for messages; "" for variables */
    struct trigger_request *request; /* it is one of CloudFormation's; else NULL */
};

void trigger_claim_free(struct claim *claim);

/* Reads JSON text into *claim: an event, a request, or ERROR_REFUSED saying what it is instead.
 * Fields of events that are none of ours are not looked at. */
MUST_CHECK bool trigger_claim_from_json(const struct trigger_input *input, struct claim *claim,
                                        struct error *err);
/* The same from variables; ERROR_REFUSED when every one is empty. */
MUST_CHECK bool trigger_claim_from_scalars(const struct trigger_input *input, struct claim *claim,
                                           struct error *err);

/* By source and detail-type; a rule that passes neither is known by the variables it fills in. */
enum claim_topic trigger_claim_topic(const struct claim *claim);
/* That a variable for source or detail-type, if set, is not empty: that shows a wrong path in the
 * rule, and nothing is guessed then. ERROR_REFUSED. */
MUST_CHECK bool trigger_claim_check_topic(const struct claim *claim, struct error *err);

/* "POSTLUDE_EVENT_PIPELINE" or "detail.pipeline", as the person wrote it. */
const char *trigger_claim_name(const struct claim *claim, enum claim_field field);

/* ERROR_REFUSED, with the place where the event came from; returns false. */
bool trigger_claim_refuse(const struct claim *claim, struct error *err, const char *format, ...)
    PRINTF(3, 4);
/* Appends value for a message: in quotation marks, escaped, cut. */
void trigger_claim_show(struct buf *out, const char *value);

/* That the field is there and not empty. ERROR_REFUSED. */
MUST_CHECK bool trigger_claim_require(const struct claim *claim, enum claim_field field,
                                      struct error *err);
/* That the field, where it is there and not empty, is what AWS would write. ERROR_REFUSED. */
MUST_CHECK bool trigger_claim_check(const struct claim *claim, enum claim_field field,
                                    struct error *err);
/* That no field holds a placeholder or a path which nobody replaced. ERROR_REFUSED. */
MUST_CHECK bool trigger_claim_check_expanded(const struct claim *claim, struct error *err);

/* A whole number of at least 0 as events write it: "6", "6.0", "6E0". */
MUST_CHECK bool trigger_claim_number(const char *text, int64_t *out_value);

/* The first "<name>" in text; its length, or 0. */
size_t trigger_claim_placeholder(const char *text, size_t length, const char **out_at);
/* The hint about "<name>". */
void trigger_claim_placeholder_hint(const char *name, size_t length, struct error *err);

static inline void claim_auto_(struct claim *claim)
{
    trigger_claim_free(claim);
}

#endif
