/*
 * Being told to stop. SIGTERM and SIGINT become a readable file descriptor that everything which
 * waits also watches (base/wait.h). A second signal, or 25 s after the first, ends the process with
 * the exit code of "interrupted", whatever it is doing: ECS kills at 30 s.
 */
#ifndef POSTLUDE_BASE_STOP_H
#define POSTLUDE_BASE_STOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

struct stop {
    int fd; /* becomes readable when told to stop, and stays so; -1 = nobody can ask */
};

/* Installs the handlers, once a process; SIGPIPE is ignored too. ERROR_INTERNAL. */
MUST_CHECK bool stop_install(struct stop *out_stop, struct error *err);

/* Whether it was asked; stop may be NULL. */
bool stop_asked(const struct stop *stop);

/* When the process ends by itself, on the steady clock (base/clock.h); 0 while it was not asked,
 * or when stop (may be NULL) is not the one that stop_install gave. */
int64_t stop_ends_ms(const struct stop *stop);

#endif
