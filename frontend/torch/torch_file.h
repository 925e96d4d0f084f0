/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state dict as torch.save writes it, pytorch_model.bin: a zip file with data.pkl and the storages as its records
 * (torch 1.6 and later), or five pickles followed by the storages. Nothing in it is executed, and what is not a tensor
 * is refused. Tensors are views of the bytes given, with the strides that the file says.
 */
#ifndef EG_FRONTEND_TORCH_FILE_H
#define EG_FRONTEND_TORCH_FILE_H

#include "frontend/weights.h"

/* Whether the bytes begin as one of the two formats does. */
bool eg_torch_file_detect(const void *data, size_t size);
EG_NODISCARD eg_status eg_torch_file_add(eg_weights *weights, const char *path, eg_error *err);
/* The same for `size` bytes in memory, which must outlive weights. `file` is for messages and is copied. */
EG_NODISCARD eg_status eg_torch_file_parse(eg_weights *weights, const void *data, size_t size, const char *file,
                                           eg_error *err);

#endif
