/*
 * Findings: what is wrong, or doubtful, with a file, every one and not just the first.
 *
 * A parser adds findings and goes on where it can. `validate` prints them all; a run stops at the
 * first that is an error.
 */
#ifndef POSTLUDE_BASE_FINDING_H
#define POSTLUDE_BASE_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"

enum finding_level {
    FINDING_ERROR,
    FINDING_WARNING,
};

struct finding {
    enum finding_level level;
    char *file;    /* as the user named it, or "" */
    unsigned line; /* from 1; 0 = the file as a whole */
    unsigned column;
    char *message; /* one factual line, as in base/error.h */
    char *hint;    /* what to do, or "" */
};

/* A list; zero is empty. It keeps the first FINDINGS_MAX, the first error always among them, and
 * counts the rest. */
struct findings {
    struct finding *items;
    size_t count;
    size_t capacity;
    size_t errors;        /* of level FINDING_ERROR, kept or not */
    size_t dropped;       /* not kept */
    struct finding spare; /* the last one that was not kept */
};
enum { FINDINGS_MAX = 1000 };

void findings_free(struct findings *findings); /* safe on a zeroed struct and twice */

/* Adds one; format makes the message. Place and hint are set on the finding it returns with
 * finding_hint; the returned pointer is valid until the next finding is added. Never NULL. */
struct finding *finding_add(struct findings *findings, enum finding_level level, const char *file,
                            unsigned line, unsigned column, const char *format, ...) PRINTF(6, 7);
void finding_hint(struct finding *finding, const char *format, ...) PRINTF(2, 3);

/* Adds an ordinary error as a finding (its `where` is taken apart again). */
void finding_add_error(struct findings *findings, const struct error *error);

/* The first error as a struct error of this kind, with "and N more" in the hint. Returns false
 * (nothing written) when there is no error among them. */
bool findings_error(const struct findings *findings, enum error_kind kind, struct error *out_err);

static inline void findings_auto_(struct findings *findings)
{
    findings_free(findings);
}

#endif
