/*
 * Internal to the room: the one table of keys a plan can have.
 *
 * The parser, its suggestions, config/plan.schema.json and config/plan.example.yaml all come from
 * it or are held against it by tests. A key that is not built yet stands in it too, so that it is
 * refused by name.
 */
#ifndef POSTLUDE_PLAN_KEYS_H
#define POSTLUDE_PLAN_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "plan/plan.h"
#include "plan/spot.h"

enum plan_type {
    PLAN_TYPE_TEXT,
    PLAN_TYPE_INTEGER,
    PLAN_TYPE_BOOLEAN,
    PLAN_TYPE_DURATION,
    PLAN_TYPE_WORD,
    PLAN_TYPE_EITHER, /* one of two words */
    PLAN_TYPE_SECRET,
    PLAN_TYPE_LIST,    /* of texts */
    PLAN_TYPE_COMMAND, /* a program and its arguments, nothing of which is expanded */
    PLAN_TYPE_SECTION, /* a mapping of the keys of that section */
    PLAN_TYPE_ENTRIES, /* the migrations */
};

/* What a check found wrong: '"KEY" <message>', and what to do. */
struct plan_wrong {
    const char *message, *hint;
    bool secret; /* the value may hold a password: it is not shown */
};

/* The entries of "migrations" that a key of theirs belongs to. */
enum plan_side { PLAN_SIDE_BOTH, PLAN_SIDE_FILE, PLAN_SIDE_COMMAND };

struct plan_key {
    const char *section; /* "" = top level; "migrations" = a key of one entry */
    const char *name;
    enum plan_type type;
    enum plan_side side;
    const char *astray;   /* of one side only: what to do about it on the other */
    bool required;        /* on its side */
    bool login;           /* whether it has to be there is for plan/login.h to say */
    const char *fallback; /* what an absent key means, as a user would write it */
    const char *example;  /* of a key that has to be there, for the message that it is missing */
    const char *const *words; /* PLAN_TYPE_WORD, in the order of the enum, and PLAN_TYPE_EITHER,
                                 false first; NULL-terminated */
    int64_t min, max;         /* integer; duration in ms */
    /* Further demands on a text (of a list: on each); true: fine. */
    bool (*check)(const char *text, struct plan_wrong *out_wrong);
    /* Where in struct plan, or in struct plan_migration for an entry's keys; offset + 1, 0 = none.
     * text_at: struct plan_text or struct plan_list. value_at: int64_t, bool, enum, struct
     * secret, char * for a text, or char ** for a command. */
    size_t text_at, value_at;
};

extern const struct plan_key plan_keys[];
extern const size_t plan_key_count;

/* NULL = there is no such key in that section. */
const struct plan_key *plan_key_find(const char *section, const char *name);

/* The section's bit where variables are expanded in it, else 0. */
unsigned plan_key_expands(const struct plan_key *key);

/* Adds the finding about a name that is no key of this section, with the likeliest remedy. */
void plan_key_unknown(const char *section, const char *name, const struct plan_spot *spot);

/* '"database.host"': for messages. Valid as long as the table, one buffer a call site. */
struct plan_key_name {
    char text[64];
};
struct plan_key_name plan_key_name(const struct plan_key *key);

#endif
