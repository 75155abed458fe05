/* What a program that uses the installed library is made of. */
#include <spacelift/worker.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    slw_masker *masker = NULL;
    uint8_t out[64];
    size_t consumed = 0, written = 0;
    if (slw_abi_version() != SLW_ABI_VERSION || slw_masker_new(&masker, NULL) != SLW_OK ||
        slw_masker_add_secret(masker, (const uint8_t *)"hunter2", 7, NULL) != SLW_OK ||
        slw_masker_push(masker, (const uint8_t *)"a hunter2", 9, &consumed, out, sizeof out, &written, NULL) != SLW_OK) {
        return 1;
    }
    slw_masker_free(masker);
    printf("%.*s with %s\n", (int)written, (const char *)out, slw_version());
    return written == 7 && memcmp(out, "a *****", 7) == 0 ? 0 : 1;
}
