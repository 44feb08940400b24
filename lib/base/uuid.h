/* Run ids: UUID version 7 (RFC 9562), which sort by the time they were made. */
#ifndef POSTLUDE_BASE_UUID_H
#define POSTLUDE_BASE_UUID_H

enum { UUID_TEXT_SIZE = 37 };

void uuid_make(char out_text[UUID_TEXT_SIZE]);

#endif
