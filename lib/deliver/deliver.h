/*
 * A run's outcome on its way to those who want to know: SNS.
 *
 * Knows what a report looks like as a message (contract, section 6) and what SNS takes of it; how
 * it gets there is lib/aws's. Nothing here is ever dropped for being too long: it is cut to fit.
 */
#ifndef POSTLUDE_DELIVER_DELIVER_H
#define POSTLUDE_DELIVER_DELIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/session.h"
#include "aws/sns.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/wait.h"
#include "outcome/outcome.h"

enum deliver_when { DELIVER_CHANGES, DELIVER_ALWAYS, DELIVER_FAILURES };
enum deliver_format { DELIVER_JSON, DELIVER_TEXT, DELIVER_CHAT };

/* What the plan says about reports. */
struct deliver_target {
    const char *topic; /* ARN */
    enum deliver_format format;
    bool details; /* also what may hold row data */
    const char
        *subject; /* put in front of the summary instead of the plan's name; NULL or "" = not */
};

/* What it is sent with, and how long that may take. */
struct deliver_means {
    struct aws *aws; /* credentials, endpoints, transport */
    const struct stop
        *stop; /* once asked, at most 8 s are left of the deadline; of a late report's, 1 s */
    struct deadline deadline; /* 60 s from the start at the latest */
    struct aws_sns_patience patience;
};

/* Whether this outcome is worth a message. CHANGES: applied, or not well. `ignored`, a dry run and
 * what only `check` says (pending) never are. */
bool deliver_wanted(const struct outcome *outcome, enum deliver_when when);

/* When sending has to be over: means->deadline, and where a stop was asked, a second before the
 * process ends by itself, so that it says what came of it. */
struct deadline deliver_end(const struct deliver_means *means);

/* Publishes it. ERROR_UNDELIVERED, whatever went wrong; code and hint say what; where = topic. */
MUST_CHECK bool deliver_publish(const struct outcome *outcome, const struct deliver_target *target,
                                const struct deliver_means *means,
                                struct aws_sns_receipt *out_receipt, struct error *err);

#endif
