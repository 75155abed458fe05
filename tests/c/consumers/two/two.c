/* Two static libraries in Rust in one program: each has a runtime of its own, and a panic in one is not the other's. */
#include <spacelift/worker.h>
#include <stdio.h>
#include <string.h>

uint32_t other_checked(uint32_t number);

int main(void) {
    slw_error *error = NULL;
    slw_policy *policy = NULL;
    if (slw_policy_load("nonsense", 8, &policy, &error) != SLW_ERR_POLICY) {
        return 1;
    }
    slw_error_free(error);
    printf("%s\n", slw_version());
    return other_checked(1) == 2 && other_checked(7) == 0 ? 0 : 1;
}
