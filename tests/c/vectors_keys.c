/* Every key of the vectors is read, or refused as a key. */
#include <dirent.h>

#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc == 3);
    char path[1024];
    snprintf(path, sizeof path, "%s/keys", argv[1]);
    DIR *folder = opendir(path);
    CHECK(folder != NULL);
    int good = 0, bad = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *name = entry->d_name;
        int ok = strncmp(name, "ok_", 3) == 0;
        if (!ok && strncmp(name, "fail_", 5) != 0) {
            continue;
        }
        char file[1024];
        snprintf(file, sizeof file, "keys/%s", name);
        size_t len = 0;
        char *bytes = check_vector(argv[1], file, &len);
        slw_error *error = NULL;
        slw_private_key *private_key = NULL;
        slw_public_key *public_key = NULL;
        int is_public = strstr(name, "_public") != NULL && strstr(name, "pkcs") == NULL;
        slw_status status = is_public ? slw_public_key_parse(bytes, len, &public_key, &error)
                                      : slw_private_key_parse(check_bytes(bytes), len, &private_key, &error);
        if (status != (ok ? SLW_OK : SLW_ERR_KEY) || (private_key == NULL && public_key == NULL) == ok) {
            fprintf(stderr, "%s: %s %s\n", name, slw_status_name(status), slw_error_message(error, NULL));
            exit(1);
        }
        good += ok;
        bad += !ok;
        slw_error_free(error);
        slw_private_key_free(private_key);
        slw_public_key_free(public_key);
        free(bytes);
    }
    closedir(folder);
    CHECK(good > 5 && bad > 50);
    return 0;
}
