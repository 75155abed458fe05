/* Every policy of the vectors is taken, or refused with a line and a column. */
#include <dirent.h>

#include "check.h"

static int each(const char *path, int refused) {
    DIR *folder = opendir(path);
    CHECK(folder != NULL);
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *name = entry->d_name;
        /* exec takes options of a launcher. */
        if (strstr(name, ".rego") == NULL || (!refused && strncmp(name, "exec_", 5) == 0)) {
            continue;
        }
        char file[1024];
        snprintf(file, sizeof file, "%s/%s", path, name);
        slw_policy *policy = NULL;
        slw_error *error = NULL;
        slw_status status = slw_policy_load_file(file, strlen(file), &policy, &error);
        if (refused) {
            CHECK(policy == NULL);
            CHECK(status == SLW_ERR_IO || status == SLW_ERR_POLICY);
            CHECK(status == SLW_ERR_IO || strstr(slw_error_details(error, NULL), "\"column\":") != NULL);
            slw_error_free(error);
        } else if (status != SLW_OK) {
            fprintf(stderr, "%s: %s\n", name, slw_error_message(error, NULL));
            exit(1);
        }
        slw_policy_free(policy);
        count++;
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    char path[1024];
    snprintf(path, sizeof path, "%s/policy", argv[1]);
    CHECK(each(path, 0) > 50);
    snprintf(path, sizeof path, "%s/policy/refused", argv[1]);
    CHECK(each(path, 1) > 20);
    return 0;
}
