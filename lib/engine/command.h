/* A command on its way, and what is put on record of its end. Not for other rooms. */
#ifndef POSTLUDE_ENGINE_COMMAND_H
#define POSTLUDE_ENGINE_COMMAND_H

#include "engine/internal.h"

struct command {
    struct engine *engine;
    const struct plan_migration *migration;
    struct message_item item;
    struct secret password; /* that it was given */
    struct buf kept[2]; /* of stdout and stderr: the end of a piece that may begin the password */
};

/* What a failure's report says of it; status NULL: it never ran, or nobody knows. */
void command_left(struct command *command, enum outcome_left left, const int *status);

/* Both of these open a new connection when the old one was lost while the command ran, and neither
 * is hindered by a stop or by the end of the run's time: what a program did must be on record. */

/* It did its work. */
MUST_CHECK bool command_finish(struct command *command, int64_t duration_ms, struct error *err);
/* It ended badly: err says how. Logs when that could not be recorded. */
void command_fail(struct command *command, const int *status, const struct error *err);

/* Cancels what the server still does for it, once it was ended before its time. */
void command_cancel(struct command *command);

/* Asks its verify, if it has one, once it has ended well: ERROR_FAILED, recorded: it does not
 * hold. ERROR_INTERRUPTED: the next run asks. */
MUST_CHECK bool command_verify(struct command *command, struct error *err);

#endif
