/* SPDX-License-Identifier: Apache-2.0 */
/* The second half of partitioning: from a target per node to stages and crossings. As thread-safe as the graph. */
#ifndef EG_GRAPH_STAGES_H
#define EG_GRAPH_STAGES_H

#include "graph/partition.h"

/* So many targets fit into the bit masks of memory spaces. */
enum { EG_MAX_TARGETS = 63 };

/* Memory spaces: 0 is the host's; a target without host memory has its own. Returns how many. */
uint32_t eg_number_spaces(const eg_target *targets, uint32_t target_count, uint32_t *space_of);

/* Fills partition->stages from target_of; the graph's order becomes theirs. A view stands before its first reader. */
EG_NODISCARD eg_status eg_build_stages(eg_graph *graph, const uint32_t *space_of, eg_partition *partition,
                                       eg_error *err);
/* Fills the stages' inputs and outputs, and the crossings. */
EG_NODISCARD eg_status eg_build_crossings(const eg_graph *graph, const uint32_t *space_of, eg_partition *partition,
                                          eg_error *err);

#endif
