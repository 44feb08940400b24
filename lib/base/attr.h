/*
 * Attributes and the two macros of ownership.
 *
 * AUTO(room) frees a value when its variable leaves scope; TAKE(variable) hands the value on and
 * leaves NULL behind. A type takes part by DEFINE_AUTO(name, type, free function).
 */
#ifndef POSTLUDE_BASE_ATTR_H
#define POSTLUDE_BASE_ATTR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(text_at, first_at) __attribute__((format(printf, text_at, first_at)))
#define UNUSED __attribute__((unused))

#define DEFINE_AUTO(name, type, free_function)                                                     \
    UNUSED static inline void name##_auto_(type *value)                                            \
    {                                                                                              \
        free_function(*value);                                                                     \
    }
#define AUTO(name) __attribute__((cleanup(name##_auto_)))

#define TAKE(variable)                                                                             \
    __extension__({                                                                                \
        __typeof__(variable) taken_ = (variable);                                                  \
        (variable) = NULL;                                                                         \
        taken_;                                                                                    \
    })

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
