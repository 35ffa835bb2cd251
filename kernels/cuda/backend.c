#include "kernels/cuda/cuda.h"
#include "kernels/cuda/device.h"

Backend cuda_backend(Device *device)
{
    static const DeviceMemory memory = { device_take, device_give, device_write, device_clear, device_read, device_sync, device_place, device_unplace };
    return (Backend){ .name = "cuda", .device = device, .memory = &memory, .op = {
        [OP_ADD] = { cuda_add_fwd, cuda_add_bwd, NULL },
    } };
}
