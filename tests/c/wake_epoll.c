/* Many sessions on one runtime and in one epoll. */
#include <sys/epoll.h>

#include "session.h"

enum { SESSIONS = 8 };

int main(int argc, char **argv) {
    CHECK(argc == 3);
    slw_runtime *runtime = NULL;
    CHECK_OK(slw_runtime_new(2, &runtime, NULL));
    int poller = epoll_create1(EPOLL_CLOEXEC);
    CHECK(poller >= 0);
    slw_session *sessions[SESSIONS];
    for (int at = 0; at < SESSIONS; at++) {
        sessions[at] = session_start(argv[2], runtime, NULL);
        struct epoll_event wanted;
        memset(&wanted, 0, sizeof wanted);
        wanted.events = EPOLLIN;
        wanted.data.fd = at;
        CHECK(epoll_ctl(poller, EPOLL_CTL_ADD, TO(int, slw_session_wake_handle(sessions[at])), &wanted) == 0);
    }
    /* Sessions keep the threads that they run on. */
    slw_runtime_free(runtime);
    for (int at = 0; at < SESSIONS; at++) {
        CHECK_OK(slw_session_kill_run(sessions[at], NULL, NULL));
    }
    for (int ended = 0; ended < SESSIONS;) {
        struct epoll_event ready[SESSIONS];
        int count = epoll_wait(poller, ready, SESSIONS, 30000);
        CHECK(count > 0);
        for (int at = 0; at < count; at++) {
            slw_session *session = sessions[ready[at].data.fd];
            slw_event *event = NULL;
            slw_status status = slw_session_next_event(session, 0, &event, NULL);
            if (status == SLW_CLOSED) {
                CHECK(epoll_ctl(poller, EPOLL_CTL_DEL, TO(int, slw_session_wake_handle(session)), NULL) == 0);
                slw_session_free(session);
                ended++;
            }
            slw_event_free(event);
        }
    }
    close(poller);
    return 0;
}
