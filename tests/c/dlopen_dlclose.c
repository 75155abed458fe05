/* The library may be loaded and unloaded again and again, and used in between. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
typedef int (*new_function)(void **, void **);
typedef void (*free_function)(void *);
typedef const char *(*name_function)(int);
#ifdef __cplusplus
}
#endif

int main(int argc, char **argv) {
    if (argc != 4) {
        return 2;
    }
    for (int round = 0; round < 20; round++) {
        void *library = dlopen(argv[3], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        new_function make;
        free_function drop;
        name_function name;
        void *symbol = dlsym(library, "slw_masker_new");
        memcpy(&make, &symbol, sizeof make);
        symbol = dlsym(library, "slw_masker_free");
        memcpy(&drop, &symbol, sizeof drop);
        symbol = dlsym(library, "slw_status_name");
        memcpy(&name, &symbol, sizeof name);
        void *masker = NULL;
        if (make(&masker, NULL) != 0 || strcmp(name(-2), "SLW_ERR_NULL") != 0) {
            return 1;
        }
        drop(masker);
        if (dlclose(library) != 0) {
            return 1;
        }
    }
    return 0;
}
