/* Packing: several rows in one example, so that a batch has few short ones. As TRL 1.16 packs, row for row.
 *
 *   bfd         best fit decreasing (arXiv:2404.10830): rows, cut at max_length, longest first, each into the bin with the least
 *               room that holds it, the oldest of equals; else into a new one. A bin's rows stay documents of their own.
 *   bfd_split   the same after cutting longer rows into pieces of max_length, the last one shorter; nothing is lost
 *   wrapped     everything in one stream, cut every max_length tokens: one document per example, attention across rows
 *
 * The peers pack 1000 rows at a time, and each process of dataset_num_proc its own part: bins never cross these borders. */
#ifndef DATA_SET_PACKING_H
#define DATA_SET_PACKING_H
#include <stdint.h>

#include "data/set/examples.h"

typedef enum { PACKING_BFD, PACKING_BFD_SPLIT, PACKING_WRAPPED } PackingStrategy;

typedef struct {
    PackingStrategy strategy;
    int64_t max_length;          /* tokens of a bin, at least 1 */
    int64_t n_processes;         /* dataset_num_proc; 0 and 1: one */
} PackingOptions;

typedef struct { int64_t cut_rows, lost_tokens; } PackingCounts;      /* what bfd cut off */

PackingCounts packing_pack(const Examples *, PackingOptions, Examples *out);

#endif
