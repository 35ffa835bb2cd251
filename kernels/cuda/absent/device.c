/* The face of a device (kernels/cuda/device.h) in a program that was built without CUDA: there is none, and it says so. */
#include "kernels/cuda/device.h"

#include <stdio.h>

int device_count(const char *visible, char why[256])
{
    (void)visible;
    snprintf(why, 256, "built without CUDA");
    return 0;
}

Status device_open(Device **device, int index)
{
    (void)index;
    *device = NULL;
    return fail(STATUS_INPUT, "built without CUDA");
}

void device_close(Device *device) { (void)device; }

const DeviceProperties *device_properties(const Device *device)
{
    (void)device;
    CHECK(false, "no device was opened");
    return NULL;
}

void device_careful(Device *device, bool careful) { (void)device, (void)careful; }

Status device_free_bytes(Device *device, size_t *bytes)
{
    (void)device;
    *bytes = 0;
    return fail(STATUS_INPUT, "built without CUDA");
}

Backend cuda_backend(Device *device)
{
    (void)device;
    CHECK(false, "no device was opened");
    return (Backend){0};
}
