/* The header needs no other one before it. */
#include <spacelift/worker.h>

int main(void) {
    size_t len = 0;
    bool known = slw_has_feature("mask", 4);
    uint64_t sealed = slw_cobblestone_sealed_len(0);
    int32_t status = slw_error_status(NULL);
    (void)slw_error_message(NULL, &len);
    return known && len == 0 && sealed == 72 && status == SLW_OK ? 0 : 1;
}
