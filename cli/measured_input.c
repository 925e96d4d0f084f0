/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/measured_input.h"

#include "cli/say.h"

eg_status
eg_measured_input_open(eg_measured_input *in, const eg_app *app, eg_error *err)
{
    const eg_arguments *args = &app->args;
    bool texts = args->words.count > 1 || args->input;
    *in = (eg_measured_input){0};
    if (texts && (args->shape || args->lengths))
        return eg_fault(err, EG_E_USAGE, "%s stands in place of texts; both are given",
                        args->shape ? "--shape" : "--lengths");
    if (!texts && args->input_format)
        return eg_fault(err, EG_E_USAGE, "--input-format without --input");
    return texts ? eg_source_open(args, 1, &eg_records_of_texts, &in->source, err)
                 : eg_shape_read(args, false, &in->shape, err);
}

eg_status
eg_measured_input_make(eg_measured_input *in, const eg_session *session, eg_error *err)
{
    if (!in->source) {
        EG_TRY(eg_shape_input_make(session, &in->shape, &in->ids, err));
        in->input = in->ids.input;
        return EG_OK;
    }
    EG_TRY(eg_source_rest(in->source, &in->chunk, err));
    in->input = eg_input_of(&in->chunk);
    in->input.progress = NULL;
    return EG_OK;
}

eg_status
eg_measured_input_end(eg_measured_input *in, eg_error *err)
{
    return in->source ? eg_source_next(in->source, 1, &in->chunk, err) : EG_OK;
}

void
eg_measured_input_close(eg_measured_input *in)
{
    eg_source_close(in->source);
    eg_shape_input_free(&in->ids);
    eg_shape_free(&in->shape);
    *in = (eg_measured_input){0};
}

eg_status
eg_measured_input_fault(const eg_measured_input *in, eg_error *err)
{
    if (in->source && !err->file[0] && (err->code == EG_E_INPUT || err->code == EG_E_USAGE))
        return eg_source_fault(in->source, err);
    /* A text of a shape that is too long is the command line's fault. */
    if (!in->source && !err->file[0] && err->code == EG_E_INPUT)
        err->code = EG_E_USAGE;
    return err->code;
}
