#include "plan/login.h"

#include <string.h>

#include "base/text.h"
#include "plan/keys.h"
#include "plan/value.h"
#include "plan/variables.h"

enum given { GIVEN_NOT, GIVEN_PERHAPS, GIVEN };

/* Exactly one of these. */
static const char *const ways[] = {"password", "secret", "iam"};
enum { WAY_PASSWORD, WAY_SECRET, WAY_IAM, WAYS };

/* Needed, unless a secret may say it. */
static const char *const parts[] = {"host", "name", "user"};

/* "${NAME:-}" and nothing else: whoever wrote it counts on its being empty. */
static bool may_be_nothing(const char *text)
{
    const char *cursor = text;
    struct plan_piece piece;
    bool only = plan_piece_next(&cursor, &piece) && piece.kind == PLAN_PIECE_VARIABLE &&
                piece.fallback && !*piece.fallback && !*cursor;
    if (*text) {
        plan_piece_clear(&piece);
    }
    return only;
}

static enum given given(const struct plan_text *text, bool is_switch)
{
    if (!text->text) {
        return GIVEN_NOT;
    }
    if (text->pending) {
        return is_switch || may_be_nothing(text->text) ? GIVEN_PERHAPS : GIVEN;
    }
    return is_switch && strcmp(text->text, "false") == 0 ? GIVEN_NOT : GIVEN;
}

static void lacks(const struct plan *plan, const char *name, const struct plan_spot *spot)
{
    const struct plan_key *key = plan_key_find("database", name);
    const struct plan_text *text = plan_value_text_of(key, plan);
    if (text->line) {
        struct plan_spot at = plan_spot_at(spot, text->line, text->column);
        finding_hint(plan_error(&at, "%s is empty", plan_key_name(key).text),
                     "Write a value, or give the variable in it one.");
        return;
    }
    struct plan_spot at = plan_spot_at(spot, plan->database.line, plan->database.column);
    struct finding *fresh = plan_error(&at, "%s is missing", plan_key_name(key).text);
    if (strcmp(name, "password") == 0) {
        finding_hint(fresh,
                     "Add a line like this: %s: %s. \"secret\", a secret in Secrets Manager, or "
                     "\"iam: true\" can stand in its place.",
                     name, key->example);
    } else {
        finding_hint(fresh, "Add a line like this: %s: %s", name, key->example);
    }
}

static bool is_behind(const struct plan_text *a, const struct plan_text *b)
{
    return a->line > b->line || (a->line == b->line && a->column > b->column);
}

/* Told of the one that stands last, against the first of the others. */
static void exclude(const struct plan *plan, const enum given *how, const struct plan_spot *spot)
{
    const struct plan_text *last = NULL;
    const char *last_name = NULL;
    const char *other = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        const struct plan_text *text = plan_value_text_of(plan_key_find("database", ways[i]), plan);
        if (how[i] != GIVEN) {
            continue;
        }
        if (!last || is_behind(text, last)) {
            other = other ? other : last_name;
            last = text;
            last_name = ways[i];
        } else {
            other = other ? other : ways[i];
        }
    }
    if (last) {
        struct plan_spot at = plan_spot_at(spot, last->line, last->column);
        finding_hint(plan_error(&at, "\"database.%s\" and \"database.%s\" exclude each other",
                                other, last_name),
                     "Keep exactly one of \"password\", \"secret\" and \"iam\".");
    }
}

static void check_ways(const struct plan *plan, const enum given *how, const struct plan_spot *spot)
{
    size_t sure = 0;
    size_t perhaps = 0;
    for (size_t i = 0; i < WAYS; i++) {
        sure += how[i] == GIVEN;
        perhaps += how[i] == GIVEN_PERHAPS;
    }
    if (sure > 1) {
        exclude(plan, how, spot);
    } else if (sure + perhaps == 0) {
        lacks(plan, "password", spot);
    }
}

/* A token is a password for a quarter of an hour: it goes to nobody whose name was not checked. */
static void check_tls(const struct plan *plan, const struct plan_spot *spot)
{
    const struct plan_text *tls = &plan->database.tls_text;
    if (tls->pending || plan->database.tls == PLAN_TLS_VERIFY_FULL) {
        return;
    }
    struct plan_spot at = plan_spot_at(spot, tls->line, tls->column);
    finding_hint(plan_error(&at, "\"database.iam\" needs \"database.tls: verify-full\""),
                 "Remove the line: verify-full is the default. For a database that is reached "
                 "directly, name the RDS bundle in \"ca_file\".");
}

static bool waits(const struct plan_database *database)
{
    const struct plan_text *const all[] = {
        &database->host,   &database->name,     &database->user,    &database->password_text,
        &database->secret, &database->iam_text, &database->tls_text};
    for (size_t i = 0; i < COUNT(all); i++) {
        if (all[i]->pending) {
            return true;
        }
    }
    return false;
}

void plan_login_check(struct plan *plan, const struct plan_spot *spot)
{
    struct plan_database *database = &plan->database;
    const enum given how[WAYS] = {[WAY_PASSWORD] = given(&database->password_text, false),
                                  [WAY_SECRET] = given(&database->secret, false),
                                  [WAY_IAM] = given(&database->iam_text, true)};
    size_t before = spot->findings->errors;
    if (database->login_checked) {
        return;
    }
    bool none = how[WAY_PASSWORD] + how[WAY_SECRET] + how[WAY_IAM] == 0;
    if (none && database->secret.line && !database->password_text.line) {
        /* What an empty variable leaves of a secret is not a plan that lacks everything. */
        lacks(plan, "secret", spot);
        database->login_checked = true;
        return;
    }
    for (size_t i = 0; i < COUNT(parts) && how[WAY_SECRET] == GIVEN_NOT; i++) {
        if (given(plan_value_text_of(plan_key_find("database", parts[i]), plan), false) ==
            GIVEN_NOT) {
            lacks(plan, parts[i], spot);
        }
    }
    check_ways(plan, how, spot);
    if (how[WAY_IAM] == GIVEN) {
        check_tls(plan, spot);
    }
    database->login_checked = spot->findings->errors > before || !waits(database);
}
