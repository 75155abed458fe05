/* Whoever waits for an event wakes up when another thread closes the session, and a free waits for who is inside. */
#include "session.h"

enum { WAITERS = 4 };

static slw_session *session;
static int closed;

#ifdef __cplusplus
extern "C" {
#endif

static void *wait_for_end(void *unused) {
    for (;;) {
        slw_event *event = NULL;
        slw_status status = slw_session_next_event(session, -1, &event, NULL);
        slw_event_free(event);
        if (status == SLW_CLOSED) {
            check_add(&closed, 1);
            return unused;
        }
        CHECK_STATUS(status, SLW_OK);
    }
}

static void *close_it(void *unused) {
    CHECK_OK(slw_session_close(session, 0, NULL));
    return unused;
}

#ifdef __cplusplus
}
#endif

int main(int argc, char **argv) {
    CHECK(argc == 3);
    session = session_start(argv[2], NULL, NULL);
    pthread_t waiters[WAITERS], closers[2];
    for (int at = 0; at < WAITERS; at++) {
        CHECK(pthread_create(&waiters[at], NULL, wait_for_end, NULL) == 0);
    }
    usleep(50000);
    for (int at = 0; at < 2; at++) {
        CHECK(pthread_create(&closers[at], NULL, close_it, NULL) == 0);
    }
    for (int at = 0; at < 2; at++) {
        pthread_join(closers[at], NULL);
    }
    for (int at = 0; at < WAITERS; at++) {
        pthread_join(waiters[at], NULL);
    }
    CHECK(check_load(&closed) == WAITERS);
    slw_session_free(session);
    return 0;
}
