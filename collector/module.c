/* SPDX-License-Identifier: Apache-2.0 */
#include "module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"

/* The folder this binary is in, without a final slash; "." if the kernel does not say. */
static void binary_folder(char *ret_folder, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", ret_folder, size - 1);
    char *slash = NULL;
    if (len > 0) {
        ret_folder[len] = '\0';
        slash = strrchr(ret_folder, '/');
    }
    if (slash)
        *slash = '\0';
    else
        snprintf(ret_folder, size, ".");
}

/* The first place that has the module; if none has, the one it is installed to. */
static char *module_path(const char *file)
{
    char beside[PATH_MAX];
    binary_folder(beside, sizeof beside);
    const char *folders[] = {getenv("WEIR_MODULE_PATH"), beside, WEIR_MODULE_DIR};
    char *path = NULL;
    for (size_t i = 0; i < WEIR_COUNT_OF(folders); i++) {
        if (!folders[i] || !*folders[i])
            continue;
        free(path);
        path = weir_format("%s/%s", folders[i], file);
        if (access(path, R_OK) == 0)
            break;
    }
    return path;
}

const void *weir_module_open(const char *file, const char *symbol, unsigned abi, weir_error *ret_error)
{
    WEIR_FREE char *path = module_path(file);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_NOT_FOUND,
                       "the module %s cannot be opened (%s): install it, or set WEIR_MODULE_PATH to its folder", file,
                       dlerror());
        return NULL;
    }
    const unsigned *table = dlsym(module, symbol);
    if (!table || *table != abi) {
        weir_error_set(
            ret_error, WEIR_ERROR_PERMANENT, WEIR_UNSUPPORTED,
            "the module %s belongs to another version of weir: install the modules that came with this binary", path);
        return NULL;
    }
    return table;
}

#ifdef WEIR_STATIC_MODULES
extern const weir_tls_provider weir_tls_openssl;

const weir_tls_provider *weir_module_tls(weir_error *ret_error)
{
    (void)ret_error;
    return &weir_tls_openssl;
}
#else
const weir_tls_provider *weir_module_tls(weir_error *ret_error)
{
    static const weir_tls_provider *provider;
    if (!provider)
        provider = weir_module_open("weir-tls.so", "weir_tls_openssl", WEIR_TLS_ABI, ret_error);
    return provider;
}
#endif
