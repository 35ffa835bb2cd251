#include "kernels/cuda/dev.h"

extern "C" {
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/device.h"
#include "kernels/memory.h"
}

/* Two halves of pinned memory, filled in turn: a half is filled again when the copies out of it have ended. */
static const size_t HALF = 1 << 20, ALIGNED = 256;
typedef struct { char *bytes; size_t used; cudaEvent_t emptied; } Half;

typedef struct { const char *host; size_t bytes; char *device; } Placed;
typedef struct { cudaError_t error; OpId op; const char *what; } Fault;

struct Device {
    int    index;
    DeviceProperties properties;
    cudaStream_t stream;
    Half   half[2];
    int    filling;
    bool   careful;
    Fault  fault;
    Placed *placed;                     /* by host address */
    int    n_placed, placed_room;
    void  **taken;
    int    n_taken, taken_room;
};

static const OpId NO_OPERATION = OP_COUNT;

static void keep_fault(Device *d, cudaError_t error, OpId op, const char *what)
{
    if (error != cudaSuccess && d->fault.error == cudaSuccess) d->fault = Fault{ error, op, what };
}

static Status said(cudaError_t error, const char *what)
{
    return error == cudaSuccess ? STATUS_OK : fail(STATUS_FAULT, "CUDA, %s: %s", what, cudaGetErrorString(error));
}

static Status fault(const Device *d)
{
    if (d->fault.error == cudaSuccess) return STATUS_OK;
    const char *text = cudaGetErrorString(d->fault.error);
    if (d->fault.op >= OP_COUNT) return fail(STATUS_FAULT, "CUDA, %s: %s", d->fault.what, text);
    return fail(STATUS_FAULT, "CUDA, %s (kernel %s): %s", op_rows[d->fault.op].name, d->fault.what, text);
}

/* --- finding a device */

int device_count(const char *visible, char why[256])
{
    int n = 0, driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    cudaError_t error = driver ? cudaGetDeviceCount(&n) : cudaErrorInsufficientDriver;
    why[0] = 0;
    if (error == cudaSuccess && n) return n;
    if (!driver) snprintf(why, 256, "no NVIDIA driver found");
    else if (error == cudaErrorInsufficientDriver)
        snprintf(why, 256, "driver supports CUDA %d.%d, this build needs %d.%d (driver %d or newer)", driver / 1000, driver % 1000 / 10, runtime / 1000,
                 runtime % 1000 / 10, runtime >= 13000 ? 580 : 525);
    else if (error == cudaErrorNoDevice || error == cudaSuccess)
        snprintf(why, 256, "driver present, no GPU visible (CUDA_VISIBLE_DEVICES%s%s)", visible ? "=" : " is not set", visible ? visible : "");
    else snprintf(why, 256, "CUDA: %s", cudaGetErrorString(error));
    return 0;
}

static Status read_properties(Device *d)
{
    struct cudaDeviceProp p;
    TRY(said(cudaGetDeviceProperties(&p, d->index), "properties of the device"));
    snprintf(d->properties.name, sizeof d->properties.name, "%s", p.name);
    d->properties.major = p.major;
    d->properties.minor = p.minor;
    d->properties.multiprocessors = p.multiProcessorCount;
    d->properties.memory_bytes = p.totalGlobalMem;
    d->properties.shared_bytes = p.sharedMemPerBlockOptin;
    cudaDriverGetVersion(&d->properties.driver);
    cudaRuntimeGetVersion(&d->properties.runtime);
    if (p.major >= 8) return STATUS_OK;
    return fail(STATUS_INPUT, "device %d, %s, has compute capability %d.%d; 8.0 or newer is needed", d->index, p.name, p.major, p.minor);
}

static Status start(Device *d)
{
    TRY(said(cudaSetDevice(d->index), "choosing the device"));
    TRY(read_properties(d));
    TRY(said(cudaStreamCreateWithFlags(&d->stream, cudaStreamNonBlocking), "making a stream"));
    for (int i = 0; i < 2; i++) {
        TRY(said(cudaMallocHost((void **)&d->half[i].bytes, HALF), "pinned memory"));
        TRY(said(cudaEventCreateWithFlags(&d->half[i].emptied, cudaEventDisableTiming), "making an event"));
    }
    return STATUS_OK;
}

