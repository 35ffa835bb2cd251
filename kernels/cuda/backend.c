#include "kernels/cuda/cuda.h"
#include "kernels/cuda/device.h"

Backend cuda_backend(Device *device)
{
    static const DeviceMemory memory = { device_take, device_give, device_write, device_clear, device_read, device_sync, device_place, device_unplace,
                                         device_at };
    return (Backend){ .name = "cuda", .device = device, .memory = &memory, .op = {
        [OP_EMBEDDING] = { cuda_embedding_fwd, NULL, NULL },
        [OP_NOISE] = { cuda_noise_fwd, cuda_noise_bwd, NULL },
        [OP_DROPOUT] = { cuda_dropout_fwd, cuda_dropout_bwd, NULL },
        [OP_NORM] = { cuda_norm_fwd, cuda_norm_bwd, cuda_norm_scratch },
        [OP_LINEAR] = { cuda_linear_fwd, cuda_linear_bwd, cuda_linear_scratch },
        [OP_ROPE] = { cuda_rope_fwd, cuda_rope_bwd, NULL },
        [OP_ATTENTION] = { cuda_attention_fwd, cuda_attention_bwd, cuda_attention_scratch },
        [OP_GATE] = { cuda_gate_fwd, cuda_gate_bwd, NULL },
        [OP_ACT] = { cuda_act_fwd, cuda_act_bwd, NULL },
        [OP_ADD] = { cuda_add_fwd, cuda_add_bwd, NULL },
        [OP_SCALE] = { cuda_scale_fwd, cuda_scale_bwd, NULL },
        [OP_SOFTCAP] = { cuda_softcap_fwd, NULL, NULL },
        [OP_COLUMNS] = { cuda_columns_fwd, cuda_columns_bwd, NULL },
        [OP_APPEND] = { cuda_append_fwd, NULL, NULL },
        [OP_HEAD] = { cuda_head_fwd, cuda_head_bwd, cuda_head_scratch },
        [OP_DENSE] = { cuda_dense_fwd, cuda_dense_bwd, NULL },
        [OP_GATHER] = { cuda_gather_fwd, cuda_gather_bwd, NULL },
        [OP_ADD_ROW] = { cuda_add_row_fwd, cuda_add_row_bwd, cuda_add_row_scratch },
    }, .narrow = cuda_narrow, .widen = cuda_widen };
}
