/*
 * What went wrong, in one value: kind, foreign code, place, one factual line and a hint.
 *
 * Zero is "no error"; a struct error is copied by assignment and owns nothing. It is set where the
 * failure happens, wrapped at most once a room, logged never on the way: main prints it, the report
 * carries it. A function that can fail returns bool, true for success, takes `struct error *err`
 * last, and writes to it only on failure.
 *
 * Wording is PostgreSQL's: the message is one factual line, lower case, without a final stop; the
 * hint is a full sentence that says what to do.
 */
#ifndef POSTLUDE_BASE_ERROR_H
#define POSTLUDE_BASE_ERROR_H

#include <stdbool.h>

#include "base/attr.h"

enum error_kind {
    ERROR_NONE = 0,
    ERROR_FAILED,      /* a migration failed */
    ERROR_UNKNOWN,     /* nobody can say whether it was done */
    ERROR_LOST,        /* the connection went away in the middle */
    ERROR_INVALID,     /* command line, plan, SQL file or configuration */
    ERROR_REFUSED,     /* an event that is malformed or not admitted */
    ERROR_UNREACHABLE, /* the database is not there (yet): trying again can help */
    ERROR_DENIED,      /* it is there, but login, certificate or rights are wrong */
    ERROR_BUSY,        /* another run, or a table lock, was in the way for too long */
    ERROR_CONFLICT,    /* history and plan disagree */
    ERROR_INTERRUPTED, /* told to stop, or out of time */
    ERROR_UNDELIVERED, /* the report could not be published */
    ERROR_PENDING,     /* check only: something is left to apply */
    ERROR_INTERNAL,    /* a bug, or out of memory */
};

struct error {
    enum error_kind kind;
    char code[64];   /* SQLSTATE, AWS error code, HTTP status, or "" */
    char where[512]; /* file:line:column, host:port, ..., or "" */
    char message[1536];
    char hint[1024];
};

/* The name the contract gives the outcome of this kind ("unreachable"), never NULL. */
const char *error_name(enum error_kind kind);

/* The process's exit code for this kind; 0 for ERROR_NONE. Contract, section 2. */
int error_exit_code(enum error_kind kind);

/* Whether the same thing done again in a moment may succeed. */
bool error_retryable(enum error_kind kind);

/* Starts an error: kind and message, everything else empty. Returns false, so that a function can
 * say `return error_set(err, ...)`. A message that does not fit is cut between characters. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...) PRINTF(3, 4);

/* Fill one more field of an error that was set; each returns false likewise. */
bool error_code(struct error *err, const char *format, ...) PRINTF(2, 3);
bool error_where(struct error *err, const char *format, ...) PRINTF(2, 3);
bool error_hint(struct error *err, const char *format, ...) PRINTF(2, 3);

/* Puts "format: " in front of the message. */
bool error_wrap(struct error *err, const char *format, ...) PRINTF(2, 3);

#endif
