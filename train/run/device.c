#include "train/run/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/run/available_memory.h"

/* Index of "cuda" or "cuda:N"; -1: neither. */
static int cuda_index(const char *name)
{
    char *end;
    if (strncmp(name, "cuda", 4)) return -1;
    if (!name[4]) return 0;
    if (name[4] != ':' || name[5] < '0' || name[5] > '9') return -1;
    long index = strtol(name + 5, &end, 10);
    return *end || index > 1024 ? -1 : (int)index;
}

bool run_device_known(const char *name) { return !strcmp(name, "cpu") || !strcmp(name, "auto") || cuda_index(name) >= 0; }

static Status open_cpu(RunDevice *d, Isa isa, Pool *pool, const char *why)
{
    d->backend = cpu_backend(pool);
    TRY(cpu_backend_use(&d->backend, isa), "cpu_isa");
    snprintf(d->text, sizeof d->text, "cpu, %d threads, %s%s%s", pool_workers(pool), isa_names[cpu_backend_isa(&d->backend)], *why ? ": " : "", why);
    return STATUS_OK;
}

static Status open_cuda(RunDevice *d, int index, Pool *pool)
{
    TRY(device_open(&d->device, index));
    const DeviceProperties *p = device_properties(d->device);
    d->backend = cuda_backend(d->device);
    d->backend.pool = pool;
    snprintf(d->text, sizeof d->text, "cuda:%d, %s, %.0f GB", index, p->name, (double)p->memory_bytes / 1e9);
    return STATUS_OK;
}

Status run_device_open(RunDevice *d, const char *name, Isa isa, Precision precision, Pool *pool)
{
    char why[256] = "";
    bool automatic = !strcmp(name, "auto");
    int index = automatic ? 0 : cuda_index(name), n = index < 0 ? 0 : device_count(getenv("CUDA_VISIBLE_DEVICES"), why);
    bool cpu = index < 0 || (automatic && !n);
    if (!cpu && !n) return fail(STATUS_INPUT, "device %s: %s", name, why);
    if (!cpu && index >= n) return fail(STATUS_INPUT, "device %s: there are %d, counted from 0", name, n);
    if (cpu) TRY(open_cpu(d, isa, pool, why));
    else TRY(open_cuda(d, index, pool), "device %s", name);
    d->backend.precision = precision;
    return STATUS_OK;
}

const char *run_device_arithmetic(const RunDevice *d)
{
    if (d->backend.precision == PRECISION_F32) return "computing in float32";
    bool rounds = !d->device && cpu_backend_isa(&d->backend) == ISA_AMX;
    return rounds ? "products and kept activations in bfloat16" : "computing in float32, activations kept in bfloat16";
}

Status run_device_memory(const RunDevice *d, int64_t *bytes)
{
    size_t free_bytes;
    if (!d->device) {
        *bytes = available_memory();
        return STATUS_OK;
    }
    TRY(device_free_bytes(d->device, &free_bytes), "memory of the device");
    *bytes = (int64_t)free_bytes;
    return STATUS_OK;
}

void run_device_close(RunDevice *d)
{
    device_close(d->device);
    *d = (RunDevice){0};
}
