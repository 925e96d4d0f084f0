# SPDX-License-Identifier: Apache-2.0
"""The plugin ABI only grows: whatever the frozen header of 1.0 declares, the current one declares in the same place."""
import os
import subprocess

import pytest
from abi_header import declarations, field_names

HERE = os.path.dirname(os.path.abspath(__file__))
FROZEN = os.path.join(HERE, "plugin-1.0.h")
CURRENT = os.path.join(HERE, "..", "..", "include", "egbert", "plugin.h")
OLD, NEW = declarations(FROZEN), declarations(CURRENT)


def test_the_reader_sees_the_header():
    assert len(OLD["structs"]) >= 18 and len(OLD["constants"]) >= 48
    assert "eg_plugin" in OLD["structs"] and OLD["constants"]["EG_E_INTERNAL"] == 13
    assert field_names(OLD["structs"]["eg_plugin"])[:3] == ["size", "abi_major", "abi_minor"]


@pytest.mark.parametrize("name", sorted(OLD["structs"]))
def test_structs_grow_at_the_end_only(name):
    old, new = OLD["structs"][name], NEW["structs"].get(name, [])
    assert new[:len(old)] == old
    if name in ("eg_dim", "eg_row", "eg_row_set"):  # without a size, and in arrays: these never grow
        assert new == old


def test_constants_keep_their_values():
    kept = {name: NEW["constants"].get(name) for name in OLD["constants"] if name != "EG_ABI_MINOR"}
    assert kept == {name: value for name, value in OLD["constants"].items() if name != "EG_ABI_MINOR"}
    assert NEW["constants"]["EG_ABI_MINOR"] >= OLD["constants"]["EG_ABI_MINOR"]


def test_the_entry_point_and_the_types_stay():
    assert set(OLD["others"]) <= set(NEW["others"])


@pytest.mark.parametrize("header", [FROZEN, CURRENT])
@pytest.mark.parametrize("compiler", [["cc", "-std=c11", "-xc"], ["c++", "-std=c++17", "-xc++"]])
def test_the_header_compiles_alone(header, compiler, tmp_path):
    source = tmp_path / "source"
    source.write_text(f'#include "{header}"\nint main() {{ return 0; }}\n')
    subprocess.run([*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", str(source)], check=True)


def layout(header, tmp_path):
    """What a compiler makes of it: {"struct.field": (offset, size)}."""
    lines = []
    for struct, fields in OLD["structs"].items():
        for name in field_names(fields):
            lines.append(f'printf("{struct}.{name} %zu %zu\\n", offsetof({struct}, {name}), '
                         f'sizeof((({struct} *)0)->{name}));')
    source = tmp_path / "layout.c"
    source.write_text(f'#include <stdio.h>\n#include "{header}"\nint main(void) {{ {" ".join(lines)} return 0; }}\n')
    subprocess.run(["cc", "-std=c11", "-o", str(tmp_path / "layout"), str(source)], check=True)
    return subprocess.run([str(tmp_path / "layout")], check=True, capture_output=True, text=True).stdout.splitlines()


def test_every_field_lies_where_it_lay(tmp_path):
    old = layout(FROZEN, tmp_path)
    assert len(old) > 150
    assert layout(CURRENT, tmp_path) == old
