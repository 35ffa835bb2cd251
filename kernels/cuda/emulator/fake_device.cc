#include "kernels/cuda/emulator/fake_device.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <deque>
#include <map>
#include <vector>

#include "kernels/cuda/emulator/emulator.h"

/* Where a sanitizer watches the heap, device memory comes from it; else it is made inaccessible while nothing runs. */
#if defined(SANITIZE_ADDRESS) || defined(SANITIZE_THREAD)
#define FROM_HEAP 1
#else
#define FROM_HEAP 0
#endif

enum { PAGE = 64 << 10, ALIGNED = 256 };
static const size_t ADDRESSES = (size_t)1 << 38;
static const unsigned char slack_byte = 0xA5;

/* An operation of a stream. What waits for an event goes on when that was recorded for the `ticket`th time. */
struct Item { std::function<void()> run; cudaEvent_t wait, record; uint64_t ticket; };
struct CUgraph_st { std::vector<Item> item; };
struct CUgraphExec_st { std::vector<Item> item; };
struct CUstream_st { std::deque<Item> queue; CUgraph_st *capture; };
struct CUevent_st { uint64_t recorded, done; };
struct Memory { size_t bytes; bool pinned; };

static const FakeDevice usual = { 1, 13000, 13000, 8, 9, 128, (size_t)4 << 30, 99 << 10, cudaSuccess };

/* One card, as there is one emulator. */
static struct {
    FakeDevice card = usual;
    std::vector<CUstream_st *> stream;
    std::map<char *, Memory> memory;
    size_t used = 0, device_used = 0, most_used = 0, taken = 0;
    char *addresses = NULL;
    int64_t calls = 0, fail_at = 0;
    cudaError_t error = cudaSuccess, last = cudaSuccess;
    bool stays = false, failed = false, running = false;
} &fake = *new std::remove_reference<decltype(fake)>::type;

[[noreturn]] static void stop(const char *what)
{
    fprintf(stderr, "fake device: %s\n", what);
    abort();
}

/* Counts a call; the error that it shall end with. */
static cudaError_t call()
{
    fake.calls++;
    bool fails = (fake.fail_at && fake.calls == fake.fail_at) || (fake.failed && fake.stays);
    if (!fails) return cudaSuccess;
    fake.failed = true;
    return fake.last = fake.error;
}
static cudaError_t error(cudaError_t code) { return fake.last = code; }
#define CALL()                                                          \
    do {                                                                \
        cudaError_t injected_ = call();                                 \
        if (injected_ != cudaSuccess) return injected_;                 \
    } while (0)

void fake_device(FakeDevice card)
{
    if (!fake.memory.empty()) stop("memory is still allocated");
    fake.card = card;
    fake.calls = fake.fail_at = 0;
    fake.error = fake.last = cudaSuccess;
    fake.failed = fake.stays = false;
    fake.used = fake.device_used = fake.most_used = 0;
}
size_t fake_device_used(void) { return fake.used; }
size_t fake_device_most_used(void) { return fake.most_used; }
int64_t fake_device_calls(void) { return fake.calls; }
size_t emulator_device_shared(void) { return fake.card.shared; }

void fake_device_fail(int64_t call, cudaError_t code, int stays)
{
    fake.fail_at = fake.calls + call;
    fake.error = code;
    fake.stays = stays;
    fake.failed = false;
}

/* --- memory */

