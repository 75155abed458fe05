/* A panic is an error code, and poisons its own handle alone. The library of the tests has a call that panics. */
#include "check.h"

#ifdef __cplusplus
extern "C"
#endif
slw_status slw_test_panic(slw_masker *handle, slw_error **error_out);

int main(void) {
    slw_error *error = NULL;
    slw_masker *masker = NULL, *other = NULL;
    size_t consumed = 0, written = 0;
    uint8_t out[16];
    CHECK_OK(slw_masker_new(&masker, NULL));
    CHECK_OK(slw_masker_new(&other, NULL));
    CHECK_STATUS(slw_test_panic(masker, &error), SLW_ERR_PANIC);
    CHECK(strstr(slw_error_message(error, NULL), "on purpose") != NULL);
    slw_error_free(error);
    for (int again = 0; again < 2; again++) {
        CHECK_FAILS(slw_masker_push(masker, check_bytes("x"), 1, &consumed, out, sizeof out, &written, &error),
                    SLW_ERR_POISONED);
    }
    CHECK_STATUS(slw_test_panic(NULL, NULL), SLW_ERR_NULL);
    CHECK_OK(slw_masker_push(other, check_bytes("x"), 1, &consumed, out, sizeof out, &written, &error));
    slw_masker_free(masker);
    slw_masker_free(other);
    return 0;
}
