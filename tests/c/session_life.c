/* Configuration, preflight and runtimes: every problem at once, a launcher is started once, a shutdown ends sessions. */
#include "session.h"

int main(int argc, char **argv) {
    CHECK(argc == 3);
    slw_error *error = NULL;
    slw_config *config = NULL;
    CHECK_OK(slw_config_new(&config, NULL));
    session_set(config, "SPACELIFT_LAUNCHER_RUN_TIMEOUT", "7 minutes");
    session_set(config, "SPACELIFT_LAUNCHER_RUN_TIMEOTU", "7m");
    CHECK_STATUS(slw_config_check(config, &error), SLW_ERR_CONFIG);
    const char *details = slw_error_details(error, NULL);
    CHECK(strstr(details, "SPACELIFT_TOKEN") != NULL && strstr(details, "SPACELIFT_POOL_PRIVATE_KEY") != NULL);
    CHECK(strstr(details, "\"remedy\"") != NULL);
    slw_error_free(error);
    CHECK(slw_config_warning_count(config) >= 1);
    CHECK(strstr(slw_config_warning(config, 0, NULL), "SPACELIFT_LAUNCHER_RUN_TIMEOUT") != NULL);
    CHECK(slw_config_warning(config, 100, NULL) == NULL);
    slw_launcher *launcher = NULL;
    CHECK_FAILS(slw_launcher_new(config, &launcher, &error), SLW_ERR_CONFIG);
    slw_preflight *preflight = NULL;
    CHECK_OK(slw_preflight_run(config, false, &preflight, &error));
    CHECK(!slw_preflight_passed(preflight) && slw_preflight_exit_code(preflight) == 2);
    CHECK(strstr(slw_preflight_table(preflight, NULL), "FAILED") != NULL);
    CHECK(strstr(slw_preflight_json(preflight, NULL), "\"checks\":[") != NULL);
    slw_preflight_free(preflight);
    slw_config_free(config);

    int64_t nanos = 0;
    CHECK_OK(slw_parse_duration("1h30m", 5, &nanos, &error));
    CHECK(nanos == 5400 * INT64_C(1000000000));
    CHECK_FAILS(slw_parse_duration("7 minutes", 9, &nanos, &error), SLW_ERR_DURATION);
    CHECK(nanos == 0);

    bool asked = true;
    int32_t code = 7;
    const char *arguments[] = {"program", "--verbose"};
    CHECK_OK(slw_main_if_asked(2, arguments, &asked, &code, &error));
    CHECK(!asked && code == 0);

    slw_runtime *runtime = NULL;
    CHECK_OK(slw_runtime_new(0, &runtime, NULL));
    launcher = session_launcher(argv[2]);
    slw_session *session = NULL, *again = NULL;
    CHECK_OK(slw_session_start(launcher, runtime, NULL, &session, NULL));
    CHECK_FAILS(slw_session_start(launcher, runtime, NULL, &again, &error), SLW_ERR_STATE);
    CHECK_FAILS(slw_launcher_run(launcher, &code, &error), SLW_ERR_STATE);
    CHECK_STATUS(slw_session_cancel(session, 12345, &error), SLW_TIMED_OUT);
    slw_launcher_free(launcher);
    CHECK_OK(slw_runtime_shutdown(runtime, 5000, NULL));
    session_drain(session);
    slw_session_free(session);
    launcher = session_launcher(argv[2]);
    CHECK_FAILS(slw_session_start(launcher, runtime, NULL, &again, &error), SLW_ERR_STATE);
    slw_launcher_free(launcher);
    slw_runtime_free(runtime);
    return 0;
}
