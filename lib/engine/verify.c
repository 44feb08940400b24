#include <string.h>

#include "engine/message.h"

enum { BODY_MAX = 4096 }; /* the body without the query */

static void raise_unless(struct buf *body, const char *condition, const char *message)
{
    buf_format(body,
               "IF NOT (%s) THEN RAISE EXCEPTION %s USING ERRCODE = '" MESSAGE_VERIFY_FAILED
               "'; END IF;\n",
               condition, message);
}

/* json keeps both columns of "select false, true", which have one name; jsonb would not. */
void message_verify_sql(const char *query, struct buf *out)
{
    AUTO(buf) struct buf body = buf_make(BODY_MAX + 4 * strlen(query));
    buf_text(&body, "DECLARE r record; n integer := 0; v pg_catalog.json; t text;\nBEGIN\n"
                    "FOR r IN EXECUTE ");
    pg_literal(&body, query);
    buf_text(&body, " LOOP n := n + 1; v := pg_catalog.to_json(r); EXIT WHEN n > 1; END LOOP;\n");
    raise_unless(&body, "n = 1",
                 "'verify returned % instead of one row',"
                 " CASE n WHEN 0 THEN 'no row' ELSE 'several rows' END");
    buf_text(&body, "SELECT pg_catalog.count(*) INTO n FROM pg_catalog.json_object_keys(v);\n");
    raise_unless(&body, "n = 1", "'verify returned % columns instead of one', n");
    buf_text(&body, "SELECT value INTO t FROM pg_catalog.json_each(v);\n");
    raise_unless(&body, "t = 'true'", "'verify returned % instead of true', t");
    buf_text(&body, "END");
    buf_text(out, "DO LANGUAGE plpgsql ");
    pg_literal(out, body.data);
    buf_text(out, ";\n");
}
