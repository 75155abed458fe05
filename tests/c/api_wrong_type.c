/* A handle of another type is an error code, and stays what it is. */
#include "check.h"

int main(void) {
    slw_error *error = NULL;
    slw_masker *masker = NULL;
    CHECK_OK(slw_masker_new(&masker, NULL));
    void *handle = masker;
    size_t consumed = 0, written = 0, len = 7;
    uint8_t out[16];
    slw_sealer *sealer = TO(slw_sealer *, handle);
    CHECK_FAILS(slw_sealer_update(sealer, check_bytes("x"), 1, &consumed, out, sizeof out, &written, &error),
                SLW_ERR_INVALID_HANDLE);
    CHECK(slw_token_pool_id(TO(slw_token *, handle), &len) == NULL && len == 0);
    CHECK(!slw_decision_allowed(TO(slw_decision *, handle)));
    CHECK(slw_error_status(TO(slw_error *, handle)) == SLW_OK);
    slw_policy_free(TO(slw_policy *, handle));
    slw_sealer_free(sealer);
    CHECK_OK(slw_masker_push(masker, check_bytes("x"), 1, &consumed, out, sizeof out, &written, &error));
    CHECK(written == 1);
    slw_masker_free(masker);
    return 0;
}
