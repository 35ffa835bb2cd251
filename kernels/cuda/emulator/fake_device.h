/* The part of the CUDA runtime and of cuBLAS that graft calls, on the host: the same names, signatures and numbers, so that the same
 * source is compiled against it in tests. And, in its second half, what only tests say to it.
 *
 * Streams are deferred: nothing runs until somebody waits for it; then the streams that can go on take turns at random, one
 * operation at a time. A buffer used again too early, or an event that was forgotten, is a wrong value. Device memory
 * cannot be touched from outside (plain builds: SIGSEGV), is full of NaNs at first and has exact ends. The null stream, on which everything
 * waits for everything, does not exist here. What hardware would leave undefined ends the program with a sentence. */
#ifndef KERNELS_CUDA_EMULATOR_FAKE_DEVICE_H
#define KERNELS_CUDA_EMULATOR_FAKE_DEVICE_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2, cudaErrorInsufficientDriver = 35, cudaErrorInvalidDevice = 101,
    cudaErrorNoDevice = 100, cudaErrorNotReady = 600, cudaErrorIllegalAddress = 700, cudaErrorLaunchFailure = 719, cudaErrorUnknown = 999,
} cudaError_t;
typedef enum { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice } cudaMemcpyKind;
typedef enum { cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeRelaxed } cudaStreamCaptureMode;
enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2 };

typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;
struct cudaDeviceProp { char name[256]; size_t totalGlobalMem, sharedMemPerBlockOptin; int major, minor, multiProcessorCount; };

cudaError_t cudaDriverGetVersion(int *);
cudaError_t cudaRuntimeGetVersion(int *);
cudaError_t cudaGetDeviceCount(int *);
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *, int device);
cudaError_t cudaSetDevice(int);
cudaError_t cudaDeviceSynchronize(void);
cudaError_t cudaMemGetInfo(size_t *free, size_t *total);
cudaError_t cudaGetLastError(void);
const char *cudaGetErrorString(cudaError_t);

cudaError_t cudaMalloc(void **, size_t bytes);
cudaError_t cudaFree(void *);
cudaError_t cudaMallocHost(void **, size_t bytes);
cudaError_t cudaFreeHost(void *);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t);
cudaError_t cudaMemsetAsync(void *, int value, size_t bytes, cudaStream_t);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t);
cudaError_t cudaStreamSynchronize(cudaStream_t);
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t);
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t);
cudaError_t cudaEventSynchronize(cudaEvent_t);
cudaError_t cudaEventQuery(cudaEvent_t);

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode);
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t *);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *, cudaGraph_t, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t);
cudaError_t cudaGraphDestroy(cudaGraph_t);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t);

/* --- what tests say */

/* In which order the emulator runs blocks and the threads of a block. The seed also decides which stream goes on. */
typedef enum { EMULATOR_FORWARD, EMULATOR_REVERSE, EMULATOR_RANDOM } EmulatorSchedule;
void emulator_schedule(EmulatorSchedule, uint64_t seed);

/* The card and driver that are pretended; zero fields: what a test does not care about. */
typedef struct {
    int    n_devices, driver, runtime;           /* versions as CUDA counts them: 13000 */
    int    major, minor, multiprocessors;
    size_t memory, shared;                       /* bytes; of shared memory, the most a block may have */
    cudaError_t count_error;                     /* what cudaGetDeviceCount says */
} FakeDevice;
void   fake_device(FakeDevice);                  /* also forgets errors and counts; memory must all be free */
size_t fake_device_used(void);                   /* bytes allocated now, device and pinned */
size_t fake_device_most_used(void);

/* The call number `call` from now on, 1 the next, fails with `error`; launches and cuBLAS count too. From then on all fail if it `stays`. */
void    fake_device_fail(int64_t call, cudaError_t error, int stays);
int64_t fake_device_calls(void);

/* A function of cuBLAS by its name, as dlsym would give it; NULL: none. */
void *fake_device_cublas(const char *name);

#ifdef __cplusplus
}
#endif
#endif
