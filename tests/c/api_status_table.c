/* Every status has its own name, and other numbers have none. The list is made from the header. */
#include "check.h"

struct row {
    slw_status status;
    const char *name;
};

static const struct row rows[] = {
#define ROW(name) {name, #name},
#include "statuses.inc"
#undef ROW
};

int main(void) {
    size_t count = sizeof rows / sizeof rows[0];
    CHECK(count > 20);
    for (size_t at = 0; at < count; at++) {
        CHECK(strcmp(slw_status_name(rows[at].status), rows[at].name) == 0);
        for (size_t other = 0; other < at; other++) {
            CHECK(rows[other].status != rows[at].status);
        }
    }
    CHECK(strcmp(slw_status_name(12345), "SLW_UNKNOWN") == 0);
    CHECK(strcmp(slw_status_name(-12345), "SLW_UNKNOWN") == 0);
    return 0;
}
