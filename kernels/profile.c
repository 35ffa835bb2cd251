#include "kernels/profile.h"

#include <time.h>

double profile_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void add(ProfileRow *to, int64_t calls, double seconds, double flops)
{
    to->calls += calls;
    to->seconds += seconds;
    to->flops += flops;
}

void profile_add(Profile *profile, int op, bool bwd, double seconds, double flops) { add(&profile->row[op][bwd], 1, seconds, flops); }

ProfileRow profile_total(const Profile *profile)
{
    ProfileRow total = {0};
    for (int op = 0; op < OP_KINDS; op++)
        for (int bwd = 0; bwd < 2; bwd++) add(&total, profile->row[op][bwd].calls, profile->row[op][bwd].seconds, profile->row[op][bwd].flops);
    return total;
}

const char *profile_name(int op) { return op < OP_COUNT ? op_rows[op].name : op == OP_NARROW ? "narrow" : op == OP_WIDEN ? "widen" : "segment"; }