static size_t rounded(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

/* The allocation that an address lies in, and how many bytes there are from there to its end; 0: none. */
static size_t room(const void *address, bool pinned)
{
    auto next = fake.memory.upper_bound((char *)address);
    if (next == fake.memory.begin()) return 0;
    auto [start, memory] = *--next;
    size_t at = (size_t)((char *)address - start);
    return memory.pinned == pinned && at < memory.bytes ? memory.bytes - at : 0;
}

/* Pages around an allocation's bytes. */
static void protect(char *start, size_t bytes, int how)
{
    char *first = (char *)((uintptr_t)start & ~(uintptr_t)(PAGE - 1));
    if (mprotect(first, rounded((size_t)(start - first) + bytes, PAGE), how)) stop("no memory for device memory");
}

static void make_accessible(bool yes)
{
    fake.running = yes;
    if (FROM_HEAP) return;
    for (auto &[start, memory] : fake.memory)
        if (!memory.pinned) protect(start, memory.bytes, yes ? PROT_READ | PROT_WRITE : PROT_NONE);
}

/* It ends at a page that is never accessible, but for what aligning it leaves free: that is filled, and looked at when it is freed. An
 * address is used once. */
static char *device_bytes(size_t bytes)
{
    if (!fake.addresses) fake.addresses = (char *)mmap(NULL, ADDRESSES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t aligned = rounded(bytes, ALIGNED), pages = rounded(aligned, PAGE) + PAGE;
    if (fake.addresses == MAP_FAILED || fake.taken + pages + PAGE > ADDRESSES) return NULL;
    fake.addresses = (char *)rounded((size_t)fake.addresses, PAGE);
    char *start = fake.addresses + fake.taken + pages - PAGE - aligned;
    fake.taken += pages;
    protect(start, aligned, PROT_READ | PROT_WRITE);
    memset(start + bytes, slack_byte, aligned - bytes);
    return start;
}

static char *new_bytes(size_t bytes, bool pinned)
{
    void *start = NULL;
    if (!pinned && !FROM_HEAP) start = device_bytes(bytes);
    else if (posix_memalign(&start, ALIGNED, bytes)) start = NULL;
    if (!start) return NULL;
    memset(start, 0xFF, bytes);
    if (!pinned && !FROM_HEAP && !fake.running) protect((char *)start, bytes, PROT_NONE);
    return (char *)start;
}

static cudaError_t allocate(void **out, size_t bytes, bool pinned)
{
    *out = NULL;
    if (!pinned && fake.device_used + bytes > fake.card.memory) return error(cudaErrorMemoryAllocation);
    if (!bytes) return cudaSuccess;
    char *start = new_bytes(bytes, pinned);
    if (!start) return error(cudaErrorMemoryAllocation);
    fake.memory[start] = Memory{ bytes, pinned };
    fake.used += bytes;
    if (!pinned) fake.device_used += bytes;
    if (fake.used > fake.most_used) fake.most_used = fake.used;
    *out = start;
    return cudaSuccess;
}

static void check_slack(char *start, size_t bytes)
{
    size_t aligned = rounded(bytes, ALIGNED);
    protect(start, aligned, PROT_READ | PROT_WRITE);
    for (size_t i = bytes; i < aligned; i++)
        if ((unsigned char)start[i] != slack_byte) stop("device memory was written behind its end");
    protect(start, aligned, PROT_NONE);
    char *first = (char *)rounded((size_t)start, PAGE);
    if (first < start + aligned) madvise(first, (size_t)(start + aligned - first), MADV_DONTNEED);
}

static void release(void *start, bool pinned)
{
    auto found = fake.memory.find((char *)start);
    if (found == fake.memory.end() || found->second.pinned != pinned) stop("memory is freed that was not allocated this way");
    size_t bytes = found->second.bytes;
    fake.used -= bytes;
    if (!pinned) fake.device_used -= bytes;
    fake.memory.erase(found);
    if (pinned || FROM_HEAP) free(start);
    else check_slack((char *)start, bytes);
}

/* --- streams */

static bool can_go_on(const CUstream_st *s)
{
    if (s->queue.empty()) return false;
    const Item &i = s->queue.front();
    return !i.wait || i.wait->done >= i.ticket;
}

static void go_on(CUstream_st *s)
{
    Item item = std::move(s->queue.front());
    s->queue.pop_front();
    if (item.run) item.run();
    if (item.record && item.record->done < item.ticket) item.record->done = item.ticket;
}

template <class Done> static void run_until(Done done)
{
    if (done()) return;
    make_accessible(true);
    while (!done()) {
        std::vector<CUstream_st *> ready;
        for (CUstream_st *s : fake.stream)
            if (can_go_on(s)) ready.push_back(s);
        if (ready.empty()) stop("every stream waits for an event that nobody will record");
        go_on(ready[emulator_random_below(ready.size())]);
    }
    make_accessible(false);
}

static bool all_idle()
{
    for (const CUstream_st *s : fake.stream)
        if (!s->queue.empty()) return false;
    return true;
}

static void put(cudaStream_t s, Item item)
{
    if (!s) stop("the null stream: everything waits for everything on it; name a stream");
    if (s->capture) s->capture->item.push_back(std::move(item));
    else s->queue.push_back(std::move(item));
}

void emulator_queue(const EmulatorLaunch *launch, cudaStream_t s, std::function<void()> body)
{
    if (call() != cudaSuccess) return;
    EmulatorLaunch copy = *launch;
    put(s, Item{ [copy, body] { emulator_run(&copy, body); }, NULL, NULL, 0 });
}

void emulator_check_pointer(const char *kernel, int argument, const void *pointer)
{
    if (!pointer || room(pointer, false) || room(pointer, true)) return;
    fprintf(stderr, "fake device: kernel %s: argument %d is %p, which is not device memory\n", kernel, argument, pointer);
    abort();
}

/* --- the runtime */

cudaError_t cudaDriverGetVersion(int *version) { *version = fake.card.driver; return cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int *version) { *version = fake.card.runtime; return cudaSuccess; }

/* Where there is no driver, `n` stays as it was, as with the real one. */
cudaError_t cudaGetDeviceCount(int *n)
{
    CALL();
    if (fake.card.count_error != cudaSuccess) return error(fake.card.count_error);
    *n = fake.card.n_devices;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device)
{
    CALL();
    if (device < 0 || device >= fake.card.n_devices) return error(cudaErrorInvalidDevice);
    *p = cudaDeviceProp();
    snprintf(p->name, sizeof p->name, "Emulated sm_%d%d", fake.card.major, fake.card.minor);
    p->totalGlobalMem = fake.card.memory;
    p->sharedMemPerBlockOptin = fake.card.shared;
    p->major = fake.card.major;
    p->minor = fake.card.minor;
    p->multiProcessorCount = fake.card.multiprocessors;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    CALL();
    return device >= 0 && device < fake.card.n_devices ? cudaSuccess : error(cudaErrorInvalidDevice);
}

cudaError_t cudaDeviceSynchronize(void)
{
    CALL();
    run_until(all_idle);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
    CALL();
    *total = fake.card.memory;
    *free = fake.card.memory - fake.device_used;
    return cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t last = fake.last;
    if (!fake.stays) fake.last = cudaSuccess;
    return last;
}

const char *cudaGetErrorString(cudaError_t code)
{
    switch (code) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInsufficientDriver: return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorNotReady: return "device not ready";
    case cudaErrorIllegalAddress: return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure: return "unspecified launch failure";
    case cudaErrorUnknown: return "unknown error";
    }
    return "unrecognized error code";
}

cudaError_t cudaMalloc(void **out, size_t bytes) { CALL(); return allocate(out, bytes, false); }
cudaError_t cudaMallocHost(void **out, size_t bytes) { CALL(); return allocate(out, bytes, true); }

/* What is given back is gone even where the call fails: the error then is that of something before it. */
static cudaError_t free_after_all(void *start, bool pinned)
{
    cudaError_t injected = call();
    if (!start) return injected;
    run_until(all_idle);
    release(start, pinned);
    return injected;
}
cudaError_t cudaFree(void *start) { return free_after_all(start, false); }
cudaError_t cudaFreeHost(void *start) { return free_after_all(start, true); }

/* A side is on the device for as many bytes as there are, or not at all. */
static void check_side(const void *at, size_t bytes, bool on_device)
{
    if (on_device ? room(at, false) < bytes : room(at, false) != 0) stop("a copy whose direction or length does not fit its memory");
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t s)
{
    CALL();
    check_side(to, bytes, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice);
    check_side(from, bytes, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice);
    put(s, Item{ [=] { memcpy(to, from, bytes); }, NULL, NULL, 0 });
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t s)
{
    CALL();
    check_side(to, bytes, true);
    put(s, Item{ [=] { memset(to, value, bytes); }, NULL, NULL, 0 });
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned)
{
    CALL();
    fake.stream.push_back(*out = new CUstream_st());
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    CALL();
    if (s->capture) stop("a stream is waited for while it is captured");
    run_until([=] { return s->queue.empty(); });
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    cudaError_t injected = call();
    run_until([=] { return s->queue.empty(); });
    for (auto &other : fake.stream)
        if (other == s) std::swap(other, fake.stream.back());
    fake.stream.pop_back();
    delete s;
    return injected;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned)
{
    CALL();
    *out = new CUevent_st();
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    cudaError_t injected = call();
    run_until(all_idle);
    delete e;
    return injected;
}

static void check_not_captured(cudaStream_t s)
{
    if (s && s->capture) stop("events inside a captured graph are not emulated");
}

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
    CALL();
    check_not_captured(s);
    put(s, Item{ nullptr, NULL, e, ++e->recorded });
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
    CALL();
    check_not_captured(s);
    put(s, Item{ nullptr, e, NULL, e->recorded });
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    CALL();
    uint64_t ticket = e->recorded;
    run_until([=] { return e->done >= ticket; });
    return cudaSuccess;
}