Status device_open(Device **out, int index)
{
    int n = 0;
    *out = NULL;
    TRY(said(cudaGetDeviceCount(&n), "counting devices"));
    if (index < 0 || index >= n) return fail(STATUS_INPUT, "device %d: there are %d, counted from 0", index, n);
    Device *d = (Device *)memory_new(1, sizeof *d);
    d->index = index;
    d->fault.op = NO_OPERATION;
    Status status = start(d);
    if (status != STATUS_OK) device_close(d);
    else *out = d;
    return status;
}

void device_close(Device *d)
{
    if (!d) return;
    if (d->stream) cudaStreamSynchronize(d->stream);
    for (int i = 0; i < d->n_placed; i++) cudaFree(d->placed[i].device);
    for (int i = 0; i < d->n_taken; i++) cudaFree(d->taken[i]);
    for (int i = 0; i < 2; i++) {
        if (d->half[i].emptied) cudaEventDestroy(d->half[i].emptied);
        if (d->half[i].bytes) cudaFreeHost(d->half[i].bytes);
    }
    if (d->stream) cudaStreamDestroy(d->stream);
    free(d->placed);
    free(d->taken);
    free(d);
}

const DeviceProperties *device_properties(const Device *d) { return &d->properties; }
void device_careful(Device *d, bool careful) { d->careful = careful; }

/* --- memory */

/* MEMORY_PUSH in C++: the list with room for one more. */
static void *one_more(void *list, int n, int *room, size_t size)
{
    if (n < *room) return list;
    *room = *room ? 2 * *room : 8;
    return memory_grow(list, (size_t)*room, size);
}

/* What does not fit is no fault: the device goes on. */
static Status allocate(size_t bytes, void **out)
{
    *out = NULL;
    if (!bytes) return STATUS_OK;
    cudaError_t error = cudaMalloc(out, bytes);
    if (error == cudaSuccess) return STATUS_OK;
    *out = NULL;
    cudaGetLastError();
    if (error != cudaErrorMemoryAllocation) return said(error, "device memory");
    return fail(STATUS_INPUT, "the device has no room for %zu bytes more", bytes);
}

Status device_take(Device *d, size_t bytes, void **out)
{
    TRY(allocate(bytes, out));
    d->taken = (void **)one_more(d->taken, d->n_taken, &d->taken_room, sizeof *d->taken);
    if (*out) d->taken[d->n_taken++] = *out;
    return STATUS_OK;
}

void device_give(Device *d, void *memory)
{
    if (!memory) return;
    for (int i = 0; i < d->n_taken; i++) {
        if (d->taken[i] != memory) continue;
        d->taken[i] = d->taken[--d->n_taken];
        keep_fault(d, cudaFree(memory), NO_OPERATION, "giving memory back");
        return;
    }
    CHECK(false, "memory is given back that was not taken");
}

Status device_free_bytes(Device *, size_t *bytes)
{
    size_t all;
    return said(cudaMemGetInfo(bytes, &all), "asking for free memory");
}

/* --- copies */

/* Room for up to `bytes` in the half that is being filled, or in the other when what is under way from there has ended. */
static char *staging(Device *d, size_t bytes, size_t *room)
{
    Half *h = &d->half[d->filling];
    if (h->used == HALF) {
        keep_fault(d, cudaEventRecord(h->emptied, d->stream), NO_OPERATION, "recording an event");
        d->filling ^= 1;
        h = &d->half[d->filling];
        keep_fault(d, cudaEventSynchronize(h->emptied), NO_OPERATION, "waiting for an event");
        h->used = 0;
    }
    *room = bytes < HALF - h->used ? bytes : HALF - h->used;
    char *at = h->bytes + h->used;
    h->used += (*room + ALIGNED - 1) / ALIGNED * ALIGNED;
    return at;
}

