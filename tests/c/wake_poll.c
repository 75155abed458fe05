/* The wake handle is readable while events wait, and for ever once the worker has ended. */
#include "session.h"

static int readable(int fd, int timeout) {
    struct pollfd poller = {fd, POLLIN, 0};
    int ready = poll(&poller, 1, timeout);
    CHECK(ready >= 0);
    return ready;
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    slw_error *error = NULL;
    slw_session *session = session_start(argv[2], NULL, NULL);
    slw_event *event = NULL;
    int fd = TO(int, slw_session_wake_handle(session));
    CHECK(fd >= 0);
    CHECK(readable(fd, 0) == 0);
    CHECK_STATUS(slw_session_next_event(session, 0, &event, &error), SLW_WOULD_BLOCK);
    CHECK_STATUS(slw_session_next_event(session, 10, &event, &error), SLW_TIMED_OUT);
    CHECK(event == NULL && error == NULL);

    uint64_t operation = session_refuse(session);
    CHECK(readable(fd, 30000) == 1);
    CHECK(readable(fd, 0) == 1);
    CHECK_OK(slw_session_next_event(session, 0, &event, &error));
    CHECK(slw_event_kind(event) == SLW_EVENT_OPERATION_FAILED);
    CHECK(slw_event_operation(event) == operation && slw_event_status(event) == SLW_ERR_SESSION);
    CHECK(slw_event_number(event, "id", 2) == TO(int64_t, operation));
    CHECK(slw_event_text(event, "reason", 6, NULL) != NULL && slw_event_text(event, "id", 2, NULL) == NULL);
    CHECK(strstr(slw_event_json(event, NULL), "\"event\":\"operation_failed\"") != NULL);
    slw_event_free(event);
    CHECK(readable(fd, 0) == 0);

    CHECK_FAILS(slw_session_accept(session, "x", 1, NULL, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK_FAILS(slw_session_refuse(session, "1.1", 3, "bored!", 6, NULL, 0, NULL, &error), SLW_ERR_INVALID_ARGUMENT);
    CHECK_FAILS(slw_session_step_exited(session, 7, 0, 0, &error), SLW_ERR_SESSION);

    CHECK_OK(slw_session_close(session, 0, &error));
    CHECK_OK(slw_session_close(session, 0, &error));
    CHECK(readable(fd, 0) == 1);
    session_drain(session);
    CHECK(readable(fd, 0) == 1);
    CHECK_STATUS(slw_session_next_event(session, -1, &event, &error), SLW_CLOSED);
    CHECK_FAILS(slw_session_drain(session, NULL, &error), SLW_ERR_SESSION);
    slw_session_free(session);
    CHECK(slw_session_wake_handle(session) == -1);
    return 0;
}
