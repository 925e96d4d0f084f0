/* SPDX-License-Identifier: Apache-2.0 */
/* The tensors of a result, as JSON, as a table, and as arrays of an archive. */
#ifndef EG_CLI_TENSOR_OUT_H
#define EG_CLI_TENSOR_OUT_H

#include <egbert/egbert.h>

#include "cli/npy.h"
#include "cli/out.h"

/* "NAME": nested lists, for every output, of one text. */
void eg_print_outputs_json(eg_out *out, const eg_result *result, uint32_t text, bool first_key);
/* Per output of one text: name, shape, smallest, largest, mean, first numbers. */
void eg_print_outputs_table(eg_out *out, const eg_result *result, uint32_t text);
/* input_ids, cu_seqlens, token_type_ids and every output: tokens packed, pair values one array per text. */
EG_NODISCARD eg_status eg_save_outputs(eg_npz_writer *npz, const eg_result *result, eg_error *err);

#endif