void device_write(Device *d, void *to, const void *from, size_t bytes)
{
    for (size_t at = 0, n; at < bytes && !device_faulty(d); at += n) {
        char *pinned = staging(d, bytes - at, &n);
        if (device_faulty(d)) return;
        memcpy(pinned, (const char *)from + at, n);
        keep_fault(d, cudaMemcpyAsync((char *)to + at, pinned, n, cudaMemcpyHostToDevice, d->stream), NO_OPERATION, "copying to the device");
    }
}

void device_clear(Device *d, void *memory, size_t bytes)
{
    if (bytes && !device_faulty(d)) keep_fault(d, cudaMemsetAsync(memory, 0, bytes, d->stream), NO_OPERATION, "clearing memory");
}

/* Once everything has ended, all of the staging is free. */
Status device_read(Device *d, void *to, const void *from, size_t bytes)
{
    TRY(device_sync(d));
    for (size_t at = 0; at < bytes; at += HALF) {
        size_t n = bytes - at < HALF ? bytes - at : HALF;
        cudaError_t error = cudaMemcpyAsync(d->half[0].bytes, (const char *)from + at, n, cudaMemcpyDeviceToHost, d->stream);
        keep_fault(d, error, NO_OPERATION, "copying from the device");
        TRY(device_sync(d));
        memcpy((char *)to + at, d->half[0].bytes, n);
    }
    return STATUS_OK;
}

Status device_sync(Device *d)
{
    if (d->fault.error == cudaSuccess) keep_fault(d, cudaStreamSynchronize(d->stream), NO_OPERATION, "running kernels");
    return fault(d);
}

/* --- arrays of the host */

/* The first that ends behind `host`. */
static int find(const Device *d, const char *host)
{
    int low = 0, high = d->n_placed;
    while (low < high) {
        int middle = (low + high) / 2;
        if (d->placed[middle].host + d->placed[middle].bytes > host) high = middle;
        else low = middle + 1;
    }
    return low;
}

static void remove_placed(Device *d, int i)
{
    keep_fault(d, cudaFree(d->placed[i].device), NO_OPERATION, "giving memory back");
    memmove(d->placed + i, d->placed + i + 1, (size_t)(--d->n_placed - i) * sizeof *d->placed);
}

static void insert_placed(Device *d, int i, Placed p)
{
    d->placed = (Placed *)one_more(d->placed, d->n_placed, &d->placed_room, sizeof *d->placed);
    memmove(d->placed + i + 1, d->placed + i, (size_t)(d->n_placed++ - i) * sizeof *d->placed);
    d->placed[i] = p;
}

Status device_place(Device *d, const void *host, size_t bytes)
{
    if (!bytes) return STATUS_OK;
    int i = find(d, (const char *)host);
    if (i < d->n_placed && d->placed[i].host == host && d->placed[i].bytes < bytes) remove_placed(d, i);
    if (i == d->n_placed || d->placed[i].host != host) {
        CHECK(i == d->n_placed || d->placed[i].host >= (const char *)host + bytes, "an array lies over another that is placed");
        void *device;
        TRY(allocate(bytes, &device));
        insert_placed(d, i, Placed{ (const char *)host, bytes, (char *)device });
    }
    device_write(d, d->placed[i].device, host, bytes);
    return STATUS_OK;
}

void device_unplace(Device *d, const void *host)
{
    int i = find(d, (const char *)host);
    if (host && i < d->n_placed && d->placed[i].host == host) remove_placed(d, i);
}

void *device_at(const Device *d, const void *host)
{
    if (!host) return NULL;
    int i = find(d, (const char *)host);
    CHECK(i < d->n_placed && d->placed[i].host <= (const char *)host, "an array that was not placed");
    return d->placed[i].device + ((const char *)host - d->placed[i].host);
}

/* --- for launchers */

struct CUstream_st *device_stream(const Device *d) { return d->stream; }
bool device_faulty(const Device *d) { return d->fault.error != cudaSuccess; }

void device_launched(Device *d, OpId op, const char *what)
{
    keep_fault(d, cudaGetLastError(), op, what);
    if (d->careful && !device_faulty(d)) keep_fault(d, cudaStreamSynchronize(d->stream), op, what);
}
