/* SPDX-License-Identifier: Apache-2.0 */
/* The library's repair of English text that was put together from tokens. Thread-safety: safe. */
#ifndef EG_FRONTEND_TOKENIZER_CLEAN_UP_H
#define EG_FRONTEND_TOKENIZER_CLEAN_UP_H

#include "base/mem.h"

/* Takes the blank out of " ." and the like, in the text from `begin` on; `do_not`: " do not" becomes " don't" too. */
void eg_clean_up(eg_strbuf *text, size_t begin, bool do_not);

#endif
