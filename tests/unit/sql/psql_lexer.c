#include "postgres_fe.h"

#include "fe_utils/psqlscan.h"
#include "mb/pg_wchar.h"

#include "psql_lexer.h"

static enum psql_end incomplete(promptStatus_t prompt)
{
    switch (prompt) {
    case PROMPT_COMMENT:
        return PSQL_IN_COMMENT;
    case PROMPT_SINGLEQUOTE:
        return PSQL_IN_STRING;
    case PROMPT_DOUBLEQUOTE:
        return PSQL_IN_NAME;
    case PROMPT_DOLLARQUOTE:
        return PSQL_IN_DOLLAR_QUOTE;
    case PROMPT_PAREN:
        return PSQL_IN_PARENTHESIS;
    case PROMPT_CONTINUE:
        return PSQL_IN_BODY;
    case PROMPT_READY:
    case PROMPT_COPY:
        break;
    }
    return PSQL_TEXT_END;
}

enum psql_end psql_scan_text(const char *text, size_t length)
{
    static const PsqlScanCallbacks no_variables = {NULL};
    PQExpBuffer query = createPQExpBuffer();
    PsqlScanState state = psql_scan_create(&no_variables);
    psql_scan_setup(state, text, (int)length, PG_UTF8, true);
    promptStatus_t prompt = PROMPT_READY;
    PsqlScanResult result = psql_scan(state, query, &prompt);
    psql_scan_finish(state);
    psql_scan_destroy(state);
    destroyPQExpBuffer(query);
    switch (result) {
    case PSCAN_SEMICOLON:
        return PSQL_SEMICOLON;
    case PSCAN_BACKSLASH:
        return PSQL_BACKSLASH;
    case PSCAN_INCOMPLETE:
        return incomplete(prompt);
    case PSCAN_EOL:
        break;
    }
    return PSQL_TEXT_END;
}