/* Whether it is so far is the device's affair: now and then it is. */
cudaError_t cudaEventQuery(cudaEvent_t e)
{
    CALL();
    if (e->done >= e->recorded) return cudaSuccess;
    if (emulator_random_below(2)) return cudaErrorNotReady;
    uint64_t ticket = e->recorded;
    run_until([=] { return e->done >= ticket; });
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode)
{
    CALL();
    if (!s || s->capture) return error(cudaErrorInvalidValue);
    s->capture = new CUgraph_st();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *out)
{
    CALL();
    if (!s || !s->capture) return error(cudaErrorInvalidValue);
    *out = s->capture;
    s->capture = NULL;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long)
{
    CALL();
    *out = new CUgraphExec_st{ graph->item };
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t s)
{
    CALL();
    for (const Item &item : graph->item) put(s, item);
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) { CALL(); delete graph; return cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) { CALL(); run_until(all_idle); delete graph; return cudaSuccess; }

/* --- cuBLAS: numbers as cublas_api.h and library_types.h have them */

enum { BLAS_OK = 0, BLAS_INVALID = 7, BLAS_FAILED = 13, BLAS_UNSUPPORTED = 15, BLAS_N = 0, REAL_F32 = 0, REAL_F16 = 2, REAL_BF16 = 14 };
enum { COMPUTE_F32 = 68 };
struct FakeBlas { cudaStream_t stream; };
struct Side { const void *at; int type, rows, cols, stride; bool transposed; };      /* op(X) is rows x cols; columns are contiguous */

