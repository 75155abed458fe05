/* An exclusive handle takes one thread at a time: the other one is told so, and nothing is lost. */
#include <pthread.h>

#include "check.h"

enum { PUSHES = 400, LEN = 4096 };

static slw_masker *masker;
static int busy, pushed;

static void *work(void *unused) {
    uint8_t zeros[LEN], out[2 * LEN];
    memset(zeros, 0, sizeof zeros);
    for (int done = 0; done < PUSHES;) {
        slw_error *error = NULL;
        size_t consumed = 0, written = 0;
        slw_status status = slw_masker_push(masker, zeros, LEN, &consumed, out, 2 * LEN, &written, &error);
        if (status == SLW_ERR_BUSY) {
            CHECK(consumed == 0 && written == 0 && slw_error_is_retryable(error));
            slw_error_free(error);
            check_add(&busy, 1);
            continue;
        }
        CHECK(status == SLW_OK && consumed == LEN);
        check_add(&pushed, TO(int, written));
        done++;
    }
    return unused;
}

int main(void) {
    /* The threads meet now and then; should they not, they go again. */
    for (int round = 0; round < 100 && check_load(&busy) == 0; round++) {
        check_store(&pushed, 0);
        CHECK_OK(slw_masker_new(&masker, NULL));
        CHECK_OK(slw_masker_add_secret(masker, check_bytes("hunter2"), 7, NULL));
        pthread_t threads[4];
        for (int at = 0; at < 4; at++) {
            CHECK(pthread_create(&threads[at], NULL, work, NULL) == 0);
        }
        for (int at = 0; at < 4; at++) {
            pthread_join(threads[at], NULL);
        }
        CHECK(check_load(&pushed) == 4 * PUSHES * LEN);
        slw_masker_free(masker);
    }
    CHECK(check_load(&busy) > 0);
    return 0;
}
