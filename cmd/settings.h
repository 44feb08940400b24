/*
 * The command line and the variables, read once. An option has a variable, since in an ECS override
 * a variable is easier; the option wins. Everything else gets struct settings and asks no further.
 */
#ifndef POSTLUDE_CMD_SETTINGS_H
#define POSTLUDE_CMD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"

enum option {
    OPTION_PLAN,
    OPTION_JSON,
    OPTION_LOG,
    OPTION_LOG_LEVEL,
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_EVENT,
    OPTION_DRY_RUN,
    OPTION_TO,
    OPTION_REASON,
    OPTION_BY,
    OPTION_WAIT,
    OPTION_APPLIED,
    OPTION_RETRY,
    OPTION_SKIP,
    OPTION_ACCEPT,
    OPTION_COUNT,
};

struct settings;

struct verb {
    const char *name;
    const char *summary;                      /* one line of --help */
    const char *argument;                     /* the word it needs beside options, or NULL */
    unsigned options;                         /* bits 1u << enum option, beside the global ones */
    int (*function)(const struct settings *); /* its result is the exit code */
};

struct settings {
    const struct verb *verb;
    const char *values[OPTION_COUNT]; /* NULL = not given; a switch that is on is "1" */
    const char *argument;             /* of a verb that has one */
    bool json;                        /* one JSON document on stdout */
    bool log_json;
    bool terminal; /* stdout is one */
    size_t width;  /* columns of stdout */
    enum log_level log_level;
    struct env *env;
    struct stop stop;
};

/* Fills verb, values, json and the log's settings. ERROR_INVALID: an unknown word, with the nearest
 * known one. */
MUST_CHECK bool settings_read(int argc, char **argv, struct env *env, struct settings *out_settings,
                              struct error *err);

/* Whether a switch is on. */
bool settings_on(const struct settings *settings, enum option option);

/* The text of --help, made from the tables of verbs and options. */
void settings_help(struct buf *out);

#endif