static size_t size_of(int type) { return type == REAL_F32 ? 4 : 2; }

static float half_value(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    float size = exponent == 31 ? (mantissa ? NAN : INFINITY) : exponent ? ldexpf((float)(mantissa + 1024), exponent - 25) : ldexpf((float)mantissa, -24);
    return h >> 15 ? -size : size;
}

static float value_at(const void *at, size_t i, int type)
{
    if (type == REAL_F32) return ((const float *)at)[i];
    uint16_t bits = ((const uint16_t *)at)[i];
    if (type == REAL_F16) return half_value(bits);
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static void store_at(void *at, size_t i, int type, float value)
{
    uint32_t bits;
    if (type == REAL_F32) {
        ((float *)at)[i] = value;
        return;
    }
    memcpy(&bits, &value, sizeof bits);
    bits += 0x7FFF + (bits >> 16 & 1);
    ((uint16_t *)at)[i] = (uint16_t)(bits >> 16);
}

/* op(X) in float32, column by column. */
static std::vector<float> values_of(const Side &x)
{
    std::vector<float> out((size_t)x.rows * (size_t)x.cols);
    for (int j = 0; j < x.cols; j++)
        for (int i = 0; i < x.rows; i++)
            out[(size_t)j * (size_t)x.rows + (size_t)i] =
                value_at(x.at, x.transposed ? (size_t)i * (size_t)x.stride + (size_t)j : (size_t)j * (size_t)x.stride + (size_t)i, x.type);
    return out;
}

static void multiply(const Side &a, const Side &b, float alpha, float beta, const Side &c)
{
    std::vector<float> left = values_of(a), right = values_of(b), sum((size_t)c.rows * (size_t)c.cols);
    if (beta != 0) sum = values_of(c);
    if (a.cols) cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, a.rows, b.cols, a.cols, alpha, left.data(), a.rows, right.data(), a.cols, beta, sum.data(), c.rows);
    else for (float &s : sum) s = beta != 0 ? beta * s : 0;
    for (int j = 0; j < c.cols; j++)
        for (int i = 0; i < c.rows; i++) store_at((void *)c.at, (size_t)j * (size_t)c.stride + (size_t)i, c.type, sum[(size_t)j * (size_t)c.rows + (size_t)i]);
}

