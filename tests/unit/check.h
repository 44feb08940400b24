/* What every unit test includes: cmocka with the headers it forgets to include itself. */
#ifndef POSTLUDE_TESTS_CHECK_H
#define POSTLUDE_TESTS_CHECK_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
