/* The callback comes when events begin to wait, from another thread; its data is dropped once, and nothing comes after that. */
#include "session.h"

struct bell {
    int rung, dropped;
};

#ifdef __cplusplus
extern "C" {
#endif

static void ring(void *data) {
    struct bell *bell = TO(struct bell *, data);
    CHECK(check_load(&bell->dropped) == 0);
    check_add(&bell->rung, 1);
}

static void drop(void *data) { check_add(&TO(struct bell *, data)->dropped, 1); }

static void count_line(const char *line, size_t len, void *data) {
    CHECK(len > 2 && line[0] == '{' && line[len - 1] == '}');
    ring(data);
}

#ifdef __cplusplus
}
#endif

static void await(const int *number, int least) {
    for (int round = 0; check_load(number) < least; round++) {
        CHECK(round < 30000);
        usleep(1000);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    struct bell first = {0, 0}, second = {0, 0}, log = {0, 0}, never = {0, 0};
    slw_error *error = NULL;
    slw_session_options *options = NULL;
    CHECK_OK(slw_session_options_new(&options, NULL));
    CHECK_FAILS(slw_session_options_set_log(options, 9, count_line, &log, drop, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK_OK(slw_session_options_set_log(options, SLW_LOG_INFO, count_line, &never, drop, NULL));
    CHECK_OK(slw_session_options_set_log(options, SLW_LOG_INFO, count_line, &log, drop, NULL));
    CHECK(never.dropped == 1);
    slw_session *session = session_start(argv[2], NULL, options);
    slw_session_options_free(options);

    CHECK_OK(slw_session_set_wake(session, ring, &first, drop, NULL));
    session_refuse(session);
    await(&first.rung, 1);
    slw_event_free(session_await(session, SLW_EVENT_OPERATION_FAILED));
    CHECK_OK(slw_session_set_wake(session, ring, &second, drop, NULL));
    CHECK(check_load(&first.dropped) == 1);
    int before = check_load(&first.rung);
    session_refuse(session);
    await(&second.rung, 1);
    CHECK(check_load(&first.rung) == before && first.dropped == 1);
    CHECK_OK(slw_session_set_wake(session, NULL, NULL, NULL, NULL));
    CHECK(check_load(&second.dropped) == 1);
    CHECK_OK(slw_session_close(session, 0, NULL));
    await(&log.rung, 1);
    slw_session_free(session);
    await(&log.dropped, 1);
    CHECK(first.dropped == 1 && second.dropped == 1 && log.dropped == 1);
    return 0;
}
