/* The files of migrations/postlude/, compiled in by lib/ledger/embed.py. Not for other rooms. */
#ifndef POSTLUDE_LEDGER_UPGRADES_H
#define POSTLUDE_LEDGER_UPGRADES_H

#include <stddef.h>

struct ledger_upgrade {
    int version;
    const char *sql;
};

/* In ascending order of version. */
extern const struct ledger_upgrade ledger_upgrades[];
extern const size_t ledger_upgrade_count;

#endif
