/*
 * What the files of this room share: how things are counted, named and placed, and the sentences
 * for people. Not for other rooms.
 */
#ifndef POSTLUDE_OUTCOME_PARTS_H
#define POSTLUDE_OUTCOME_PARTS_H

#include "outcome/outcome.h"

/* How much of a text from outside one line shows, in bytes. */
enum { PART_ID_MAX = 200, PART_NAME_MAX = 300, PART_LINE_MAX = 600 };

struct part_place {
    char file[512]; /* "" = not known */
    unsigned line;  /* 0 = not known */
    unsigned column;
};

/* Where the error is: the failure's own place, else `where` taken apart, when that is a file. */
void outcome_part_place(const struct outcome *outcome, struct part_place *out_place);

/* Whether the error belongs to one migration. */
bool outcome_part_at_migration(const struct outcome *outcome);
/* Whether that migration was being applied when the error came. */
bool outcome_part_was_running(const struct outcome *outcome);
/* Whether nobody can say if what that migration was doing took effect. */
bool outcome_part_open(const struct outcome *outcome);
/* Pending migrations that were never started: all but the one that the error belongs to. */
size_t outcome_part_not_started(const struct outcome *outcome);
/* Everything this run set out to apply; a step that runs in each run is not counted. */
size_t outcome_part_planned(const struct outcome *outcome);

/* The code when it is an SQLSTATE, else NULL. */
const char *outcome_part_sqlstate(const struct outcome *outcome);
/* A foreign code that is a name, "AccessDeniedException" of AWS, else NULL. */
const char *outcome_part_name(const struct outcome *outcome);

/* The statement, or "(not shown: ...)" when it holds the word PASSWORD: nobody gets those, whatever
 * the room that filled it in did. */
const char *outcome_part_shown(const char *statement);

/* The plan's name, "postlude" when it could not be read. */
void outcome_part_plan(const struct outcome *outcome, struct buf *out);
/* "1 migration", "2 migrations". */
void outcome_part_migrations(size_t count, struct buf *out);
/* "duplicate delivery of execution 5b1c7e0a". */
void outcome_part_duplicate(const struct outcome *outcome, struct buf *out);
/* What started it: "pipeline orders-prod, execution 5b1c..., attempt 1". */
void outcome_part_trigger(const struct outcome *outcome, struct buf *out);

/* What it left behind, as the report names it; NULL: not meant (outcome.h). */
const char *outcome_part_left(const struct outcome *outcome);
/* Whether left is UNKNOWN: only "postlude resolve" lets the plan go on. */
bool outcome_part_unsettled(const struct outcome *outcome);
/* Whether left is ALL: the migrations shared one transaction. */
bool outcome_part_shared(const struct outcome *outcome);
/* Whether statements_done and statements_total are meant. */
bool outcome_part_counted(const struct outcome *outcome);
/* Whether one statement of several was in flight. Not so when all are done, and only `verify` or
 * the ledger's row was left. */
bool outcome_part_in_flight(const struct outcome *outcome);
/* "statement 1", "statements 4 and 5", "statements 1 to 3"; `word` is the noun. */
void outcome_part_statements(const char *word, int first, int last, struct buf *out);
/* The failure's migration. */
void outcome_part_migration(const struct outcome *outcome, struct buf *out);
/* "statement 4 of 5 of 0007_index", where one was in flight, else the migration. */
void outcome_part_spot(const struct outcome *outcome, struct buf *out);
/* What an open outcome leaves unknown: "0007_x was applied", "statement 4 of 5 of 0007_x took
 * effect". */
void outcome_part_doubt(const struct outcome *outcome, struct buf *out);
/* " (exit status 3)", or nothing. */
void outcome_part_exit_status(const struct outcome *outcome, struct buf *out);
/* "all 3 migrations were rolled back together", for a shared transaction; `all` is its first word
 * where there are several. */
void outcome_part_together(const struct outcome *outcome, const char *all, struct buf *out);
/* State and advice that follow from what was left; false, and nothing written, when the kind of the
 * error says it. */
bool outcome_part_left_state(const struct outcome *outcome, struct buf *out);
bool outcome_part_left_advice(const struct outcome *outcome, struct buf *out);

/* The summary behind the plan's name. */
void outcome_part_story(const struct outcome *outcome, struct buf *out);
/* First line of the text. */
void outcome_part_headline(const struct outcome *outcome, struct buf *out);
/* Sentences: in which state the database is left, and what to do; each may stay empty. */
void outcome_part_state(const struct outcome *outcome, struct buf *out);
void outcome_part_advice(const struct outcome *outcome, struct buf *out);

#endif
