/* A driver library, libcuda.so.1, that reports a version and fails to start: for scripts/check_cuda.sh, on machines without a GPU.
 * FAKE_CUDA_VERSION: 1000 x major + 10 x minor; FAKE_CUDA_ERROR: what every call but the question for the version returns, not 0. */
#include <stdlib.h>
#include <string.h>

static int number(const char* name) {
  const char* text = getenv(name);
  return text == NULL ? 999 : atoi(text);
}

static int fail(void) { return number("FAKE_CUDA_ERROR"); }

int cuInit(unsigned flags) {
  (void)flags;
  return fail();
}

int cuDriverGetVersion(int* version) {
  *version = number("FAKE_CUDA_VERSION");
  return 0;
}

int cuGetProcAddress_v2(const char* name, void** function, int version, unsigned long long flags, int* found) {
  (void)version;
  (void)flags;
  int (*const init)(unsigned) = cuInit;
  int (*const get_version)(int*) = cuDriverGetVersion;
  int (*const get_address)(const char*, void**, int, unsigned long long, int*) = cuGetProcAddress_v2;
  int (*const other)(void) = fail;
  if (found != NULL) *found = 0;
  if (strcmp(name, "cuInit") == 0) {
    memcpy(function, &init, sizeof init);
  } else if (strcmp(name, "cuDriverGetVersion") == 0) {
    memcpy(function, &get_version, sizeof get_version);
  } else if (strcmp(name, "cuGetProcAddress") == 0) {
    memcpy(function, &get_address, sizeof get_address);
  } else {
    memcpy(function, &other, sizeof other);
  }
  return 0;
}
