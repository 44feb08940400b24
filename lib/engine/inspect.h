/* Reading a migration's file before it is run: split it, and find what cannot work. */
#ifndef POSTLUDE_ENGINE_INSPECT_H
#define POSTLUDE_ENGINE_INSPECT_H

#include "base/finding.h"
#include "plan/plan.h"

/* Adds what is wrong with the file, and what is doubtful. */
void engine_inspect_file(const struct plan_migration *migration, struct findings *findings);

#endif
