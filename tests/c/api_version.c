/* The macros and the library say the same version. */
#include "check.h"

#if SLW_VERSION_NUMBER != (SLW_VERSION_MAJOR << 16 | SLW_VERSION_MINOR << 8 | SLW_VERSION_PATCH)
#error "the number of the version is not made of its parts"
#endif

int main(void) {
    char version[64];
    snprintf(version, sizeof version, "%d.%d.%d", SLW_VERSION_MAJOR, SLW_VERSION_MINOR, SLW_VERSION_PATCH);
    CHECK(strcmp(version, slw_version()) == 0);
    CHECK(slw_version_number() == SLW_VERSION_NUMBER);
    CHECK(slw_abi_version() == SLW_ABI_VERSION);
    CHECK(strstr(slw_build_info(), version) != NULL);
    CHECK(slw_has_feature("session", 7));
    CHECK(slw_has_feature("policy", 6));
    CHECK(!slw_has_feature("teleport", 8));
    CHECK(!slw_has_feature(NULL, 0));
    return 0;
}