static int least_stride(const Side &x) { return x.transposed ? x.cols : x.rows; }

/* All batches lie inside their allocation, aligned to their elements. */
static void check_operand(const Side &x, int64_t apart, int batches)
{
    int lines = x.transposed ? x.rows : x.cols;
    if (!lines || !least_stride(x) || !batches) return;
    size_t last = ((size_t)(lines - 1) * (size_t)x.stride + (size_t)least_stride(x) + (size_t)(batches - 1) * (size_t)apart) * size_of(x.type);
    if (room(x.at, false) < last) stop("a matrix of cublasGemm that is not, or not wholly, in device memory");
    if ((uintptr_t)x.at % size_of(x.type)) stop("a matrix of cublasGemm that is not aligned");
}

static int gemm_batched(FakeBlas *blas, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int a_type, int lda, long long a_apart,
                        const void *b, int b_type, int ldb, long long b_apart, const void *beta, void *c, int c_type, int ldc, long long c_apart, int batches,
                        int compute, int)
{
    if (call() != cudaSuccess) return BLAS_FAILED;
    float by = *(const float *)alpha, keep = *(const float *)beta;
    if (m < 0 || n < 0 || k < 0 || batches < 0) return BLAS_INVALID;
    Side left = { a, a_type, m, k, lda, ta != BLAS_N }, right = { b, b_type, k, n, ldb, tb != BLAS_N }, to = { c, c_type, m, n, ldc, false };
    if (lda < least_stride(left) || ldb < least_stride(right) || ldc < m) return BLAS_INVALID;
    if (compute != COMPUTE_F32 || a_type != b_type || (a_type != c_type && c_type != REAL_F32) || c_type == REAL_F16) return BLAS_UNSUPPORTED;
    check_operand(left, a_apart, batches);
    check_operand(right, b_apart, batches);
    check_operand(to, c_apart, batches);
    put(blas->stream, Item{ [=] {
        for (int i = 0; i < batches; i++) {
            Side x = left, y = right, z = to;
            x.at = (const char *)a + (size_t)i * (size_t)a_apart * size_of(a_type);
            y.at = (const char *)b + (size_t)i * (size_t)b_apart * size_of(b_type);
            z.at = (char *)c + (size_t)i * (size_t)c_apart * size_of(c_type);
            multiply(x, y, by, keep, z);
        }
    }, NULL, NULL, 0 });
    return BLAS_OK;
}

static int gemm_one(FakeBlas *blas, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int a_type, int lda, const void *b, int b_type, int ldb,
                    const void *beta, void *c, int c_type, int ldc, int compute, int algorithm)
{
    return gemm_batched(blas, ta, tb, m, n, k, alpha, a, a_type, lda, 0, b, b_type, ldb, 0, beta, c, c_type, ldc, 0, 1, compute, algorithm);
}

static int blas_create(FakeBlas **out)
{
    if (call() != cudaSuccess) return BLAS_FAILED;
    *out = new FakeBlas();
    return BLAS_OK;
}
static int blas_destroy(FakeBlas *blas) { delete blas; return BLAS_OK; }
static int blas_set_stream(FakeBlas *blas, cudaStream_t s) { blas->stream = s; return call() == cudaSuccess ? BLAS_OK : BLAS_FAILED; }
static int blas_set_workspace(FakeBlas *, void *at, size_t bytes)
{
    if (bytes && room(at, false) < bytes) stop("cublasSetWorkspace: not device memory");
    return call() == cudaSuccess ? BLAS_OK : BLAS_FAILED;
}
static int blas_version(FakeBlas *, int *version) { *version = 130101; return BLAS_OK; }

void *fake_device_cublas(const char *name)
{
    static const struct { const char *name; void *code; } function[] = {
        { "cublasCreate_v2", (void *)blas_create }, { "cublasDestroy_v2", (void *)blas_destroy }, { "cublasSetStream_v2", (void *)blas_set_stream },
        { "cublasSetWorkspace_v2", (void *)blas_set_workspace }, { "cublasGetVersion_v2", (void *)blas_version },
        { "cublasGemmEx", (void *)gemm_one }, { "cublasGemmStridedBatchedEx", (void *)gemm_batched },
    };
    for (auto &f : function)
        if (!strcmp(f.name, name)) return f.code;
    return NULL;
}
