/* Internal to the room: what is wrong with a text that libyaml cannot read, in words that help. */
#ifndef POSTLUDE_PLAN_SYNTAX_H
#define POSTLUDE_PLAN_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "base/attr.h"
#include "plan/spot.h"

/* Looks at the bytes before libyaml does: NUL, UTF-8, tabs. false: do not read on. */
MUST_CHECK bool plan_syntax_bytes(const char *text, size_t length, const struct plan_spot *spot);

/* Adds libyaml's error as a finding. */
void plan_syntax_error(const yaml_parser_t *parser, const char *text, size_t length,
                       const struct plan_spot *spot);

/* Adds the finding about "*" as the start of an alias, at a mark of libyaml's. */
void plan_syntax_alias(yaml_mark_t mark, const char *text, size_t length,
                       const struct plan_spot *spot);

#endif
