/* In a child process a session, a runtime and a launcher say at once that they are the parent's, and freeing them does nothing. */
#include <sys/wait.h>
#include <time.h>

#include "session.h"

int main(int argc, char **argv) {
    CHECK(argc == 3);
    slw_runtime *runtime = NULL;
    CHECK_OK(slw_runtime_new(1, &runtime, NULL));
    slw_session *session = session_start(argv[2], runtime, NULL);
    slw_launcher *launcher = session_launcher(argv[2]);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(60);
        slw_error *error = NULL;
        slw_event *event = NULL;
        slw_session *none = NULL;
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        CHECK_FAILS(slw_session_next_event(session, -1, &event, &error), SLW_ERR_FORKED);
        CHECK_FAILS(slw_session_drain(session, NULL, &error), SLW_ERR_FORKED);
        CHECK_FAILS(slw_session_close(session, 1000, &error), SLW_ERR_FORKED);
        CHECK_FAILS(slw_session_set_wake(session, NULL, NULL, NULL, &error), SLW_ERR_FORKED);
        CHECK_FAILS(slw_runtime_shutdown(runtime, 1000, &error), SLW_ERR_FORKED);
        CHECK_FAILS(slw_session_start(launcher, NULL, NULL, &none, &error), SLW_ERR_FORKED);
        CHECK(slw_session_wake_handle(session) == -1);
        slw_session_free(session);
        slw_runtime_free(runtime);
        slw_launcher_free(launcher);
        clock_gettime(CLOCK_MONOTONIC, &after);
        CHECK(after.tv_sec - before.tv_sec < 5);
        /* Its own is its own. */
        none = session_start(argv[2], NULL, NULL);
        CHECK_OK(slw_session_close(none, 0, NULL));
        slw_session_free(none);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* The parent's works on. */
    session_refuse(session);
    slw_event_free(session_await(session, SLW_EVENT_OPERATION_FAILED));
    CHECK_OK(slw_session_close(session, 0, NULL));
    slw_session_free(session);
    slw_launcher_free(launcher);
    slw_runtime_free(runtime);
    return 0;
}
