/* Where the time of steps goes: calls, seconds and FLOP of every operation, forward and backward. The tape adds what it runs; a forward
 * made again in the reverse walk counts as forward. FLOP are those that the operation's row counts, at the sizes of the call. */
#ifndef KERNELS_PROFILE_H
#define KERNELS_PROFILE_H
#include "kernels/op.h"

typedef struct { int64_t calls; double seconds, flops; } ProfileRow;
typedef struct { ProfileRow row[OP_KINDS][2]; } Profile;        /* [operation, or the tape's own call][backward] */

double      profile_now(void);                                  /* seconds, monotonic */
void        profile_add(Profile *, int op, bool bwd, double seconds, double flops);
ProfileRow  profile_total(const Profile *);
const char *profile_name(int op);

#endif
