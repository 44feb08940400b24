#include <string.h>

#include "base/text.h"
#include "outcome/parts.h"

/* The migration's id as one word of a shell. */
static void add_word(const struct outcome *outcome, struct buf *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-./:@%+,";
    AUTO(buf) struct buf id = buf_make(sizeof outcome->failure.migration * 8);
    text_escape(&id, outcome->failure.migration, strlen(outcome->failure.migration));
    if (id.data[strspn(id.data, plain)] == '\0') {
        buf_text(out, id.data);
        return;
    }
    buf_char(out, '\'');
    for (const char *at = id.data; *at; at++) {
        if (*at == '\'') {
            buf_text(out, "'\\''");
        } else {
            buf_char(out, *at);
        }
    }
    buf_char(out, '\'');
}

static void add_resolve(const struct outcome *outcome, const char *option, struct buf *out)
{
    buf_text(out, "\n  postlude resolve ");
    add_word(outcome, out);
    buf_format(out, " %s --reason TEXT", option);
}

/* "postlude resolve --applied" is about the migration as a whole: what stands behind the statement
 * in flight would never be carried out. */
static void it_took_effect(const struct outcome *outcome, struct buf *out)
{
    int next = outcome->failure.statements_done + 1;
    int total = outcome->failure.statements_total;
    if (outcome_part_in_flight(outcome)) {
        buf_format(out, "\nIf statement %d took effect", next);
        if (next < total) {
            buf_text(out, ", and once you have carried out ");
            outcome_part_statements("statement", next + 1, total, out);
            buf_text(out, " by hand");
        }
    } else {
        buf_text(out, outcome_part_counted(outcome) ? "\nIf it took effect"
                                                    : "\nIf all of it took effect");
    }
    buf_char(out, ':');
    add_resolve(outcome, "--applied", out);
}

static void it_did_not(const struct outcome *outcome, struct buf *out)
{
    if (outcome_part_in_flight(outcome)) {
        buf_format(out, "\nIf it did not, the next run is to go on with statement %d:",
                   outcome->failure.statements_done + 1);
    } else {
        buf_text(out, "\nIf it did not, or may run once more, the next run is to do it again:");
    }
    add_resolve(outcome, "--retry", out);
}

static void settle(const struct outcome *outcome, struct buf *out)
{
    buf_text(out, "Look into the database, run one of these, then start the run again.");
    it_took_effect(outcome, out);
    it_did_not(outcome, out);
    buf_text(out, "\nTo go on without what is left of it:");
    add_resolve(outcome, "--skip", out);
}

static void correct_the_rest(const struct outcome *outcome, struct buf *out)
{
    int done = outcome->failure.statements_done;
    if (outcome_part_counted(outcome) && done == outcome->failure.statements_total) {
        buf_text(out, "Mend what the message names and start the run again: it does none of the "
                      "statements a second time.");
        return;
    }
    buf_text(out, "If the SQL is wrong, correct the file ");
    if (outcome_part_counted(outcome) && done > 0) {
        buf_format(out, "from statement %d on, leave what stands before it as it is, ", done + 1);
    }
    buf_text(out, "and deploy again. If data, rights or the server were the cause, mend that and "
                  "start the same run again.");
}

static void run_again(const struct outcome *outcome, struct buf *out)
{
    bool failed = outcome->error.kind == ERROR_FAILED;
    buf_text(out, failed ? "Mend the cause, and make sure that what " : "Make sure that what ");
    outcome_part_migration(outcome, out);
    buf_text(out, " has changed already does not stand in its way. Then start the run again");
    buf_text(out, failed ? ", or deploy again if the command had to be corrected" : "");
    buf_text(out, ": it runs the command from its beginning.");
}

static void all_again(struct buf *out)
{
    buf_text(out, "If the SQL is wrong, correct the file and deploy again. If data, rights or the "
                  "server were the cause, mend that and start the same run again. Either way the "
                  "next run begins with the first of them.");
}

bool outcome_part_left_advice(const struct outcome *outcome, struct buf *out)
{
    bool failed = outcome->error.kind == ERROR_FAILED;
    bool stopped = failed || outcome->error.kind == ERROR_INTERRUPTED;
    if (!outcome_part_at_migration(outcome)) {
        return false;
    }
    switch (outcome->failure.left) {
    case OUTCOME_LEFT_UNKNOWN:
        settle(outcome, out);
        return true;
    case OUTCOME_LEFT_STATEMENTS:
        if (failed) {
            correct_the_rest(outcome, out);
        }
        return failed;
    case OUTCOME_LEFT_COMMAND:
        if (stopped) {
            run_again(outcome, out);
        }
        return stopped;
    case OUTCOME_LEFT_ALL:
        if (failed) {
            all_again(out);
        } else if (stopped) {
            buf_text(out, "Start the run again: it begins with the first of them.");
        }
        return stopped;
    case OUTCOME_LEFT_NOTHING:
        return false;
    }
    return false;
}
