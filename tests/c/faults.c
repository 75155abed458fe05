/* Mistakes on purpose, which a tool that is really there must find: its name is the second argument. */
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc == 2);
    volatile int index = 32;
    if (strcmp(argv[1], "address") == 0) {
        volatile char *memory = TO(volatile char *, check_alloc(32));
        memory[index] = 1;
        return memory[index] == 1 ? 0 : 1;
    }
    if (strcmp(argv[1], "undefined") == 0) {
        volatile int most = INT32_MAX;
        return most + index > 0 ? 0 : 1;
    }
    if (strcmp(argv[1], "leak") == 0) {
        volatile char *memory = TO(volatile char *, check_alloc(12345));
        memory[0] = 1;
        memory = NULL;
        return 0;
    }
    /* Nothing is wrong. */
    return 0;
}
