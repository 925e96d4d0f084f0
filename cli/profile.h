/* SPDX-License-Identifier: Apache-2.0 */
/* A profile that has been read, and its run as a trace. */
#ifndef EG_CLI_PROFILE_H
#define EG_CLI_PROFILE_H

#include "cli/json_in.h"

/* Writes the profile's spans in the trace format of Chrome, which Perfetto opens. */
EG_NODISCARD eg_status eg_profile_write_trace(const eg_json *profile, const char *path, eg_error *err);

#endif
