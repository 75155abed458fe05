/* Input and output that have a byte in common are an error code; neighbours are not. */
#include "check.h"

int main(void) {
    slw_error *error = NULL;
    slw_masker *masker = NULL;
    CHECK_OK(slw_masker_new(&masker, NULL));
    uint8_t buffer[64];
    memset(buffer, 'x', sizeof buffer);
    size_t consumed = 0, written = 0;
    const struct {
        size_t in, in_len, out, out_len;
        slw_status status;
    } cases[] = {
        {0, 32, 0, 32, SLW_ERR_INVALID_ARGUMENT},  {0, 32, 31, 33, SLW_ERR_INVALID_ARGUMENT},
        {31, 33, 0, 32, SLW_ERR_INVALID_ARGUMENT}, {8, 8, 0, 64, SLW_ERR_INVALID_ARGUMENT},
        {0, 64, 8, 8, SLW_ERR_INVALID_ARGUMENT},   {0, 32, 32, 32, SLW_OK},
        {32, 32, 0, 32, SLW_OK},                   {8, 0, 0, 64, SLW_OK},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        slw_status status = slw_masker_push(masker, buffer + cases[at].in, cases[at].in_len, &consumed,
                                            buffer + cases[at].out, cases[at].out_len, &written, &error);
        CHECK(status == cases[at].status);
        slw_error_free(error);
    }
    slw_masker_free(masker);
    return 0;
}
