/* A handle that was freed is an error code, and freeing it again changes nothing, also for the one that comes after it. */
#include "check.h"

int main(void) {
    slw_error *error = NULL;
    slw_masker *masker = NULL, *next = NULL;
    size_t consumed = 0, written = 0;
    uint8_t out[16];
    CHECK_OK(slw_masker_new(&masker, NULL));
    slw_masker_free(masker);
    slw_masker_free(masker);
    CHECK_OK(slw_masker_new(&next, NULL));
    CHECK(next != masker);
    slw_masker_free(masker);
    CHECK_FAILS(slw_masker_push(masker, check_bytes("x"), 1, &consumed, out, sizeof out, &written, &error),
                SLW_ERR_INVALID_HANDLE);
    CHECK(slw_masker_held(masker) == 0);
    CHECK_OK(slw_masker_push(next, check_bytes("x"), 1, &consumed, out, sizeof out, &written, &error));
    slw_masker_free(next);
    slw_masker_free(NULL);
    /* An error that was freed has no message. */
    CHECK_STATUS(slw_masker_push(masker, NULL, 0, &consumed, NULL, 0, &written, &error), SLW_ERR_INVALID_HANDLE);
    slw_error_free(error);
    CHECK(slw_error_message(error, NULL) == NULL && slw_error_status(error) == SLW_OK);
    slw_error_free(error);
    /* Handles are taken up again, and no earlier than it takes to notice most mistakes. */
    for (int at = 0; at < 5000; at++) {
        CHECK_OK(slw_masker_new(&masker, NULL));
        slw_masker_free(masker);
    }
    return 0;
}
