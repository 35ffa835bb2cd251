/* Things the user should hear that are not errors: an old spelling mapped, a fallback chosen, rows dropped. Gathered
 * below train/, where nothing prints; train/ prints them once, in order. The same line is kept once. */
#ifndef KERNELS_NOTICES_H
#define KERNELS_NOTICES_H

typedef struct { char **line; int n, cap; } Notices;

void notice(Notices *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void notices_free(Notices *);

#endif
