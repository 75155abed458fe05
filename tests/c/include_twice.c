/* The header may be included twice, and after anything. */
#include <spacelift/worker.h>
#include <spacelift/worker.h>
#include <string.h>

#include <spacelift/worker.h>

int main(void) { return strcmp(slw_status_name(SLW_OK), "SLW_OK"); }
