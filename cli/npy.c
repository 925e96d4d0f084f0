/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/npy.h"

#include <string.h>

#include "cli/say.h"

void
eg_npy_header(char header[EG_NPY_HEADER], eg_dtype dtype, uint32_t rank, const int64_t *dims)
{
    static const char magic[] = "\x93NUMPY\x01";
    memset(header, ' ', EG_NPY_HEADER);
    memcpy(header, magic, sizeof magic); /* with its NUL: version 1.0 */
    header[8] = (char)(EG_NPY_HEADER - 10);
    header[9] = 0;
    char text[EG_NPY_HEADER];
    int length = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          dtype == EG_I64 ? "<i8" : "<f4");
    /* Five sizes of at most 12 digits fit beside the 60 bytes of the rest; larger arrays have no memory to be in. */
    for (uint32_t i = 0; i < rank; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%lld,", (long long)dims[i]);
    if (rank > 1)
        length--; /* the comma stays for one axis only, as in a Python tuple */
    length += snprintf(text + length, sizeof text - (size_t)length, "), }");
    memcpy(header + 10, text, (size_t)length);
    header[EG_NPY_HEADER - 1] = '\n';
}

eg_status
eg_npy_rows_open(eg_npy_rows *npy, const char *path, int64_t width, eg_error *err)
{
    *npy = (eg_npy_rows){.width = width};
    EG_TRY(eg_file_out_open(&npy->out, path, err));
    char room[EG_NPY_HEADER] = {0}; /* the number of rows is known at the end */
    return eg_file_out_write(&npy->out, room, sizeof room, err);
}

eg_status
eg_npy_rows_add(eg_npy_rows *npy, const float *data, int64_t rows, eg_error *err)
{
    npy->rows += rows;
    return eg_file_out_write(&npy->out, data, (size_t)(rows * npy->width) * sizeof *data, err);
}

eg_status
eg_npy_rows_commit(eg_npy_rows *npy, eg_error *err)
{
    char header[EG_NPY_HEADER];
    eg_npy_header(header, EG_F32, 2, (const int64_t[]){npy->rows, npy->width});
    if (fseeko(npy->out.file, 0, SEEK_SET) != 0)
        return eg_fault_errno(err, EG_E_IO, npy->out.path, "cannot be written");
    EG_TRY(eg_file_out_write(&npy->out, header, sizeof header, err));
    return eg_file_out_commit(&npy->out, err);
}

void
eg_npy_rows_close(eg_npy_rows *npy)
{
    eg_file_out_close(&npy->out);
}
