/* What a person sees of a run: the header, a progress bar on a terminal or plain lines elsewhere, the end. Everything but the
 * bar also goes to output_dir/train.log; on stderr, since stdout is for results. */
#ifndef TRAIN_RUN_REPORT_H
#define TRAIN_RUN_REPORT_H
#include <stdbool.h>
#include <stdio.h>

#include "kernels/notices.h"

#include "kernels/status.h"

typedef struct Trainer Trainer;

typedef struct {
    FILE  *log;                  /* train.log; NULL until it is opened */
    bool   bar;                  /* a terminal, and disable_tqdm does not say no */
    bool   shown;                /* the bar stands in the current line */
    bool   diverged;             /* a gradient was not finite, and that was said */
    int    n_notices;            /* of the trainer's, already shown */
    double drawn;                /* when the bar was last drawn, seconds */
    double tokens_at;            /* met before this process began */
} Report;

Status report_open(Report *, const Trainer *);           /* output_dir exists; also finds out whether it can be written to */
void report_close(Report *);                             /* accepts {0} */
void report_line(Report *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_notices(Trainer *);                          /* those not shown yet */
void report_header(Trainer *);                           /* model, adapter, data, one marked example, plan, device */
void report_step(Trainer *);                             /* after every step: the bar */
void report_entry(Trainer *, const char *line);          /* an entry of log_history */
void report_end(Trainer *);                              /* where the files are and the command to try them */

#endif
