# SPDX-License-Identifier: Apache-2.0
"""Reads the declarations of a plugin.h: structs with their fields in order, constants, and the entry point."""
import re


def declarations(path):
    """{"structs": {name: [field, ...]}, "constants": {name: value}, "others": [text, ...]}, white space normalised."""
    text = open(path, encoding="utf-8").read()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    structs = {name: [" ".join(field.split()) for field in body.split(";") if field.strip()]
               for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \w+;", text, flags=re.S)}
    constants = {}
    for body in re.findall(r"\benum \{(.*?)\};", text, flags=re.S):
        for item in body.split(","):
            if item.strip():
                name, value = item.split("=")
                constants[name.strip()] = int(value)
    for name, value in re.findall(r"#define (EG_ABI_MAJOR|EG_ABI_MINOR|EG_MAX_RANK) (\d+)u", text):
        constants[name] = int(value)
    others = [" ".join(t.split()) for t in re.findall(r"^typedef [^{;]*;|^EG_EXPORT[^;]*;", text, flags=re.M)]
    return {"structs": structs, "constants": constants, "others": others}


def field_names(fields):
    """The names of a struct's fields: "void (*free)(int)" is free, "int64_t a[6], b" is a and b."""
    names = []
    for field in fields:
        function = re.search(r"\(\*(\w+)\)\(", field)
        if function:
            names.append(function.group(1))
            continue
        names += [re.search(r"(\w+)(\[\w+\])?$", part.strip()).group(1) for part in field.split(",")]
    return names
